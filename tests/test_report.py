"""The terminal's table and the page, from a run folder made by hand."""

import base64
import hashlib
import io
import json
import re
import shutil

import pytest
from made_runs import LONG, blackbox_run
from rich.console import Console

from blurnet import BlurnetError
from blurnet.report import print_table, write_page


@pytest.fixture
def folder(tmp_path):
    return blackbox_run(tmp_path)


def results_in(folder):
    return json.loads((folder / "results.json").read_text())


def page_of(folder):
    return write_page(folder).read_text().replace("\u00a0", " ")


def change(folder, **values):
    (folder / "results.json").write_text(json.dumps(results_in(folder) | values))


def printed(results):
    out = io.StringIO()
    print_table(results, Console(file=out, width=80))
    return out.getvalue()


def test_table_fits_80_columns_and_holds_every_number(folder):
    results = results_in(folder)
    text = printed(results)
    assert max(map(len, text.splitlines())) <= 80
    for row in results["rows"]:
        line = next(
            line
            for line in text.splitlines()
            if line.startswith(row["label"][:10])
            and f"{100 * row['attack_success_rate']:.1f} " in line
            and f"{100 * row['target_reached_rate']:.1f} " in line
        )
        low, high = row["intervals"]["attack_success_rate"]
        assert f"{100 * low:.1f}–{100 * high:.1f}" in line
        for rate in ("accuracy", "prediction_altered_rate", "control_success_rate"):
            assert f"{100 * row[rate]:.1f}" in line
        if row["published"]:
            assert line.rstrip().endswith(("100/90", "87.5/17.5"))
    assert text.index("these very weights") < text.index("trained with another seed")
    assert "91.2 89.3–92.8" in " ".join(text.split())
    assert "Published (the talk's Table 1)" in " ".join(text.split())
    assert "[bold]&" in text, "a label is text, not markup"


def test_table_is_plain_where_it_is_not_a_terminal(folder, capsys):
    print_table(results_in(folder))
    assert "\x1b" not in capsys.readouterr().out


def test_page_shows_measured_beside_published(folder):
    page = page_of(folder)
    for row in results_in(folder)["rows"]:
        for name, (low, high) in row["intervals"].items():
            cell = f"{100 * row[name]:.1f} %<small>{100 * low:.1f}–{100 * high:.1f}</small>"
            assert cell in page, (row["label"], name)
    for published in ("87.5 %", "17.5 %"):
        assert re.search(rf'<td class="published">\s*{published}', page)
    assert "published 17.5 %" in page, "the figure tells it too"


def test_what_was_published_does_not_stand_beside_other_photographs(tmp_path):
    drawn = blackbox_run(tmp_path, rp2=None)
    page, text = page_of(drawn), " ".join(printed(results_in(drawn)).split())
    assert "not comparable and is left out" in page
    assert "not comparable and is left out" in text
    assert 'class="published"' not in page
    assert "100/90" not in text


def test_page_shows_both_transfers_with_their_own_sticker(folder):
    page = page_of(folder)
    photographs = page[page.index('<section id="photographs"') :]
    assert photographs.count('data-for=\'{"Attacker"') == 2
    images = re.findall(r'<img class="pixels" src="(data:image/png;base64,[^"]+)"', photographs)
    assert len(images) == 2 * 8 * 2
    assert photographs.count("75.0 %") == photographs.count("51.5 %") == 2 * 8 * 2
    assert "right on 7 of 8 clean views and on 6 with the sticker; 1 taken for" in photographs
    assert "RP2&#39;s loss, surrogate: from 9 to 1.25 in 3 steps" in page
    assert "Training loss, seed 0: from 2.5 to 0.75 in 2 epochs" in page


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
    assert all("aria-label" in svg for svg in re.findall(r'<svg class="(?:bar|line)"[^>]*>', page))
    assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", page))
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "against 100.0 % unfiltered"),
        ({}, "wrong on 12.5 % of the views without any sticker"),
        ({}, "not a proof of robustness"),
        ({}, "So no filter lowered the attack success rate."),
        ({"attack_success_rate": 0.1}, "does not stand out from mere covering"),
    ],
)
def test_verdict_claims_no_more_than_the_rows(folder, changes, said):
    rows = results_in(folder)["rows"]
    rows[1] |= changes
    change(folder, rows=rows)
    page = page_of(folder)
    assert said in page[page.index('<section id="summary"') : page.index('<section id="results"')]


def test_overlapping_intervals_settle_nothing(folder):
    rows = results_in(folder)["rows"]
    rows[3]["attack_success_rate"] -= 0.125
    change(folder, rows=rows)
    assert "8 images do not settle that it helped" in page_of(folder)


def test_same_page_is_left_alone(folder):
    path = write_page(folder)
    before = path.stat()
    write_page(folder)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    change(folder, created="2027-01-01T00:00:00+00:00")
    assert "2027-01-01" in write_page(folder).read_text()
    assert not list(folder.glob(".*.partial"))


def test_no_results_no_page(tmp_path):
    with pytest.raises(BlurnetError, match=r"results\.json: no such file"):
        write_page(tmp_path)
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(BlurnetError, match="not a file of blurnet's"):
        write_page(tmp_path)


def test_missing_record_is_named(folder):
    key = results_in(folder)["rows"][0]["cell"]
    shutil.rmtree(folder / "cells" / key)
    with pytest.raises(BlurnetError, match=key):
        write_page(folder)
