"""Steps side by side, with real processes: the same bits, real kills, hangs, Ctrl-C, and status."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
import typer

from blurnet import BlurnetError
from blurnet.engine import (
    CannotKeep,
    FailedSteps,
    Outcome,
    Records,
    Step,
    Watch,
    run_steps,
    status_of,
)
from blurnet.engine.failures import failure_of
from blurnet.engine.how import How, choose
from blurnet.engine.watch import Left, Pace, Running, Standing
from blurnet.settings import Settings


class Config(Settings):
    seed: int = 0


class Value(Settings):
    value: float = 0.0
    threads: int = 0


def learn(seed, steps, pause, needs, on_step, folder):
    """A small training that keeps how far it is, and goes on from there."""
    kept = folder / "kept.json"
    done, weights = json.loads(kept.read_text()) if kept.exists() else (0, None)
    torch.manual_seed(seed)
    images, wanted = torch.rand(64, 3, 16, 16), torch.rand(64, 4)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(1152, 4)
    )
    for need in needs.values():
        model.load_state_dict(need.tensors)
    if weights is not None:
        model.load_state_dict({name: torch.tensor(each) for name, each in weights.items()})
    for step in range(done, steps):
        loss = (model(images) - wanted).square().mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(model.parameters(), gradients, strict=True):
                weight.sub_(gradient, alpha=0.05)
        on_step(step + 1, steps, f"loss {loss.item():.3f}")
        time.sleep(pause)
        if step % 10 == 9:
            state = {name: each.tolist() for name, each in model.state_dict().items()}
            temporary = folder / "kept.partial"
            temporary.write_text(json.dumps([step + 1, state]))
            temporary.replace(kept)
    return Outcome(Value(value=loss.item(), threads=torch.get_num_threads()), model.state_dict())


def one(needs, on_step, folder):
    return Outcome(Value(value=1 + sum(need.values.value for need in needs.values())))


def unless_mended(place, fault, needs, on_step, folder):
    if not (place / "mended").exists():
        fault()
    return one(needs, on_step, folder)


def misbehave():
    raise ValueError("two\nlines")


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(600)


def fill_the_disk(needs, on_step, folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    return one(needs, on_step, folder)


def warn(needs, on_step, folder):
    warnings.warn("look here", stacklevel=1)
    print("not for standard output")
    return one(needs, on_step, folder)


def wait_for_ctrl_c(needs, on_step, folder, *, stubborn):
    on_step(1, 2)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        if stubborn:
            time.sleep(600)
        (folder / "checkpoint").touch()
        raise
    return one(needs, on_step, folder)


def step(kind, work, seed=0, **needs):
    return Step(kind, 1, f"{kind} {seed}", Config(seed=seed), Value, work, needs)


def sweep(steps=60, pause=0.0):
    """Four trainings, two of them from the others' weights."""
    first = [step("train", partial(learn, seed, steps, pause), seed) for seed in (0, 1)]
    second = [step("tune", partial(learn, s, steps, pause), s, start=first[s]) for s in (0, 1)]
    return [*second, step("sum", one, a=second[0], b=second[1])]


def contents(records):
    """All that was found, bit for bit: values and tensors, by record."""
    return {
        f"{file.parent.name}/{file.name}": file.read_bytes()
        for file in records.root.glob("[!.]*/*")
        if file.name != "config.json"
    }


class Seen(Watch):
    def __init__(self):
        self.lines, self.standing = [], None

    def planned(self, standing):
        self.standing = standing

    def begun(self, step, place, total):
        self.lines.append(f"{place}/{total} {step.title}")
        return super().begun(step, place, total)

    def ended(self, step, seconds, error):
        self.lines.append(f"{step.title}: {error or 'done'}")

    def said(self, text):
        self.lines.append(text)


def test_the_same_bits_side_by_side_as_one_after_the_other(tmp_path):
    alone, aside, seen = Records(tmp_path / "1"), Records(tmp_path / "2"), Seen()
    before = torch.get_num_threads()
    run_steps(sweep(), alone, jobs=1, threads=1)
    run_steps(sweep(), aside, seen, jobs=2)
    assert contents(alone) == contents(aside)
    assert len(contents(alone)) == 5 + 4
    assert str(seen.standing) == "5 steps to do, 2 side by side (1 thread each)"
    assert seen.standing.done == 5
    assert seen.lines[0] == "1/5 train 0"
    assert torch.get_num_threads() == before
    by = aside.recorded(sweep()[0].key).computed.by
    assert by.threads == 1


def faulty(place):
    """Steps that go wrong until ``mended`` lies in the place, one of each kind, and sound ones."""
    sound = step("sound", one)
    raises = step("raises", partial(unless_mended, place, misbehave), a=sound)
    return [
        sound,
        raises,
        step("killed", partial(unless_mended, place, kill_itself)),
        step("hangs", partial(unless_mended, place, hang)),
        step("here", lambda *given: one(*given), a=sound),  # noqa: PLW0108 - cannot be pickled
        step("late", one, 1, a=sound),
        step("lost", one, a=raises, b=sound),
        step("lost", one, 1, c=step("lost", one, 2, a=raises)),
    ]


def test_no_fault_costs_what_does_not_need_it(tmp_path):
    records, seen, steps = Records(tmp_path), Seen(), faulty(tmp_path)
    with records.locked(), pytest.raises(FailedSteps) as raised:
        run_steps(steps, records, seen, jobs=2, time_limit=3, command="blurnet run it")
    assert raised.value.exit_status == 1
    errors = {each.kind: each for each in raised.value.failed}
    assert errors["raises"].error.startswith("ValueError: two lines (test_jobs.py:")
    assert "in misbehave" in "".join(errors["raises"].traceback)
    assert "was killed (SIGKILL" in errors["killed"].error
    assert errors["hangs"].error == "took more than 3 s (--time-limit), and was killed"
    assert (len(errors), raised.value.blocked, raised.value.finished) == (3, 3, 3)
    message = str(raised.value)
    assert message.startswith("3 steps failed, 3 that need them not tried: ")
    assert message.endswith("3 finished steps are kept, and the same call goes on from there")
    assert "\n" not in message
    assert all(each.key in records for each in (steps[0], steps[4], steps[5]))
    found = status_of(tmp_path)
    assert {s: found.count(s) for s in ("done", "failed", "blocked", "waiting", "running")} == {
        "done": 3, "failed": 3, "blocked": 3, "waiting": 0, "running": 0,
    }  # fmt: skip
    assert not found.active
    assert found.command == "blurnet run it"
    (tmp_path / "mended").touch()
    with records.locked():
        run_steps(steps, records, seen)
    assert status_of(tmp_path).count("done") == len(status_of(tmp_path).steps) == 9
    assert not list(records.root.glob(".*")), "nothing is left of failures and work"


def test_a_failure_in_this_process_costs_no_more(tmp_path):
    records, place = Records(tmp_path), tmp_path / "nowhere"
    raises = step("raises", partial(unless_mended, place, misbehave))
    sound = step("sound", one)
    for attempt in (1, 2):
        with pytest.raises(FailedSteps, match=r"^1 step failed, 1 that needs it not tried: raises"):
            run_steps([step("lost", one, a=raises), sound], records)
        assert sound.key in records
        assert failure_of(records, raises.key).attempts == attempt


def test_a_disk_that_takes_nothing_ends_the_run(tmp_path):
    records, seen = Records(tmp_path), Seen()
    warns, later = step("warns", warn), step("later", one)
    with pytest.raises(CannotKeep, match="cannot write there: File too large"):
        run_steps([warns, step("full", fill_the_disk), later], records, seen, time_limit=60)
    assert "warns 0: UserWarning: look here" in seen.lines, "what a worker warns of is said"
    assert [each.name for each in records.root.glob("[!.]*")] == [warns.key]
    run_steps([step("full", one), later], records)


def test_a_damaged_record_is_named_set_aside_and_made_again(tmp_path):
    records, steps = Records(tmp_path), [step("k", partial(learn, s, 2, 0), s) for s in range(4)]
    run_steps(steps, records)
    before, seen = contents(records), Seen()
    cut, edited, one_way, other_way = (records.root / each.key for each in steps)
    tensors = cut / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    result = edited / "result.json"
    result.write_text(result.read_text().replace('"threads": ', '"threads": 1'))
    one_way.rename(tmp_path / "x")
    other_way.rename(one_way)
    (tmp_path / "x").rename(other_way)
    for each in steps:
        with pytest.raises(BlurnetError, match=r"remove .* and it is computed again"):
            records.outcome(each)
    run_steps(steps, records, seen)
    assert contents(records) == before
    said = [line for line in seen.lines if line.startswith("a damaged record is computed again")]
    assert len(said) == 4
    assert "result.json: not what was written there" in said[1]
    assert "config.json: not the description of this record" in said[2]
    run_steps(steps, records, seen)


# A run in a process of its own: python test_jobs.py FOLDER WHAT JOBS

RUNS = {
    "slow": partial(sweep, 400, 0.02),
    "waits": lambda: [step("waits", partial(wait_for_ctrl_c, stubborn=s), s) for s in (0, 1)],
}


def main(folder, what, jobs):
    from blurnet.cli.progress import progress

    records = Records(Path(folder))
    try:
        with progress(quiet=False) as watch, records.locked():
            run_steps(RUNS[what](), records, watch, jobs=int(jobs), command="the same")
    except typer.Exit as leave:
        sys.exit(leave.exit_code)


@pytest.fixture
def begin(tmp_path):
    """Start a run in another process; wait until so many of its steps run, and give both."""
    started = []

    def begin(what, folder=tmp_path, running=2):
        command = [sys.executable, __file__, str(folder), what, "2"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process, wait_until_running(process, folder, running)

    yield begin
    for process in started:
        process.kill()
        if not process.stderr.closed:
            process.communicate()


def wait_until_running(process, folder, running):
    for _ in range(2400):
        assert process.poll() is None, process.communicate()[1]
        if (folder / "plan.json").exists():
            steps = [each for each in status_of(folder).steps if each.state == "running"]
            if len(steps) == running and all(each.pid for each in steps):
                time.sleep(0.5)  # they are in the work, and it has kept something
                return steps
        time.sleep(0.05)
    raise AssertionError(f"not {running} steps run")


def gone(pid):
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_killed_run_takes_its_workers_along_and_the_same_call_completes_it(tmp_path, begin):
    undisturbed, killed = Records(tmp_path / "undisturbed"), Records(tmp_path / "killed")
    run_steps(sweep(400), undisturbed, jobs=1, threads=1)
    process, running = begin("slow", killed.folder)
    found = status_of(killed.folder)
    assert found.active
    assert [each.state for each in found.steps] == ["running", "waiting"] * 2 + ["waiting"]
    with pytest.raises(BlurnetError, match="another run is writing there"), killed.locked():
        pass
    os.kill(process.pid, signal.SIGKILL)
    assert all(gone(each.pid) for each in running)
    for _ in range(40):  # a process of many threads closes its files with the last of them
        if not (found := status_of(killed.folder)).count("running"):
            break
        time.sleep(0.05)
    assert not found.active
    assert [each.state for each in found.steps] == ["waiting"] * 5
    assert [each.goes_on for each in found.steps] == [True, False, True, False, False]
    with killed.locked():
        run_steps(sweep(400), killed, threads=1)
    assert contents(killed) == contents(undisturbed)


def test_ctrl_c_lets_steps_end_well_and_twice_kills_them(tmp_path, begin):
    process, running = begin("waits")
    process.send_signal(signal.SIGINT)
    assert gone(running[0].pid)
    assert (tmp_path / "records" / f".{running[0].key}.working" / "checkpoint").exists()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert gone(running[1].pid)
    assert "ending 2 steps; Ctrl-C again kills what runs" in said
    assert said.endswith("what is finished is kept, and the same command goes on from it\n")
    assert "Traceback" not in said
    assert not list(tmp_path.glob("records/.*.failed.json")), "interrupted is not failed"


def test_status_in_words_and_as_json(tmp_path, blurnet):
    records = Records(tmp_path / "run")
    raises = step("raises", partial(unless_mended, tmp_path, misbehave))
    steps = [step("sound", one), raises, step("lost", one, a=raises)]
    with pytest.raises(FailedSteps):
        run_steps(steps, records, command="blurnet run mine --out run")
    status, said, _ = blurnet("status", records.folder)
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == f"{records.folder}: 1 of 3 steps done, 1 failed, 1 blocked"
    assert lines[1].startswith("failed   raises 0: ValueError: two lines (test_jobs.py:")
    assert lines[2].endswith(f"blurnet run mine --out run --only {raises.key}")
    assert lines[3] == "blocked  lost 0: needs a step that failed"
    assert lines[-1].endswith("blurnet run mine --out run")
    assert lines[-1].startswith("again")
    content = json.loads(blurnet("status", records.folder, "--json")[1])
    assert [each["state"] for each in content["steps"]] == ["done", "failed", "blocked"]
    status, said, error = blurnet("status", tmp_path)
    assert (status, said) == (2, "")
    assert error.startswith(f"blurnet: {tmp_path}: no plan.json; give the folder of a blurnet run")


def test_how_many_side_by_side(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    monkeypatch.setattr("blurnet.engine.how._memory", lambda: 2**36)
    apart = [step("k", one, seed) for seed in range(3)]
    chain = [*apart[:1], step("k", one, 9, a=apart[0])]
    tree = [*apart, *(step("k", one, 9 + each, a=apart[0]) for each in range(9))]
    alone = torch.get_num_threads()
    assert choose(apart, None, None) == How(3, 2, chosen=True)
    assert choose(tree, None, None) == How(6, 1, chosen=True), "12 steps, two after each other"
    assert choose(apart, None, 4) == How(2, 4, chosen=True)
    assert choose(chain, None, None) == How(1, alone, chosen=True)
    assert choose(apart, 1, None) == How(1, alone)
    assert choose(apart, 2, None) == How(2, 1)
    assert choose(apart, 2, 3) == How(2, 3)
    for wrong in ({"jobs": 0}, {"threads": -1}, {"time_limit": 0}):
        with pytest.raises(BlurnetError, match=r"at least 1|more than 0"):
            run_steps(apart, Records(Path("nowhere")), **wrong)


def test_time_left():
    pace = Pace()
    assert pace.left({"train": 2}, [], 1) is None
    assert pace.left({}, [Running("train", 10, 0.5)], 1) == Left(10)
    assert pace.left({"train": 2}, [Running("train", 10, 0.5)], 1) == Left(50)
    assert pace.left({"attack": 2}, [Running("train", 10, 0.5)], 1) == Left(10, at_least=True)
    pace.add("train", 30)
    pace.add("train", 50)
    assert pace.left({"train": 4}, [], 2) == Left(80)
    assert pace.left({"train": 1}, [], 2) == Left(40), "one step is not parted"
    assert str(Left(4000, at_least=True)) == "at least 67 min left"
    assert str(Standing(1, 1, 2, chosen=True)) == (
        "1 step to do, one after the other "
        "(2 threads; chosen as the fastest here, --jobs changes it)"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
