"""Steps and records: identity, resume, whole or not at all, one run in a folder."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field

import pytest
import torch

from blurnet import BlurnetError
from blurnet.engine import NOT_IN_KEY, Computed, Outcome, Records, Step, provenance, run_steps
from blurnet.files import read_json, write_whole
from blurnet.settings import Settings


class Config(Settings):
    x: int = 0


class Value(Settings):
    value: int | None = None
    more: tuple[float, ...] = ()


@dataclass(frozen=True)
class Tuning:
    rate: float = 1.0
    piece: int | None = field(default=None, metadata=NOT_IN_KEY)


class Nested(Settings):
    tuning: Tuning = Tuning()
    inner: Config = Config()
    names: dict[str, int] | None = None


COMPUTED = Computed(by=provenance(), seconds=1.5, finished="2026-01-02T03:04:05+00:00")


def add_one(needs, on_step, folder):
    on_step(1, 1)
    return Outcome(Value(value=sum(need.values.value for need in needs.values()) + 1))


def step(kind, config=None, work=add_one, needs=None, *, title="", version=1):
    return Step(kind, version, title, config or Config(), Value, work, needs or {})


def chain():
    first = step("first", Config(x=1))
    second = step("second", Config(x=1), needs={"before": first})
    return first, second, step("third", needs={"a": first, "b": second})


def test_identity_is_the_description():
    first, second, _ = chain()
    assert first.key == step("first", Config(x=1), print, title="another title").key
    assert first.key != step("first", Config(x=2)).key
    assert first.key != step("other", Config(x=1)).key
    assert first.key != step("first", Config(x=1), version=2).key
    changed = step("first", Config(x=2))
    assert second.key != step("second", Config(x=1), needs={"before": changed}).key


def test_defaults_and_what_changes_no_result_are_not_in_keys():
    class Later(Settings):
        tuning: Tuning = Tuning()
        inner: Config = Config()
        names: dict[str, int] | None = None
        added_later: str = "as before"
        listed_later: tuple[int, ...] = ()

    key = step("k", Nested()).key
    assert step("k", Later()).key == key
    assert step("k", Later(added_later="new")).key != key
    assert step("k", Nested(tuning=Tuning(piece=7))).key == key
    assert step("k", Nested(tuning=Tuning(rate=2))).key != key
    assert step("k", Nested(inner=Config(x=1))).key != key
    assert step("k", Nested(names={})).key != key
    assert (
        step("k", Nested(names={"a": 1, "b": 2})).key
        == step("k", Nested(names={"b": 2, "a": 1})).key
    )
    assert (
        step("k", Nested(tuning=Tuning(rate=2))).key
        == step("k", Nested(tuning=Tuning(rate=2.0))).key
    ), "a whole number is one number"


def test_runs_what_is_missing_in_order_and_once(tmp_path):
    records, seen = Records(tmp_path), []

    def on_begin(begun, place, total):
        seen.append((begun.kind, place, total))
        return lambda done, total: None

    *_, third = chain()
    run_steps([third, third], records, on_begin)
    assert seen == [("first", 1, 3), ("second", 2, 3), ("third", 3, 3)]
    assert records.outcome(third).values.value == 4
    run_steps([third], records, on_begin)
    assert len(seen) == 3


def test_record_gives_back_what_was_written(tmp_path):
    records, described = Records(tmp_path), step("kind", Config(x=3), title="é")
    tensors = {"a": torch.rand(2, 3).T, "b": torch.arange(4)}
    records.write(described, Outcome(Value(value=None, more=(1, 0.1)), tensors), COMPUTED)
    found = records.outcome(described)
    assert found.values == Value(value=None, more=(1, 0.1))
    assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)
    recorded = records.recorded(described.key)
    assert (recorded.kind, recorded.version, recorded.title) == ("kind", 1, "é")
    assert (recorded.config, recorded.needs, recorded.computed) == ({"x": 3}, {}, COMPUTED)
    assert {f.name for f in (tmp_path / "records" / described.key).iterdir()} == {
        "config.json",
        "result.json",
        "tensors.safetensors",
    }


def test_a_record_says_with_what_it_was_computed(tmp_path, monkeypatch):
    first, second, _ = chain()
    records = Records(tmp_path)
    run_steps([first], records)
    monkeypatch.setattr("blurnet.engine.computed.PACKAGES", ("blurnet",))
    run_steps([second], records)
    before, after = (records.recorded(each.key).computed.by.versions for each in (first, second))
    assert before["torch"] == torch.__version__
    assert set(after) == {"python", "blurnet"}


def test_a_failing_step_keeps_what_was_finished_before_it(tmp_path):
    def fail(needs, on_step, folder):
        raise BlurnetError("no")

    first, *_ = chain()
    records, failing = Records(tmp_path), step("fails", work=fail, needs={"first": first})
    with pytest.raises(BlurnetError, match="no"):
        run_steps([failing], records)
    assert first.key in records
    assert failing.key not in records


def test_half_written_record_is_not_there(tmp_path):
    first, *_ = chain()
    records = Records(tmp_path)
    partial = tmp_path / "records" / f".{first.key}.partial"
    partial.mkdir(parents=True)
    (partial / "config.json").write_text("{}")
    assert first.key not in records
    with records.locked():
        assert not partial.exists()
        run_steps([first], records)
    assert records.outcome(first).values.value == 1


def test_what_a_recorded_step_worked_with_goes(tmp_path):
    first, second, _ = chain()
    records = Records(tmp_path)
    run_steps([first], records)
    folders = [tmp_path / "records" / f".{each.key}.working" for each in (first, second)]
    for folder in folders:
        folder.mkdir()
    with records.locked():
        assert [folder.exists() for folder in folders] == [False, True]


def test_full_disk_is_one_clear_error_and_leaves_no_record(tmp_path, monkeypatch):
    records, described = Records(tmp_path), chain()[0]

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlurnetError, match="cannot write there: No space left on device"):
        records.write(described, Outcome(Value(value=1)), COMPUTED)
    assert not list((tmp_path / "records").iterdir())
    with pytest.raises(BlurnetError, match="No space left"):
        write_whole(tmp_path / "results.json", b"{}")
    assert [f.name for f in tmp_path.iterdir()] == ["records"]


def test_damaged_record_is_a_clear_error(tmp_path):
    records, described = Records(tmp_path), chain()[0]
    records.write(described, Outcome(Value(value=1), {"t": torch.rand(3)}), COMPUTED)
    result = tmp_path / "records" / described.key / "result.json"
    for content, said in (("{", r"result\.json"), ('{"valeu": 1}', "unknown setting 'valeu'")):
        result.write_text(content)
        with pytest.raises(BlurnetError, match=rf"{said}.*remove .* and it is computed again"):
            records.outcome(described)
    result.write_text("{}")
    tensors = tmp_path / "records" / described.key / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    with pytest.raises(BlurnetError, match=r"tensors\.safetensors"):
        records.outcome(described)
    with pytest.raises(BlurnetError, match="no such record"):
        records.read("first-0", Value)
    with pytest.raises(BlurnetError, match="no such file"):
        read_json(tmp_path / "nothing.json")


SLOW_RUN = """
    import sys, time
    from pathlib import Path
    from blurnet.engine import Outcome, Records, Step, run_steps
    from blurnet.settings import Settings

    def slow(needs, on_step, folder):
        print("working", flush=True)
        time.sleep(60)

    def step(kind, work, **needs):
        return Step(kind, 1, "", Settings(), Settings, work, needs)

    quick = step("quick", lambda needs, on_step, folder: Outcome(Settings()))
    records = Records(Path(sys.argv[1]))
    with records.locked():
        run_steps([step("slow", slow, quick=quick)], records)
"""


@pytest.fixture
def slow_run(tmp_path):
    """A run in another process, in the middle of its second step."""
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


def test_a_killed_run_frees_its_folder_and_keeps_finished_steps(tmp_path, slow_run):
    os.kill(slow_run.pid, signal.SIGKILL)
    slow_run.wait()
    records = Records(tmp_path)
    with records.locked():
        names = {f.name.partition("-")[0] for f in records.root.iterdir()}
        assert names == {"quick", ".slow"}, "the second step keeps its working folder alone"


def test_write_whole_replaces(tmp_path):
    path = tmp_path / "results.json"
    for content in (b"1", b"22"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert json.loads(path.read_text()) == 22
