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
    return run(experiment, folder).rows


def percent(row, name):
    return round(100 * getattr(row.rates, name).value, 1)


def test_table_1_comes_back_within_one_photograph(shared_data, tmp_path):
    rows = table_1(shared_data, tmp_path)
    assert [percent(row, "accuracy") for row in rows] == [100, 100, 97.5, 97.5, 85]
    assert [percent(row, "attack_success_rate") for row in rows] == [90, 85, 65, 62.5, 17.5]
    assert [percent(row, "control_success_rate") for row in rows] == [14.8, 9.5, 4.8, 8.2, 18.2]
    strongest = [(row.covered.strongest_by, row.covered.strongest.value) for row in rows]
    assert strongest[0] == (("white",), 0.375), "white alone, where the mean of random says 14.8 %"
    assert strongest[4] == (("black",), 0.3), "black alone does more than the attack"
    assert [row.bracket.attacked.value for row in (rows[0], rows[4])] == [0.1, 0.675]
    for row in rows:
        assert row.rates.accuracy.total == 40
        for name in ("accuracy", "attack_success_rate"):
            published = getattr(row.published, name)
            assert abs(getattr(row.rates, name).value - published) <= 0.025 + 1e-9, row.label
    assert [percent(row, "target_reached_rate") for row in (rows[0], rows[4])] == [90, 0]
    assert percent(rows[4], "prediction_altered_rate") == 2.5
    assert rows[0].rates.l2_dissimilarity == pytest.approx(0.234, abs=5e-4)


def test_reflect_padding_is_the_other_column(shared_data, tmp_path):
    rows = table_1(shared_data, tmp_path, "padding=reflect")
    assert [percent(row, "accuracy") for row in rows] == [100, 100, 100, 95, 87.5]
    assert [percent(row, "attack_success_rate") for row in rows] == [90, 87.5, 62.5, 65, 15]


def test_nothing_is_computed_twice(shared_data, tmp_path):
    calls = []

    def on_begin(step, place, total):
        calls.append(step.kind)
        return lambda done, total: None

    rp2 = {"rp2": str(shared_data / "rp2")}
    experiment = experiments.load("blackbox", (), rp2)
    first = run(experiment, tmp_path, on_begin)
    assert sorted(calls) == sorted(
        [*["control"] * 5, *["filter"] * 4, "network", "sticker", *["transfer"] * 5]
    )
    calls.clear()
    assert run(experiment, tmp_path, on_begin) == first
    assert not calls
    other = experiments.load("blackbox", ["padding=reflect"], rp2)
    run(other, tmp_path, on_begin, replace=True)
    assert sorted(calls) == [*["control"] * 4, *["filter"] * 4, *["transfer"] * 4], (
        "the baseline has no padding"
    )


def test_another_mask_makes_other_steps(shared_data, tmp_path):
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
    keys = [{step.key for step in e.expand().steps} for e in (experiment, moved)]
    assert not keys[0] & keys[1]


SHORT = (
    "training.epochs=3",
    "attack.steps=20",
    "rows=[{label: plain}, {label: filtered, defense: {filters: [{size: 3, after: relu1}]}}]",
)


def command(signs, out):
    changes = [argument for assignment in SHORT for argument in ("--set", assignment)]
    return [
        sys.executable, "-c", "from blurnet.cli.main import main; main()",
        "run", "blackbox", "--data", f"folder:{signs}", "--classes", "all", "--out", str(out),
        *changes, "--json", "--threads", "1",
    ]  # fmt: skip


def files_of(folder):
    """Give the records' files, without when and how they were computed."""
    found = {
        str(f.relative_to(folder)): f.read_bytes()
        for f in (folder / "records").rglob("*")
        if f.is_file()
    }
    for name in [name for name in found if name.endswith("config.json")]:
        found[name] = json.loads(found[name]) | {"computed": None}
    return found


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(drawn_folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    data = {"data": f"folder:{drawn_folder}", "classes": "all"}
    run(experiments.load("blackbox", SHORT, data), whole, threads=1)
    with subprocess.Popen(command(drawn_folder, killed), **quiet) as process:
        while not list(killed.glob("records/train-*")):
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / "results.json").exists()
    trained = next(killed.glob("records/train-*"))
    before = {f: f.stat().st_mtime_ns for f in trained.iterdir()}
    subprocess.run(command(drawn_folder, killed), check=True, **quiet)
    assert {f: f.stat().st_mtime_ns for f in trained.iterdir()} == before
    assert files_of(killed) == files_of(whole)
    rows = [json.loads((folder / "results.json").read_text())["rows"] for folder in (killed, whole)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4
    assert {row["transfer"] for row in rows[0]} == {"same_weights", "surrogate"}


def test_surrogate_rows_alone_need_data(shared_data, tmp_path):
    experiment = experiments.load(
        "blackbox", ["transfer=[surrogate]"], {"rp2": str(shared_data / "rp2")}
    )
    with pytest.raises(BlurnetError, match="need --data"):
        run(experiment, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_filters_go_into_a_finished_network(drawn_folder):
    data = {"data": f"folder:{drawn_folder}", "classes": "all"}
    row = "rows=[{label: x, defense: {augmentation: {name: occlusion}}}]"
    with pytest.raises(BlurnetError, match=r"row 'x': .*are for training"):
        experiments.load("blackbox", [row], data).expand()


def test_own_data_give_the_scene(drawn_folder):
    """Without RP2's photographs, held-out images of the data are attacked, not drawn ones."""
    data = {"data": f"folder:{drawn_folder}", "classes": "all"}
    plan = experiments.load("blackbox", ["true_class=yield", "target=stop"], data).expand()
    assert (plan.true_class, plan.target) == ("yield", "stop")
