"""The black-box experiment: Table 1 on RP2's artifacts, and a killed run that goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from blurnet import BlurnetError, experiments
from blurnet.experiments import run


def table_1(shared_data, folder, *assignments):
    experiment = experiments.load("blackbox", assignments, {"rp2": str(shared_data / "rp2")})
    return run(experiment, folder)["rows"]


def test_table_1_comes_back_within_one_photograph(shared_data, tmp_path):
    rows = table_1(shared_data, tmp_path)
    assert len(rows) == 5
    for row in rows:
        assert row["images"] == 40
        for name, published in row["published"].items():
            assert abs(row[name] - published) <= 0.025 + 1e-9, (row["label"], name)
    assert [row["target_reached_rate"] for row in (rows[0], rows[4])] == [0.9, 0]
    assert rows[4]["prediction_altered_rate"] == 0.025
    assert rows[0]["l2_dissimilarity"] == pytest.approx(0.234, abs=5e-4)


def test_reflect_padding_is_the_other_column(shared_data, tmp_path):
    rows = table_1(shared_data, tmp_path, "padding=reflect")
    assert [row["accuracy"] for row in rows] == [1, 1, 1, 0.95, 0.875]
    measured_before = [0.9, 0.875, 0.65, 0.65, 0.15]
    for row, expected in zip(rows, measured_before, strict=True):
        assert abs(row["attack_success_rate"] - expected) <= 0.025 + 1e-9, row["label"]


def test_nothing_is_computed_twice(shared_data, tmp_path):
    calls = []

    def on_cell(cell, place, total):
        calls.append(cell.kind)
        return lambda done, total: None

    experiment = experiments.load("blackbox", (), {"rp2": str(shared_data / "rp2")})
    first = run(experiment, tmp_path, on_cell)
    assert sorted(calls) == ["network", "sticker", *["transfer"] * 5]
    calls.clear()
    assert run(experiment, tmp_path, on_cell) == first
    assert not calls
    other = experiments.load("blackbox", ["padding=reflect"], {"rp2": str(shared_data / "rp2")})
    run(other, tmp_path, on_cell)
    assert calls == ["transfer"] * 4, "the row without a filter has no padding to change"


def test_another_mask_makes_other_cells(shared_data, tmp_path):
    experiment = experiments.load("blackbox", (), {"rp2": str(shared_data / "rp2")})
    mask = tmp_path / "rp2"
    mask.mkdir()
    for part in (shared_data / "rp2").iterdir():
        if part.name != "masks":
            (mask / part.name).symlink_to(part)
    (mask / "masks").mkdir()
    octagon = shared_data / "rp2" / "masks" / "octagon.png"
    (mask / "masks" / "sticker.png").write_bytes(octagon.read_bytes())
    moved = experiments.load("blackbox", (), {"rp2": str(mask)})
    keys = [{cell.key for cell in e.expand().cells} for e in (experiment, moved)]
    assert not keys[0] & keys[1]


def command(signs, out):
    return [
        sys.executable, "-c", "from blurnet.cli.main import main; main()",
        "run", "blackbox", "--data", f"folder:{signs}", "--classes", "all", "--out", str(out),
        "--set", "training.epochs=6", "--set", "attack.steps=60", "--json",
    ]  # fmt: skip


def files_of(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in (folder / "cells").rglob("*")
        if f.is_file()
    }


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(drawn_folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    subprocess.run(command(drawn_folder, whole), check=True, **quiet)
    with subprocess.Popen(command(drawn_folder, killed), **quiet) as process:
        while not list(killed.glob("cells/train-*")):
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / "results.json").exists()
    trained = next(killed.glob("cells/train-*"))
    before = {f: f.stat().st_mtime_ns for f in trained.iterdir()}
    subprocess.run(command(drawn_folder, killed), check=True, **quiet)
    assert {f: f.stat().st_mtime_ns for f in trained.iterdir()} == before
    assert files_of(killed) == files_of(whole)
    rows = [json.loads((folder / "results.json").read_text())["rows"] for folder in (killed, whole)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 10
    assert {row["transfer"] for row in rows[0]} == {"same_weights", "surrogate"}


def test_surrogate_rows_alone_need_data(shared_data, tmp_path):
    experiment = experiments.load(
        "blackbox", ["transfer=[surrogate]"], {"rp2": str(shared_data / "rp2")}
    )
    with pytest.raises(BlurnetError, match="need --data"):
        run(experiment, tmp_path / "out")
    assert not (tmp_path / "out").exists()
