"""Cells and records: identity, resume, whole or not at all, one run in a folder."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
from made_runs import SMALL, defenses_run

from blurnet import BlurnetError, experiments
from blurnet.engine import Records, run
from blurnet.engine.local import run_cells
from blurnet.engine.step import Cell, Outcome
from blurnet.files import read_json, write_whole


def add_one(needs, on_step, folder):
    on_step(1, 1)
    return Outcome({"value": sum(need.values["value"] for need in needs.values()) + 1})


def chain():
    first = Cell("first", "one", {"x": 1}, add_one)
    second = Cell("second", "two", {"x": 1}, add_one, {"before": first})
    return first, second, Cell("third", "three", {}, add_one, {"a": first, "b": second})


def test_identity_is_the_description():
    first, second, _ = chain()
    assert first.key == Cell("first", "another title", {"x": 1}, print).key
    assert first.key != Cell("first", "one", {"x": 2}, add_one).key
    assert first.key != Cell("other", "one", {"x": 1}, add_one).key
    changed = Cell("first", "one", {"x": 2}, add_one)
    assert second.key != Cell("second", "two", {"x": 1}, add_one, {"before": changed}).key
    assert Cell("k", "", {"a": 1, "b": 2}, print).key == Cell("k", "", {"b": 2, "a": 1}, print).key


def test_runs_what_is_missing_in_order_and_once(tmp_path):
    records, seen = Records(tmp_path), []

    def on_cell(cell, place, total):
        seen.append((cell.kind, place, total))
        return lambda done, total: None

    *_, third = chain()
    run_cells([third, third], records, on_cell)
    assert seen == [("first", 1, 3), ("second", 2, 3), ("third", 3, 3)]
    assert records[third.key].values == {"value": 4}
    run_cells([third], records, on_cell)
    assert len(seen) == 3


def test_record_gives_back_what_was_written(tmp_path):
    records, cell = Records(tmp_path), Cell("kind", "", {"name": "é"}, print)
    tensors = {"a": torch.rand(2, 3).T, "b": torch.arange(4)}
    records.write(cell, Outcome({"x": [1, 0.1, None]}, tensors))
    found = records[cell.key]
    assert found.values == {"x": [1, 0.1, None]}
    assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)
    assert records.description(cell.key) == cell.description
    assert {f.name for f in (tmp_path / "cells" / cell.key).iterdir()} == {
        "config.json",
        "result.json",
        "tensors.safetensors",
    }


def test_a_failing_cell_keeps_what_was_finished_before_it(tmp_path):
    def fail(needs, on_step, folder):
        raise BlurnetError("no")

    first, *_ = chain()
    records, failing = Records(tmp_path), Cell("fails", "", {}, fail, {"first": first})
    with pytest.raises(BlurnetError, match="no"):
        run_cells([failing], records)
    assert first.key in records
    assert failing.key not in records


def test_half_written_record_is_not_there(tmp_path):
    first, *_ = chain()
    records = Records(tmp_path)
    partial = tmp_path / "cells" / f".{first.key}.partial"
    partial.mkdir(parents=True)
    (partial / "config.json").write_text("{}")
    assert first.key not in records
    with records.locked():
        assert not partial.exists()
        run_cells([first], records)
    assert records[first.key].values == {"value": 1}


def test_what_a_recorded_cell_worked_with_goes(tmp_path):
    first, second, _ = chain()
    records = Records(tmp_path)
    run_cells([first], records)
    folders = [tmp_path / "cells" / f".{cell.key}.working" for cell in (first, second)]
    for folder in folders:
        folder.mkdir()
    with records.locked():
        assert [folder.exists() for folder in folders] == [False, True]


def test_full_disk_is_one_clear_error_and_leaves_no_record(tmp_path, monkeypatch):
    records, cell = Records(tmp_path), chain()[0]

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlurnetError, match="cannot write there: No space left on device"):
        records.write(cell, Outcome({"x": 1}))
    assert not list((tmp_path / "cells").iterdir())
    with pytest.raises(BlurnetError, match="No space left"):
        write_whole(tmp_path / "results.json", b"{}")
    assert [f.name for f in tmp_path.iterdir()] == ["cells"]


def test_damaged_record_is_a_clear_error(tmp_path):
    records, cell = Records(tmp_path), chain()[0]
    records.write(cell, Outcome({"x": 1}, {"t": torch.rand(3)}))
    result = tmp_path / "cells" / cell.key / "result.json"
    result.write_text("{")
    with pytest.raises(BlurnetError, match=r"result\.json.*remove .* and run again"):
        records[cell.key]
    result.write_text("{}")
    tensors = tmp_path / "cells" / cell.key / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    with pytest.raises(BlurnetError, match=r"tensors\.safetensors"):
        records[cell.key]
    with pytest.raises(BlurnetError, match="No such file"):
        read_json(tmp_path / "nothing.json")


SLOW_RUN = """
    import sys, time
    from pathlib import Path
    from blurnet.engine import Records
    from blurnet.engine.local import run_cells
    from blurnet.engine.step import Cell, Outcome

    def slow(needs, on_step, folder):
        print("working", flush=True)
        time.sleep(60)
        return Outcome({})

    quick = Cell("quick", "", {}, lambda needs, on_step, folder: Outcome({"value": 1}))
    records = Records(Path(sys.argv[1]))
    with records.locked():
        run_cells([Cell("slow", "", {}, slow, {"quick": quick})], records)
"""


@pytest.fixture
def slow_run(tmp_path):
    """A run in another process, in the middle of its second cell."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW_RUN), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process
        process.kill()


def test_two_runs_in_one_folder(tmp_path, slow_run):
    with (
        pytest.raises(BlurnetError, match="another run is writing there"),
        Records(tmp_path).locked(),
    ):
        pass


def test_a_killed_run_frees_its_folder_and_keeps_finished_cells(tmp_path, slow_run):
    os.kill(slow_run.pid, signal.SIGKILL)
    slow_run.wait()
    records = Records(tmp_path)
    with records.locked():
        names = {f.name.partition("-")[0] for f in records.cells.iterdir()}
        assert names == {"quick", ".slow"}, "the second cell keeps its working folder alone"


def test_write_whole_replaces(tmp_path):
    path = tmp_path / "results.json"
    for content in (b"1", b"22"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert json.loads(path.read_text()) == 22


def test_a_run_that_adds_nothing_keeps_the_machine_that_found_the_numbers(tmp_path, monkeypatch):
    folder = defenses_run(tmp_path, *SMALL)
    before = (folder / "results.json").read_bytes()
    versions = read_json(folder / "results.json")["versions"]
    assert versions["torch"] == torch.__version__
    assert "core" in versions["machine"]
    assert versions["machine"].endswith(("thread", "threads"))
    monkeypatch.setattr("blurnet.engine.provenance.PACKAGES", ("blurnet",))
    data = {"data": f"folder:{folder / 'data'}", "classes": "stop,yield,merge"}
    run(experiments.load("whitebox", SMALL, data), folder)
    assert (folder / "results.json").read_bytes() == before
    run(experiments.load("whitebox", [*SMALL, "seeds=[0]"], data), folder)
    after = read_json(folder / "results.json")
    assert set(after["versions"]) == {"python", "blurnet", "system", "machine"}
