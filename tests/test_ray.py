"""Steps on a real Ray cluster of three raylets: the same bits, a killed node, faults, no folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import typer

pytest.importorskip("ray", reason="needs Ray (extra: ray)")

from ray_clusters import raylets
from test_jobs import (
    Seen,
    contents,
    faulty,
    gone,
    learn,
    one,
    step,
    sweep,
    wait_until_running,
    warn,
)
from test_runs import ROWS

from blurnet import BlurnetError
from blurnet.cli.progress import progress
from blurnet.engine import FailedSteps, OnRay, Records, run_steps
from blurnet.engine.failures import failure_of

# Ray's own code leaves files to the garbage collector, and warns of its own future.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with raylets() as found:
        yield found


@pytest.fixture(scope="module")
def connected(cluster):
    """The cluster, and a connection that all tests share: its processes import torch once."""
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("blurnet.engine.ray_run.FIRST_PAUSE", 0.1)
    monkeypatch.setattr("blurnet.engine.ray_run.RETRIES", 1)


def run_noted(place, seed, steps, pause, needs, on_step, folder):
    """``learn``, and note from which of its steps each attempt went on, and on which node."""
    import ray

    kept = folder / "kept.json"
    done = json.loads(kept.read_text())[0] if kept.exists() else 0
    node = ray.get_runtime_context().get_node_id()
    with (place / f"{seed}.txt").open("a") as file:
        file.write(f"{done} {node}\n")
    return learn(seed, steps, pause, needs, on_step, folder)


def noted(place, seed):
    file = place / f"{seed}.txt"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_the_same_bits_as_on_this_machine(tmp_path, connected):
    alone, there, seen = Records(tmp_path / "1"), Records(tmp_path / "2"), Seen()
    run_steps(sweep(), alone, threads=1)
    with there.locked():
        run_steps([*sweep(), step("warns", warn)], there, seen, jobs=None, on=OnRay())
    same = contents(there)
    same.pop(f"{step('warns', warn).key}/result.json")
    assert same == contents(alone)
    assert str(seen.standing) == "6 steps to do, 3 side by side (1 thread each)"
    assert (seen.standing.done, len([line for line in seen.lines if "done" in line])) == (6, 6)
    assert "warns 0: UserWarning: look here" in seen.lines
    assert there.recorded(sweep()[0].key).computed.by.threads == 1
    assert not list(there.root.glob(".*")), "nothing is left of the work"
    assert not (there.folder / ".ray").exists()


def test_a_killed_node_costs_its_steps_a_pause_and_no_bits(tmp_path, connected):
    alone, there, seen = Records(tmp_path / "1"), Records(tmp_path / "2"), Seen()
    steps = [step("train", partial(run_noted, tmp_path, s, 150, 0.02), s) for s in range(4)]
    plain = [step("train", partial(learn, s, 150, 0), s) for s in range(4)]
    run_steps(plain, alone, threads=1)
    dead = []

    def kill():
        """Once a step on another node than the driver's has kept how far it is."""
        nodes = {node.node_id: node for node in connected.others}
        while not dead:
            for seed in range(4):
                begun = noted(tmp_path, seed)
                kept = there.working(steps[seed].key) / "kept.json"
                if begun and begun[-1][1] in nodes and kept.exists():
                    dead.append((seed, connected.kill(nodes[begun[-1][1]])))
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with there.locked():
        run_steps(steps, there, seen, jobs=None, on=OnRay())
    connected.others.append(connected.start())
    (seed, node), *_ = dead
    attempts = noted(tmp_path, seed)
    assert [each[1] == node for each in attempts] == [True, False]
    assert int(attempts[1][0]) >= 10, "it went on from where it was"
    assert contents(there) == contents(alone)
    tried = [line for line in seen.lines if "tried again in 0.1 s" in line]
    assert any(line.startswith(f"train {seed}: its ") for line in tried)
    assert not list(there.root.glob(".*"))


@pytest.mark.slow
def test_no_fault_costs_what_does_not_need_it(tmp_path, connected):
    lock = threading.Lock()
    records, seen, steps = Records(tmp_path), Seen(), faulty(tmp_path)
    steps.append(step("closure", lambda *given: one(*given) if lock else None))
    with records.locked(), pytest.raises(FailedSteps) as raised:
        run_steps(steps, records, seen, jobs=None, time_limit=20, on=OnRay())
    errors = {each.kind: each for each in raised.value.failed}
    assert errors["raises"].error.startswith("ValueError: two lines (test_jobs.py:")
    assert "in misbehave" in "".join(errors["raises"].traceback)
    assert errors["killed"].error == "its process was killed, 2 times"
    assert errors["hangs"].error == "took more than 20 s (--time-limit), and was killed"
    assert (len(errors), raised.value.blocked, raised.value.finished) == (3, 3, 4)
    assert sum(line.startswith("killed 0: its process was killed") for line in seen.lines) == 2
    assert not any("raises" in line and "again" in line for line in seen.lines)
    assert failure_of(records, steps[1].key).attempts == 1
    (tmp_path / "mended").touch()
    with records.locked():
        run_steps(steps, records, seen, jobs=None, on=OnRay())
    assert all(each.key in records for each in steps)
    assert not list(records.root.glob(".*"))


@pytest.mark.slow
def test_nodes_that_do_not_see_the_folder_send_their_records(tmp_path, connected, monkeypatch):
    alone, there, seen = Records(tmp_path / "1"), Records(tmp_path / "2"), Seen()
    run_steps(sweep(), alone, threads=1)
    monkeypatch.setattr("blurnet.engine.ray_run.MARK", ".not what tasks look for")
    with there.locked():
        run_steps(sweep(), there, seen, jobs=None, on=OnRay())
    assert contents(there) == contents(alone)
    assert there.checked(sweep()[0].key).computed.by.threads == 1
    assert not any("again" in line or "failed" in line for line in seen.lines)
    assert not list(there.root.glob(".*"))


@pytest.mark.slow
def test_an_experiment_has_the_rows_of_the_local_run(tmp_path, connected, drawn_folder, blurnet):
    asked = ["run", "blackbox", "--data", f"folder:{drawn_folder}", "--classes", "all"]
    quick = ["--set", "training.epochs=2", "--set", "attack.steps=3", "--quiet", "--threads", "1"]
    quick += ["--set", ROWS]
    status, _, said = blurnet(*asked, *quick, "--out", tmp_path / "1")
    assert status == 0, said
    there = Records(tmp_path / "2")

    def kill():
        while not list(there.root.glob("train-*")):
            time.sleep(0.02)
        connected.kill(connected.others[0], workers=False)

    threading.Thread(target=kill, daemon=True).start()
    status, _, said = blurnet(*asked, *quick, "--out", there.folder, "--engine", "ray")
    connected.others.append(connected.start())
    assert status == 0, said
    one, other = (json.loads((tmp_path / f / "results.json").read_text()) for f in "12")
    assert one["rows"] == other["rows"]
    assert contents(Records(tmp_path / "1")) == contents(there)


def test_how_many_steps_there_is_room_for(connected):
    def slots(threads=1, jobs=None, **how):
        with OnRay(**how).cluster(threads, jobs) as found:
            return found.how.jobs, found.how.threads

    until = time.monotonic() + 60
    while slots()[0] > 3 and time.monotonic() < until:
        time.sleep(0.5)  # Ray has not noticed yet that the node of the test before is dead
    assert slots() == (3, 1)
    assert slots(jobs=2) == (2, 1)
    with pytest.raises(BlurnetError, match="no node of the Ray cluster has the 2 CPUs that a step"):
        slots(2)
    with pytest.raises(BlurnetError, match=r"has the 1 CPU and 0\.25 GPU that a step takes"):
        slots(gpus=0.25)
    node = connected.start(num_cpus=3, num_gpus=1)
    try:
        assert slots(gpus=0.25) == (3, 1)
        assert slots(gpus=0.5) == (2, 1)
    finally:
        connected.stop(node)


def main(folder, address):
    """Run a slow sweep in a process of its own, as ``blurnet run`` does."""
    records = Records(Path(folder))
    try:
        with progress(quiet=False) as watch, records.locked():
            run_steps(sweep(150, 0.05), records, watch, jobs=None, on=OnRay(address))
    except typer.Exit as leave:
        sys.exit(leave.exit_code)


@pytest.fixture
def begin(cluster):
    started = []

    def begin(folder):
        command = [sys.executable, __file__, str(folder), cluster.address]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process, wait_until_running(process, folder, 2)

    yield begin
    for process in started:
        process.kill()
        if not process.stderr.closed:
            process.communicate()


@pytest.mark.slow
def test_ctrl_c_and_a_killed_driver_leave_what_the_same_call_goes_on_from(tmp_path, begin):
    alone, there = Records(tmp_path / "1"), Records(tmp_path / "2")
    process, running = begin(there.folder)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert "ending 2 steps; Ctrl-C again kills what runs" in said
    assert said.endswith("what is finished is kept, and the same command goes on from it\n")
    assert "Traceback" not in said
    assert process.returncode == 130
    assert not list(there.root.glob(".*.failed.json")), "interrupted is not failed"
    process, running = begin(there.folder)
    while not all((there.working(each.key) / "kept.json").exists() for each in running):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert all(gone(each.pid) for each in running)
    run_steps(sweep(150), alone, threads=1)
    with there.locked():
        run_steps(sweep(150), there, threads=1)
    assert contents(there) == contents(alone)


def test_what_a_user_gets_wrong(tmp_path, blurnet, monkeypatch, drawn_folder):
    asked = ["run", "blackbox", "--out", tmp_path / "run", "--data", f"folder:{drawn_folder}"]
    asked += ["--classes", "all"]
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    for wrong, message in {
        ("--address", "auto"): "--address and --gpus-per-step are for --engine ray",
        ("--engine", "ray", "--gpus-per-step", "1.5"): "whole, or a fraction of one, such as 0.25",
        ("--engine", "ray", "--address", "127.0.0.1:9"): "no Ray cluster at 127.0.0.1:9: Conn",
    }.items():
        status, said, error = blurnet(*asked, *wrong)
        assert (status, said) == (2, ""), error
        assert message in error.splitlines()[-1]
    monkeypatch.setitem(sys.modules, "ray", None)
    status, said, error = blurnet(*asked, "--engine", "ray")
    assert (status, said) == (2, "")
    assert "need Ray: pip install 'blurnet[ray]'" in error.splitlines()[-1]


if __name__ == "__main__":
    main(*sys.argv[1:])
