"""Faults of the machine, made for real: see docs/reliability.md for the table of all of them.

Disks that are full or read-only are small ones of their own (tmpfs), which only root can mount.
"""

import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import torch
from test_jobs import contents, gone, learn, one, step, sweep, wait_until_running

from blurnet import BlurnetError
from blurnet.engine import CannotKeep, FailedSteps, Outcome, Records, run_steps, status_of
from blurnet.process import ends_like_ctrl_c, steady_streams

# --- memory ---------------------------------------------------------------------------------------


def beyond_its_memory(needs, on_step, folder):
    """Allocate 8 GiB where the process may have 4 more than it has."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + 2**32
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    try:
        torch.zeros(2**31)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    return one(needs, on_step, folder)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_step_that_runs_out_of_memory_costs_itself(tmp_path, jobs):
    records = Records(tmp_path)
    with pytest.raises(FailedSteps) as raised:
        run_steps([step("greedy", beyond_its_memory), step("sound", one)], records, jobs=jobs)
    assert [each.kind for each in raised.value.failed] == ["greedy"]
    assert "memory" in raised.value.failed[0].error
    assert step("sound", one).key in records


CGROUPS = [
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
]


@pytest.fixture
def small_cgroup():
    """A control group whose processes may have 100 MiB more than they bring."""
    for root, limit in CGROUPS:
        group = root / f"blurnet-test-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            if (group / limit).exists():
                (group / limit).write_text(str(100 * 2**20))
                yield group
                return
            group.rmdir()
    pytest.skip("no control group of memory can be made here; that takes root")


@pytest.fixture
def _no_group_left(small_cgroup):
    yield
    for _ in range(100):
        with suppress(OSError):
            small_cgroup.rmdir()
            return
        time.sleep(0.05)


def fill_the_group(group, needs, on_step, folder):
    (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
    kept = [bytearray(os.urandom(2**20)) * 16 for _ in range(64)]
    return Outcome(one(needs, on_step, folder).values, {"x": torch.tensor(len(kept))})


@pytest.mark.usefixtures("_no_group_left")
def test_the_kernel_kills_a_worker_that_takes_too_much(tmp_path, small_cgroup):
    records, greedy = Records(tmp_path), partial(fill_the_group, str(small_cgroup))
    with pytest.raises(FailedSteps) as raised:
        run_steps([step("greedy", greedy), step("sound", one)], records, jobs=2)
    assert len(raised.value.failed) == 1
    error = raised.value.failed[0].error
    assert error == "its process was killed (SIGKILL; short of memory, or killed by hand)"
    assert step("sound", one).key in records


# --- the disk -------------------------------------------------------------------------------------


@contextmanager
def disk(place, kibibytes):
    """Mount a small disk of its own; skip where that is not allowed."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "none", place]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here, which takes root: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def test_a_disk_that_is_full_at_any_moment_loses_nothing(tmp_path):
    undisturbed = Records(tmp_path / "undisturbed")
    run_steps(sweep(12), undisturbed)
    wanted, ended = contents(undisturbed), {}
    with disk(tmp_path / "disk", 8192) as place:
        for pages in range(0, 80, 3):
            run, filler = place / f"run-{pages}", place / "filler"
            room = os.statvfs(place).f_bavail - pages
            filler.write_bytes(bytes(room * os.statvfs(place).f_bsize))
            records = Records(run)
            try:
                with records.locked():
                    run_steps(sweep(12), records)
                ended[pages] = ("done", True)
            except (BlurnetError, OSError) as error:
                ended[pages] = (type(error).__name__, "No space left on device" in str(error))
            kept = {
                file.relative_to(run): file.read_bytes() for file in records.root.glob("[!.]*/*")
            }
            filler.unlink()
            with records.locked():
                run_steps(sweep(12), records)
            assert contents(records) == wanted
            assert all((run / name).read_bytes() == content for name, content in kept.items())
            shutil.rmtree(run)
    assert {("done", True), ("CannotKeep", True)} <= set(ended.values()), ended
    assert {what for what, _ in ended.values()} <= {"done", "CannotKeep", "FailedSteps"}, ended
    assert all(said for _, said in ended.values()), ended


def test_a_read_only_folder_is_named_and_can_be_read(tmp_path):
    with disk(tmp_path / "disk", 4096) as place:
        records = Records(place / "run")
        run_steps([step("sound", one)], records)
        remount(place, "ro")
        with pytest.raises(BlurnetError, match=r"run: cannot write there: Read-only file system"):
            records.locked().__enter__()
        with pytest.raises(CannotKeep, match="cannot write there: Read-only file system"):
            run_steps([step("sound", one), step("late", one)], records)
        found = status_of(place / "run")
        assert (found.count("done"), found.active) == (1, False)
        assert records.outcome(step("sound", one)).values.value == 1


def test_a_finished_run_on_a_read_only_disk_prints_its_table(artifacts, tmp_path, blurnet):
    rows = "rows=[{label: plain}]"
    with disk(tmp_path / "disk", 8192) as place:
        asked = ("run", "blackbox", "--rp2", artifacts, "--set", rows, "--out", place / "run")
        assert blurnet(*asked)[0] == 0
        remount(place, "ro")
        status, said, error = blurnet(*asked)
        assert (status, error) == (0, "")
        assert "not renewed: a read-only folder" in said
        status, said, error = blurnet(*asked[:-1], place / "other")
        assert (status, said) == (2, "")
        assert error.count("\n") == 1
        assert "cannot write there: Read-only file system" in error


# --- files that were changed by hand --------------------------------------------------------------

CHANGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "edited": lambda content: content.replace(b"0", b"1", 1),
    "not text": lambda content: b"\xff\xfe" + content,
    "a list": lambda content: b"[]\n",
}


def tree(folder):
    """All files but locks, without the dates and seconds in them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from kill_compare import outputs

    return outputs(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, and what makes it."""
    from conftest import rp2_folder

    from blurnet import experiments

    place = tmp_path_factory.mktemp("finished")
    given = {"rp2": str(rp2_folder(place / "rp2"))}
    experiment = experiments.load("blackbox", ["rows=[{label: plain}]"], given)
    experiments.run(experiment, place / "run")
    return experiment, place / "run"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["results.json", "plan.json", ".lock"])
def test_a_run_mends_its_files(finished, tmp_path, name, change):
    from blurnet import experiments

    experiment, whole = finished
    run = shutil.copytree(whole, tmp_path / "run")
    (run / name).write_bytes(CHANGES[change]((whole / name).read_bytes()))
    experiments.run(experiment, run)
    assert tree(run) == tree(whole)


def test_what_a_run_cannot_mend_is_named(finished, tmp_path):
    from blurnet import experiments

    experiment, whole = finished
    run = shutil.copytree(whole, tmp_path / "run")
    for name in ("results.json", "plan.json"):
        (run / name).write_text("{")
    with pytest.raises(BlurnetError, match=r"results\.json: not a file of blurnet's"):
        experiments.run(experiment, run)
    with pytest.raises(BlurnetError, match=r"plan\.json: not the JSON that blurnet wrote"):
        status_of(run)
    (run / "results.json").unlink()
    experiments.run(experiment, run)
    assert tree(run) == tree(whole)


@pytest.mark.parametrize("change", CHANGES)
def test_a_note_of_a_failure_or_of_progress_may_be_anything(tmp_path, change):
    records, steps = Records(tmp_path), [step("sound", one)]
    for name in (f".{steps[0].key}.failed.json", f".{steps[0].key}.working/.worker.json"):
        file = records.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(CHANGES[change](b'{"pid": 10, "since": "2030-01-01T00:00:00+00:00"}'))
    run_steps(steps, records)
    assert [each.name for each in records.root.iterdir()] == [steps[0].key]
    assert status_of(tmp_path).count("done") == 1


@pytest.fixture(scope="module")
def cut_training(drawn_folder, tmp_path_factory):
    """A training that was interrupted, the same one undisturbed, and what makes them."""
    from blurnet.defenses import Recipe
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.steps.training import trained
    from blurnet.training import FitSettings

    place = tmp_path_factory.mktemp("training")
    recipe = Recipe(model="lisa_cnn", training=FitSettings(epochs=2, batch_size=16))
    source = DataSource(f"folder:{drawn_folder}", None)
    planned = trained(source, recipe, seed=0, called="one").step
    run_steps([planned], Records(place / "undisturbed"))

    def interrupt(begun, place, total):
        return lambda done, total, note="": os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_steps([planned], Records(place / "cut"), interrupt)
    return planned, place


@pytest.mark.parametrize("change", ["truncated", "emptied", "edited", "not text", "last bit"])
def test_a_damaged_checkpoint_is_named_and_the_training_begins_anew(
    cut_training, tmp_path, change, caplog
):
    planned, place = cut_training
    records = Records(shutil.copytree(place / "cut", tmp_path / "cut"))
    checkpoint = records.working(planned.key) / "checkpoint.safetensors"
    whole = checkpoint.read_bytes()
    changed = whole[:-1] + bytes([whole[-1] ^ 1])  # in a weight, where only the checksum tells
    checkpoint.write_bytes(changed if change == "last bit" else CHANGES[change](whole))
    run_steps([planned], records)
    assert contents(records) == contents(Records(place / "undisturbed"))
    assert "the training begins anew; its checkpoint lies in" in caplog.text


@pytest.mark.parametrize("change", ["truncated", "edited"])
def test_train_writes_a_damaged_network_again(tmp_path, drawn_folder, change):
    import blurnet
    from blurnet.defenses import Recipe
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.train import train_network
    from blurnet.training import FitSettings

    recipe = Recipe(model="lisa_cnn", training=FitSettings(epochs=1, batch_size=16))
    asked = DataSource(f"folder:{drawn_folder}", None), recipe, tmp_path
    file = train_network(*asked, seed=0).network
    whole = file.read_bytes()
    file.write_bytes(CHANGES[change](whole))
    if change == "truncated":
        with pytest.raises(BlurnetError, match=r"network\.safetensors: not a whole safetensors"):
            blurnet.load(file)
    train_network(*asked, seed=0)
    assert file.read_bytes() == whole


# --- answers of evaluate and harden ---------------------------------------------------------------


@pytest.fixture(scope="module")
def answered(own, tmp_path_factory):
    """Folders of a hardened network and of an evaluation, and the commands that fill them."""
    place = tmp_path_factory.mktemp("answered")
    given = ["--model", f"{own}/mynet.py:build", "--weights", f"{own}/w.safetensors"]
    given += ["--data", f"folder:{own}/signs", "--mask", f"{own}/bars.png", "-q"]
    return place, {
        "harden": ["harden", *given, "--blur", "box:3", "--out", "h"],
        "evaluate": ["evaluate", *given, "--suite", "quick", "--images", "2", "--out", "e"],
    }


ANSWERS = [
    ("harden", "hardened.json"),
    ("harden", "network.safetensors"),
    ("harden", "asked.json"),
    ("evaluate", "evidence.json"),
    ("evaluate", "tensors.safetensors"),
]


@pytest.mark.parametrize(("verb", "name"), ANSWERS)
@pytest.mark.parametrize("change", ["truncated", "edited"])
def test_a_damaged_answer_is_named_and_made_again(answered, blurnet, verb, name, change):
    place, commands = answered
    os.chdir(place)
    folder = place / verb[0]
    if not folder.exists():
        assert blurnet(*commands[verb])[0] in (0, 1)
    whole = tree(folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(CHANGES[change](content))
    if name == "asked.json":
        status, _, said = blurnet(*commands[verb])
        assert status == 2
        assert "holds a hardened network" in said
        status, _, said = blurnet(*commands[verb], "--replace")
    else:
        if (name, change) == ("evidence.json", "truncated"):
            status, _, said = blurnet("report", "e", "--out", "r", "-q")
            assert status == 2
            assert said.startswith("blurnet: e/evidence.json: not the JSON that blurnet wrote; ")
        status, _, said = blurnet(*commands[verb])
        assert f"{verb[0]}/{name}: not what was written there; made again" in said
    assert status in (0, 1)
    assert tree(folder) == whole


def test_a_kill_before_the_answer_is_marked_costs_no_refusal(answered, blurnet):
    place, commands = answered
    os.chdir(place)
    if not (place / "h").exists():
        assert blurnet(*commands["harden"])[0] == 0
    mark, whole = place / "h" / "asked.json", tree(place / "h")
    there = json.loads(mark.read_text())
    mark.write_text(json.dumps(there | {"files": None}))  # as it is while the work goes on
    assert blurnet(*commands["harden"])[0] == 0
    assert tree(place / "h") == whole


# --- the clock ------------------------------------------------------------------------------------

LIBRARIES = [*Path("/usr/lib").glob("**/libfaketime.so.1"), *Path("/opt").glob("**/libfaketime.*")]


def jump(clock, needs, on_step, folder):
    """Set the date back a year and then forth ten, while working."""
    for date in ("-366d", "+3650d"):
        Path(clock).write_text(date)
        on_step(1, 2)
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            pass  # a sleep would be until a date that the library changes
    return one(needs, on_step, folder)


@pytest.mark.skipif(not LIBRARIES, reason="no libfaketime (Debian: apt-get install libfaketime)")
def test_a_clock_that_jumps_changes_no_duration(tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    environment = os.environ | {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    script = [sys.executable, __file__, "jumps", str(tmp_path / "run"), str(clock)]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    records = Records(tmp_path / "run")
    found = status_of(tmp_path / "run")
    assert found.count("done") == 2
    assert all(0 <= each.seconds < 60 for each in found.steps)
    finished = {records.recorded(each.key).computed.finished[:4] for each in found.steps}
    assert len(finished) == 2, "the date did jump"
    assert max(finished) > str(time.gmtime().tm_year + 8), "a record of the future"
    run_steps([step("late", one)], records)
    assert status_of(tmp_path / "run").left is None or status_of(tmp_path / "run").left.seconds < 60


def jumps(folder, clock):
    records = Records(Path(folder))
    first = step("first", one)
    with records.locked():
        run_steps([step("jumps", partial(jump, clock), a=first)], records)


# --- standard streams, and signals ----------------------------------------------------------------

BLURNET = str(Path(sys.executable).with_name("blurnet"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An experiment of a second, and the folder of a run of it that nobody disturbed."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from kill_verbs import prepare

    from blurnet import experiments

    place = tmp_path_factory.mktemp("small")
    prepare(place)
    given = {"data": f"folder:{place / 'signs'}"}
    experiment = experiments.load(str(place / "small.yaml"), (), given)
    experiments.run(experiment, place / "undisturbed", threads=1)
    return place


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_nobody_reads_what_a_run_prints(small, jobs):
    """Both pipes are closed after a line: ``blurnet run small.yaml 2>&1 | head -1``."""
    command = [BLURNET, "run", "small.yaml", "--jobs", str(jobs), "--threads", "1"]
    command += ["--out", f"closed-{jobs}"]
    process = subprocess.Popen(
        command, cwd=small, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    first = process.stdout.readline()
    process.stdout.close()
    assert b"Traceback" not in first
    assert process.wait(timeout=240) == 141
    assert contents(Records(small / f"closed-{jobs}")) == contents(Records(small / "undisturbed"))
    assert (small / f"closed-{jobs}" / "report.html").exists()
    assert not list((small / f"closed-{jobs}").glob("records/.*")), "no step failed of it"


def streams(small, redirected, *arguments):
    command = f'"$@" {redirected}'
    return subprocess.run(
        ["bash", "-c", command, "bash", BLURNET, *arguments],
        cwd=small, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_streams_that_are_closed_or_full_from_the_start(small):
    asked = ("run", "small.yaml", "--threads", "1", "--out", "streams", "--json")
    closed = streams(small, "<&- >&- 2>&-", *asked)
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, "", "")
    found = contents(Records(small / "streams"))
    assert found == contents(Records(small / "undisturbed")), "no file took a stream's number"
    full = streams(small, ">/dev/full", *asked)
    said = "blurnet: cannot print: No space left on device; the work is done and kept\n"
    assert (full.returncode, full.stderr) == (2, said)
    mute = streams(small, "2>&-", "run", "nothing", "--out", "streams")
    assert (mute.returncode, mute.stdout) == (2, ""), "errors do not go to standard output"


def test_a_stream_that_breaks_is_dropped(tmp_path):
    with steady_streams() as out:
        assert (sys.stdout, out.error) == (out, None)
        reader, writer = os.pipe()
        os.close(reader)
        out._stream = os.fdopen(writer, "w")
        print("lost")
        out.flush()
        print("lost too", flush=True)
        assert isinstance(out.error, BrokenPipeError)
        out._stream.close()
        out._stream = sys.__stdout__


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("SIGTERM", marks=pytest.mark.slow),
        pytest.param("SIGHUP", marks=pytest.mark.slow),
        "terminal",
    ],
)
def test_whatever_ends_a_run_lets_its_steps_end_well(tmp_path, name):
    """SIGTERM, SIGHUP, and a terminal that is closed, which is SIGHUP and streams that fail."""
    undisturbed = Records(tmp_path / "undisturbed")
    run_steps(sweep(60), undisturbed, threads=1)
    folder = tmp_path / "ended"
    command = [sys.executable, __file__, "sweep", str(folder)]
    master, terminal = pty.openpty()
    close, streams = threading.Event(), {"stderr": subprocess.PIPE}
    reads = threading.Thread(target=read_until, args=(close, master))
    reads.start()
    if name == "terminal":
        streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    process = subprocess.Popen(command, start_new_session=True, **streams)
    os.close(terminal)
    try:
        running = wait_until_running(process, folder, 2)
        if name != "terminal":
            process.send_signal(getattr(signal, name))
    finally:
        close.set()
        reads.join()
    assert process.wait(timeout=60) == 130
    if name != "terminal":
        said = process.stderr.read().decode()
        process.stderr.close()
        assert said.endswith("what is finished is kept, and the same command goes on from it\n")
        assert "Traceback" not in said
    assert all(gone(each.pid) for each in running)
    records = Records(folder)
    assert not list(folder.glob("records/.*.failed.json")), "interrupted is not failed"
    with records.locked():
        run_steps(sweep(60), records, threads=1)
    assert contents(records) == contents(undisturbed)


def read_until(close, master):
    """Read what a terminal shows until it is closed."""
    while not close.is_set():
        with suppress(OSError):
            if select.select([master], [], [], 0.05)[0]:
                os.read(master, 2**16)
    os.close(master)


def ended(folder):
    import typer

    from blurnet.cli.progress import progress

    if sys.stdin.isatty():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    records = Records(Path(folder))
    with steady_streams(), ends_like_ctrl_c():
        try:
            with progress(quiet=False) as watch, records.locked():
                run_steps(sweep(60, 0.05), records, watch, jobs=2)
        except typer.Exit as leave:
            sys.exit(leave.exit_code)


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background job has it
    try:
        with ends_like_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGINT, interrupt)


# --- folders and workers that go away -------------------------------------------------------------


def delete(place, needs, on_step, folder):
    shutil.rmtree(place)
    on_step(1, 1)
    return one(needs, on_step, folder)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_that_is_deleted_while_a_run_works(tmp_path, jobs):
    folder = tmp_path / "run"
    records, first = Records(folder), step("first", one)
    deletes = step("deletes", partial(delete, folder), a=first)
    last = step("last", one, a=first, b=deletes)
    with records.locked(), pytest.raises(FailedSteps, match="no such record") as raised:
        run_steps([last], records, jobs=jobs)
    assert [each.kind for each in raised.value.failed] == ["last"]
    assert deletes.key in records
    with records.locked():
        run_steps([last], records, jobs=jobs)
    assert records.outcome(last).values.value == 4


def die_while_writing(records, key, needs, on_step, folder):
    """Leave a process behind that kills this one when part of its record is on the disk."""
    partial_record, pid = records / f".{key}.partial", os.getpid()
    if os.fork() == 0:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if list(partial_record.glob("*")):
                os.kill(pid, signal.SIGKILL)
                break
        os._exit(0)
    return Outcome(one(needs, on_step, folder).values, {"large": torch.zeros(2**24)})


def test_a_worker_killed_while_it_writes_leaves_no_part(tmp_path):
    records = Records(tmp_path)
    key = step("dies", one).key
    dies = step("dies", partial(die_while_writing, records.root, key))
    with records.locked(), pytest.raises(FailedSteps, match=r"was killed \(SIGKILL"):
        run_steps([dies, step("sound", one)], records, jobs=2)
    names = {each.name for each in records.root.glob("*")}
    assert f".{key}.partial" in names, "it was hit while it wrote"
    assert key not in names
    large = step("dies", partial(learn, 0, 2, 0))
    with records.locked():
        run_steps([large, step("sound", one)], records)
    assert records.outcome(large).tensors
    assert not list(records.root.glob(".*"))


# --- the loop of random kills itself --------------------------------------------------------------


def test_the_loop_of_random_kills_sees_what_differs(small, tmp_path):
    from kill_compare import compared, finished, outputs, sealed

    run = shutil.copytree(small / "undisturbed", tmp_path / "run")
    whole = outputs(run)
    assert compared(whole, outputs(run)) == []
    names = finished(run)
    kept = {name: sealed(run, name) for name in names}
    config = run / names[0] / "config.json"
    content = json.loads(config.read_text())
    content["computed"]["seconds"] += 1
    config.write_text(json.dumps(content, indent=1))
    assert compared(whole, outputs(run)) == [], "seconds are not compared"
    assert sealed(run, names[0]) != kept[names[0]], "but a record that was made again is told"
    tensors = next(run.glob("records/train-*/tensors.safetensors"))
    for file, change in (
        (run / "results.json", lambda content: content.replace(b'"count": ', b'"count": 1', 1)),
        (tensors, lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    ):
        content = file.read_bytes()
        file.write_bytes(change(content))
        assert compared(whole, outputs(run)) == [str(file.relative_to(run))]
        file.write_bytes(content)
    (run / ".left.partial").touch()
    assert compared(whole, outputs(run)) == [".left.partial"]


def test_every_test_that_the_table_of_faults_names_is_there():
    text = (Path(__file__).parents[1] / "docs" / "reliability.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+)::(test_\w+)`", text)
    assert len(named) > 30
    for file, name in named:
        assert f"def {name}(" in Path(__file__).with_name(f"{file}.py").read_text("utf-8"), name


if __name__ == "__main__":
    {"jumps": jumps, "sweep": ended}[sys.argv[1]](*sys.argv[2:])
