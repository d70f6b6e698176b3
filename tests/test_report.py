"""The terminal's table and the page, from a run folder made by hand."""

import io
import json
import re
import shutil
import subprocess

import pytest
import torch
from rich.console import Console

from blurnet import BlurnetError
from blurnet.engine import Records
from blurnet.evaluation import attack_rates, mean_rate
from blurnet.experiments.cells import Cell, Outcome
from blurnet.report import print_table, write_page

EVIL = "<script>alert('x')</script>"
CLASSES = ["yield", "stop", EVIL]
STOP, TARGET = 1, 2
LONG = "[bold]& a label that does not fit into its column"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def record(records, kind, config, values, tensors=None, needs=None):
    cell = Cell(kind, kind, config, lambda *_: Outcome({}), needs or {})
    records.write(cell, Outcome(values, tensors or {}))
    return cell


def sticker_of(records, views, network, loss):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randint(256, (views, 3, 8, 8), dtype=torch.uint8, generator=generator)
    mask = torch.zeros(8, 8)
    mask[2:4, 2:6] = 1
    noise = torch.randn(3, 8, 8, generator=generator)
    settings = {"steps": len(loss), "lam": 0.02, "p": 2.0, "lr": 0.1}
    config = {"attack": settings, "seed": network.config["seed"]} if loss else {}
    values = {
        "true_class": "stop",
        "target": EVIL,
        "views": [f"view {i}" for i in range(views)],
        "l2_dissimilarity": 0.2345,
    }
    tensors = {
        "noise": noise,
        "mask": mask,
        "clean": clean,
        "adversarial": (clean / 255 + mask * noise).clamp(0, 1),
    }
    return record(
        records,
        "sticker",
        config,
        values | ({"loss": loss} if loss else {}),
        tensors,
        {"network": network} if loss else {},
    )


def row_of(records, label, transfer, network, sticker, clean, attacked, published=None):
    filters = (
        []
        if label == "baseline"
        else [{"kernel": "box", "size": 5, "after": "relu1", "padding": "zeros"}]
    )
    control = [clean] * 10
    values = {
        "classes": CLASSES,
        "true": STOP,
        "target": TARGET,
        "clean": {"classes": clean, "confidence": [0.75] * len(clean)},
        "attacked": {"classes": attacked, "confidence": [0.515] * len(clean)},
        "control": control,
    }
    config = {"label": label, "transfer": transfer}
    needs = {"network": network, "sticker": sticker}
    cell = record(records, "transfer", config, values, needs=needs)
    rates = attack_rates(torch.tensor(clean), torch.tensor(attacked), STOP, TARGET)
    measured = vars(rates) | {"control_success_rate": mean_rate(torch.tensor(control) != STOP)}
    return {
        "label": label,
        "defense": filters,
        "transfer": transfer,
        **{name: r.value for name, r in measured.items()},
        "test_accuracy": 0.912,
        "l2_dissimilarity": 0.2345,
        "images": len(clean),
        "test_images": 1000,
        "intervals": {name: [r.low, r.high] for name, r in measured.items()}
        | {"test_accuracy": [0.893, 0.928]},
        "published": published,
        "cell": cell.key,
    }


@pytest.fixture
def folder(tmp_path):
    records = Records(tmp_path)
    trained = {
        "model": "lisa_cnn",
        "classes": CLASSES,
        "train_images": 500,
        "test_accuracy": {"value": 0.912, "low": 0.893, "high": 0.928, "total": 1000},
        "epoch_losses": [2.5, 0.75],
    }
    network, surrogate = (record(records, "train", {"seed": seed}, trained) for seed in (0, 1))
    all_right, half = [STOP] * 8, [STOP, TARGET] * 4
    same = sticker_of(records, 8, network, [])
    carried = sticker_of(records, 8, surrogate, [9.0, 4.0, 1.25])
    first = {"accuracy": 1.0, "attack_success_rate": 0.9}
    one_wrong, one_reached = [0, *all_right[1:]], [0, TARGET, *all_right[2:]]
    rows = [
        row_of(records, "baseline", "same_weights", network, same, all_right, [TARGET] * 8, first),
        row_of(records, LONG, "same_weights", network, same, one_wrong, one_reached,
               {"accuracy": 0.875, "attack_success_rate": 0.175}),
        row_of(records, "baseline", "surrogate", network, carried, all_right, half),
        row_of(records, LONG, "surrogate", network, carried, one_wrong, half),
    ]  # fmt: skip
    results = {
        "experiment": "blackbox",
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"python": "3.11.7", "blurnet": "0.1.0", "machine": "Linux, 2 threads"},
        "settings": {
            "rp2": None, "data": None, "seed": 0, "surrogate_seed": 1, "padding": "zeros",
        },
        "rows": rows,
    }  # fmt: skip
    (tmp_path / "results.json").write_text(json.dumps(results))
    return tmp_path


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
    assert "not comparable" in " ".join(text.split())
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
    assert "not comparable" in page
    assert "published 17.5 %" in page, "the figure tells it too"


def test_page_shows_both_transfers_with_their_own_sticker(folder):
    page = page_of(folder)
    photographs = page[page.index('<section id="photographs"') :]
    assert photographs.count('<div class="views">') == 2
    images = re.findall(r'<img class="pixels" src="(data:image/png;base64,[^"]+)"', photographs)
    assert len(images) == 2 * 8 * 2
    assert photographs.count("75.0 %") == photographs.count("51.5 %") == 2 * 8 * 2
    assert "right on 7 of 8 clean views and on 6 with the sticker; 1 taken for" in photographs
    assert "RP2&#39;s loss: 9 at the start" in page or "RP2's loss: 9 at the start" in page
    assert "Training loss by epoch: 2.5 in the first, 0.75 in the last" in page


def test_page_takes_names_for_text(folder):
    page = page_of(folder)
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert LONG.replace("&", "&amp;") in page


def test_page_loads_nothing(folder):
    page = page_of(folder)
    sources = re.findall(r'\b(?:src|href|action|poster|srcset)\s*=\s*"([^"]*)"', page)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_page_opens_in_a_browser_without_complaint(folder, tmp_path):
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", write_page(folder).as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert 'id="photographs"' in done.stdout
    assert done.stdout.count("<svg") > 8
    assert ":CONSOLE" not in done.stderr, done.stderr
