"""The terminal's table and the page, from a run folder made by hand."""

import base64
import hashlib
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import COMPUTED, EVIL, LONG, blackbox_run, changed_row, defenses_run, write_results
from rich.console import Console

import blurnet
from blurnet import BlurnetError, RP2Settings
from blurnet.experiments import load_results
from blurnet.report import print_table, write_page
from blurnet.report.blocks import Bar, Bars
from blurnet.report.figures.drawings import drawings_in
from blurnet.report.tables import NOTHING, Column, Published, Row, Share, Table, Words, number_cell

REPORT = Path(blurnet.__file__).parent / "report"


@pytest.fixture
def folder(tmp_path):
    return blackbox_run(tmp_path)


def page_of(folder):
    return write_page(folder).read_text().replace("\u00a0", " ")


def printed(folder, width=80):
    out = io.StringIO()
    print_table(load_results(folder), Console(file=out, width=width))
    return out.getvalue()


def span(rate):
    return f"{100 * rate.low:.1f}–{100 * rate.high:.1f}"


BY_NAME = {"tensors", "measured", "files", "COLOURS"}
"""What has names by its nature: a record's tensors, measurements by state, files, colours."""


def test_no_result_is_read_by_a_string():
    """Results are typed: what a table shows is an attribute, never a key in a dict."""
    code = [path for path in REPORT.rglob("*") if path.suffix in {".py", ".j2"}]
    assert len(code) > 40
    subscripts = [
        (path.name, found[0])
        for path in code
        for found in re.finditer(r"""([\w)\]]+)\[f?["'][^"']*["']\]""", path.read_text())
        if found[1] not in BY_NAME
    ]
    assert subscripts == []


def test_table_fits_80_columns_and_holds_every_number(folder):
    results, text = load_results(folder), printed(folder)
    assert max(map(len, text.splitlines())) <= 80
    for row in results.rows:
        rates = row.rates
        line = next(
            line
            for line in text.splitlines()
            if line.startswith(row.label[:10])
            and f"{100 * rates.attack_success_rate.value:.1f} " in line
            and f"{100 * rates.target_reached_rate.value:.1f} " in line
        )
        assert span(rates.attack_success_rate) in line
        for rate in (rates.accuracy, rates.prediction_altered_rate, rates.control_success_rate):
            assert f"{100 * rate.value:.1f}" in line
        if row.published:
            assert line.rstrip().endswith(("100/90", "87.5/17.5"))
    assert text.index("these very weights") < text.index("trained with another seed")
    assert "91.2 89.3–92.8" in " ".join(text.split())
    assert "Published (the talk's Table 1)" in " ".join(text.split())
    assert "[bold]&" in text, "a label is text, not markup"


def test_table_is_plain_where_it_is_not_a_terminal(folder, capsys):
    print_table(load_results(folder))
    assert "\x1b" not in capsys.readouterr().out


def test_page_shows_measured_beside_published(folder):
    page = page_of(folder)
    for row in load_results(folder).rows:
        rates = row.rates
        for rate in (
            rates.accuracy,
            rates.attack_success_rate,
            rates.prediction_altered_rate,
            rates.target_reached_rate,
            rates.control_success_rate,
            rates.test_accuracy,
        ):
            assert f"{100 * rate.value:.1f} %<small>{span(rate)}</small>" in page
    for published in ("87.5 %", "17.5 %"):
        assert f'<td class="published">{published}</td>' in page
    assert "published 17.5 %" in page, "the figure tells it too"


def test_what_was_published_does_not_stand_beside_other_photographs(tmp_path):
    drawn = blackbox_run(tmp_path, rp2=None)
    page, text = page_of(drawn), " ".join(printed(drawn).split())
    assert "not comparable and is left out" in page
    assert "not comparable and is left out" in text
    assert 'class="published"' not in page
    assert "100/90" not in text


def test_a_surrogate_s_sticker_is_not_the_published_one(folder):
    results = load_results(folder)
    told = results.rows[0].published
    rows = tuple(row.model_copy(update={"published": told}) for row in results.rows)
    write_results(folder, results.model_copy(update={"rows": rows}))
    assert printed(folder).count("100/90") == 2, "of the two that had these very weights"


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ({}, True),
        ({"steps": 1000, "precision": "auto", "piece": 7}, True),
        ({"steps": 299}, False),
        ({"keep": "closest"}, False),
        ({"start": "zeros"}, False),
        ({"betas": (0.5, 0.999)}, False),
        ({"eps": 1e-4}, False),
        ({"lam": 0.002}, False),
        ({"placement": "paste"}, False),
        ({"stop_when_done": True}, False),
    ],
)
def test_what_was_published_stands_beside_the_published_attack_alone(
    published_beside, settings, same
):
    page, text = published_beside(RP2Settings(**settings))
    assert ("49.18" in text or "49.2" in text) == same
    assert ("published 0.207" in page) == same
    assert ("What the talk published is left out" in page) != same


def test_what_was_published_is_about_the_talk_s_own_network(published_beside):
    page, text = published_beside(RP2Settings(), model="grey_resnet")
    assert "49.2" not in text
    assert "published 0.207" not in page


@pytest.fixture
def published_beside(tmp_path):
    """Show a run that was given the attack's settings, and RP2's photographs."""
    folder = defenses_run(
        tmp_path,
        "seeds=[0]", "views=6", "other_classes=[]",
        "attacks={formula: {settings: {steps: 3}}}",
        "rows=[{label: ours, published: {accuracy: 0.91, mean: 0.4918, l2_dissimilarity: 0.207}}]",
    )  # fmt: skip
    made = load_results(folder)

    def shown(attack, **changes):
        formula = made.settings.attacks["formula"].model_copy(update={"settings": attack})
        asked = {"rp2": Path("rp2"), "attacks": {"formula": formula}}
        settings = made.settings.model_copy(update=asked)
        rows = tuple(row.model_copy(update=changes) for row in made.rows)
        own = {"settings": settings, "rows": rows, "rp2_differs": ()}
        write_results(folder, made.model_copy(update=own))
        return page_of(folder), printed(folder, 110)

    return shown


def test_page_shows_both_transfers_with_their_own_sticker(folder):
    page = page_of(folder)
    photographs = page[page.index('<section id="photographs-and-answers"') :]
    assert photographs.count('data-for=\'{"Attacker"') == 2
    images = re.findall(r'<img class="pixels" src="(data:image/png;base64,[^"]+)"', photographs)
    assert len(images) == 2 * 8 * 2
    assert photographs.count("75.0 %") == photographs.count("51.5 %") == 2 * 8 * 2
    assert "right on 7 of 8 clean views and on 6 with the sticker; 1 taken for" in photographs
    assert "RP2&#39;s loss, surrogate: from 9 to 1.25 in 3 steps" in page
    assert "Training loss, lisa_cnn, seed 0: from 2.5 to 0.75 in 2 epochs" in page
    assert "Made here with RP2: 3 steps, λ 0.02, p 2, Adam 0.1, seed 1." in page
    assert "Taken as published, not made here." in page


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 8, 8), (3, 80, 96)])
def test_images_of_any_channels_and_size_are_shown(tmp_path, shape):
    folder = blackbox_run(tmp_path, shape=shape)
    page = page_of(folder)
    kind = "webp" if shape[-1] > 64 else "png"
    assert page.count(f"data:image/{kind};base64") >= 2 * 8 * 2
    figures = blurnet.report(folder).figures
    assert any("photographs" in path.name for path in figures)


def test_versions_and_machine_are_those_of_the_records(folder):
    page = page_of(folder)
    assert "A processor of its time, 4 cores, 2 threads" in page
    assert "python 3.11.7, blurnet 0.1.0, torch 2.13.0" in page
    results = load_results(folder)
    other = COMPUTED.by.model_copy(update={"machine": "Another processor"})
    both = results.model_copy(update={"computed_by": (COMPUTED.by, other)})
    page = page_of(write_results(folder, both))
    assert "Machine (1 of 2)" in page
    assert "Another processor, 4 cores" in page


def test_a_page_is_called_as_its_experiment(tmp_path):
    page = page_of(blackbox_run(tmp_path, name="fixed-blur"))
    assert "<h1>Experiment “fixed-blur”</h1>" in page
    assert 'download="fixed-blur.csv"' in page


def test_page_takes_names_for_text(folder):
    page = page_of(folder)
    assert page.count("<script") == 1, "blurnet's own"
    assert "&lt;script&gt;alert(" in page
    assert LONG.replace("&", "&amp;") in page


def test_page_loads_nothing(folder):
    page = page_of(folder)
    sources = re.findall(r'\b(?:src|href|action|poster|srcset)\s*=\s*"([^"]*)"', page)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|@import|url\(", page)
    script = re.search(r"<script>(.*)</script>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src"
    assert f"{policy} 'sha256-{digest}'" in page
    assert len(page.encode()) < 2_000_000


def test_page_can_be_heard(folder):
    page = page_of(folder)
    assert all(re.search(r' alt="[^"]+"', image) for image in re.findall(r"<img [^>]*>", page))
    assert all("aria-label" in svg for svg in re.findall(r'<svg class="bar"[^>]*>', page))
    assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", page))
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


def test_verdict_claims_no_more_than_the_rows(folder):
    before = outcome(folder)
    for said in (
        "against 100.0 % unfiltered",
        "The one filtered network, “[bold]&amp; a label",
        "wrong on 12.5 % of the views without any sticker",
        "not a proof of robustness",
        "So no filter lowered the attack success rate.",
    ):
        assert said in before
    changed = outcome(changed_row(folder, 1, attack_success_rate=0))
    assert "does not stand out from mere covering" in changed


def outcome(folder):
    page = page_of(folder)
    return page[page.index('<section id="what-came-out"') : page.index('<section id="results"')]


def test_overlapping_intervals_settle_nothing(folder):
    page = page_of(changed_row(folder, 3, attack_success_rate=0.375))
    assert "8 images do not settle that it helped" in page


def test_same_page_is_left_alone(folder):
    path = write_page(folder)
    before = path.stat()
    write_page(folder)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    later = load_results(folder).model_copy(update={"created": "2027-01-01T00:00:00+00:00"})
    assert "2027-01-01" in write_page(write_results(folder, later)).read_text()
    assert not list(folder.glob(".*.partial"))


def test_no_results_no_page(tmp_path):
    with pytest.raises(BlurnetError, match=r"results\.json: no such file"):
        write_page(tmp_path)
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(BlurnetError, match="not results that this version of blurnet wrote"):
        write_page(tmp_path)


def test_missing_record_is_named(folder):
    key = load_results(folder).rows[0].step
    shutil.rmtree(folder / "records" / key)
    with pytest.raises(BlurnetError, match=key):
        write_page(folder)


def test_a_damaged_record_is_advised_about_once(folder):
    key = load_results(folder).rows[0].step
    (folder / "records" / key / "result.json").write_text("{")
    with pytest.raises(BlurnetError) as raised:
        write_page(folder)
    assert str(raised.value).count(key) <= 2, "the file, and what to remove"
    assert str(raised.value).count("remove") == 1
    (folder / "records" / key / "result.json").unlink()
    with pytest.raises(BlurnetError) as raised:
        write_page(folder)
    assert str(raised.value).count("remove") == 1


def test_damaged_results_are_not_to_be_removed_with_all_records(folder):
    (folder / "results.json").write_text("{")
    with pytest.raises(BlurnetError) as raised:
        write_page(folder)
    assert f"remove {folder} " not in str(raised.value)
    assert str(raised.value).count("remove") <= 1


def test_one_table_for_page_and_terminal():
    table = Table(
        "Both",
        (
            Column("share", "share", interval=True),
            Column("on the page alone"),
            Column("", "short"),
            Column("published", "publ.", published=True),
        ),
        (
            Row("one", (Share(0.5, None), Words("long"), Words("x"), Published((0.125,))), "more"),
            Row("two", (NOTHING, number_cell(-1.5, ".1f"), NOTHING, Published((None,)))),
        ),
    )
    assert [table.columns[place].title for place in table.on_page] == [
        "share", "on the page alone", "published",
    ]  # fmt: skip
    out = io.StringIO()
    from blurnet.report import print_blocks

    print_blocks([table], Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert lines[0] == "Both (in %)"
    assert lines[4].split() == ["one", "50.0", "–", "x", "12.5"]
    assert lines[5].split() == ["two", "–", "–", "–", "–"]
    assert number_cell(-1.5, ".1f").page == "−1.5"


def test_figures_are_found_wherever_they_are():
    rate = load_rate()
    bars = Bars("t", "success", (Bar("a", rate), Bar("b", replace(rate, value=0), 0.5)))
    found = list(drawings_in([{"deep": (Table("no", (), ()), bars)}]))
    assert [drawing.name for drawing in found] == ["t"]
    assert found[0].png.startswith(b"\x89PNG")


def load_rate():
    import torch

    from blurnet.evaluation import rate

    return rate(torch.tensor([True, False]))


def test_evil_stays_text(folder):
    assert EVIL not in page_of(folder)
