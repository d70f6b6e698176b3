"""A run that did not end: its rows, its page, and the commands that mend it."""

import json
import shlex

import pytest
from test_runs import NETWORK, OWN, RUNS

import blurnet as public
from blurnet import BlurnetError
from blurnet.engine import Chosen, FailedSteps, Records, here, run_steps, status_of
from blurnet.engine.chosen import without_choice
from blurnet.errors import BlurnetWarning
from blurnet.experiments import load, load_unfinished, run
from blurnet.report import write_page


@pytest.fixture
def described(drawn_folder, tmp_path):
    """A quick experiment of a kind, in a file."""

    def described(kind):
        (tmp_path / "net.py").write_text(NETWORK)
        rows = RUNS[kind].replace(
            "  - label: each\n    defense: {filters: [{size: 3, after: each layer}]}\n", ""
        )
        text = OWN.format(kind=kind, data=drawn_folder) + rows
        if kind == "defenses":
            text = text.replace("target: stopAhead\n", "seeds: [0, 1]\n")
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return path

    return described


@pytest.fixture
def failing(monkeypatch):
    """Let steps fail whose title says so; gives what to call with a part of the title."""
    real, wanted = here.perform, []

    def perform(task, *more):
        if any(part in task.title for part in wanted):
            raise RuntimeError("made to fail")
        return real(task, *more)

    def fail(*parts):
        wanted[:] = parts

    monkeypatch.setattr(here, "perform", perform)
    return fail


FAILS = {"blackbox": "maps, surrogate", "spectra": "attack learned", "defenses": "learned, seed 1"}


@pytest.mark.parametrize("kind", FAILS)
def test_a_page_with_the_rows_that_are_there(described, failing, blurnet, tmp_path, kind):
    path, out = described(kind), tmp_path / "out"
    failing(FAILS[kind])
    status, printed, said = blurnet("run", path, "--out", out, "-q")
    assert (status, printed) == (1, "")
    assert f"report   {out / 'report.html'}: unfinished, with the rows that are there" in said
    assert not (out / "results.json").exists()
    page = (out / "report.html").read_text()
    stands = status_of(out)
    done, total = stands.count("done"), len(stands.steps)
    assert "<h1>Experiment “own”, unfinished</h1>" in page
    assert f"This run is unfinished: {done} of {total} steps done" in page
    assert "made to fail" in page
    assert "No verdict yet" in page
    assert "Download unfinished.json" in page
    with pytest.warns(BlurnetWarning, match=r"an unfinished run: \d rows, and \d more"):
        there = public.load_results(out)
    assert not there.finished
    assert all(key in Records(out) for key in there.steps)
    failing()
    if kind == "blackbox":
        assert blurnet(*shlex.split(stands.command)[1:], "--retry-failed")[0] == 0
        assert "unfinished" not in (out / "report.html").read_text()
    else:
        run(load(str(path)), out, retry_failed=True)
    whole = public.load_results(out)
    assert whole.finished
    assert not (out / "unfinished.json").exists()
    if kind == "defenses":
        plain, learned = there.rows
        assert plain == whole.rows[0]
        assert (len(learned.networks), learned.seeds_lacking) == (1, 1)
        assert learned.networks[0] == whole.rows[1].networks[0]
        assert learned.test_accuracy.total == whole.rows[1].test_accuracy.total
        assert learned.test_accuracy.value == pytest.approx(learned.networks[0].test_accuracy)
        assert "learned (1 of 2 seeds)" in page
        assert [(each.label, each.part) for each in there.lacking] == [("learned", "seed 1")]
    else:
        assert len(there.lacking) == len(whole.rows) - len(there.rows) >= 1
        assert there.rows == tuple(row for row in whole.rows if row in there.rows)


def test_before_the_first_row(described, tmp_path):
    """Ctrl-C in the first step: no row, and yet a page that says so; then in a later one."""
    experiment, out = load(str(described("blackbox"))), tmp_path / "out"

    def until(place):
        def begin(step, at, total):
            if at == place:
                raise KeyboardInterrupt
            return lambda *told: None

        return begin

    with pytest.raises(KeyboardInterrupt):
        run(experiment, out, until(1))
    page = write_page(out).read_text()
    assert f"This run is unfinished: 0 of {len(status_of(out).steps)} steps done" in page
    assert "No row is complete yet." in page
    assert "not begun: " in page
    with pytest.raises(KeyboardInterrupt):
        run(experiment, out, until(8))
    there = load_unfinished(out)
    assert 0 < len(there.rows) < 6
    assert len(there.rows) + len(there.lacking) == 6
    assert write_page(out).read_text().count("Experiment “own”, unfinished") == 1
    whole, undisturbed = run(experiment, out), run(experiment, tmp_path / "undisturbed")
    assert whole.rows == undisturbed.rows
    assert whole.rows[: len(there.rows)] == there.rows


def test_one_step_alone(described, failing, blurnet, tmp_path):
    path, out = described("blackbox"), tmp_path / "out"
    failing("train the network", "maps, surrogate", "train the surrogate")
    blurnet("run", path, "--out", out, "-q")
    plan = (out / "plan.json").read_text()
    failed = [step for step in status_of(out).steps if step.state == "failed"]
    assert len(failed) == 2
    assert failed[0].alone == f"blurnet run {path} --out {out} -q --only {failed[0].key}"
    printed = blurnet("status", out)[1]
    assert failed[0].alone in printed
    failing()
    status, printed, _ = blurnet(*shlex.split(failed[0].alone)[1:])
    assert status == 0
    assert printed.startswith("unfinished: ")
    assert f"blurnet status {out}" in printed
    assert [step.key for step in status_of(out).steps if step.state == "done"] == [failed[0].key]
    assert (out / "plan.json").read_text() == plan, "the plan and its command are the run's own"
    waiting = next(step for step in status_of(out).steps if step.kind == "transfer")
    error = blurnet("run", path, "--out", out, "--only", waiting.key)[2]
    assert "which is not done; first --only " in error
    error = blurnet("run", path, "--out", tmp_path / "new", "--only", "train-0")[2]
    assert "--only train-0: no step of this run" in error
    assert not (tmp_path / "new").exists()
    both = blurnet("run", path, "--out", out, "--only", waiting.key, "--retry-failed")[2]
    assert "give one of them" in both
    status, printed, _ = blurnet("run", path, "--out", out, "--retry-failed", "--json")
    assert status == 0
    assert json.loads(printed)["lacking"]
    stands = status_of(out)
    assert stands.count("failed") == 0
    assert stands.count("waiting") > 0, "what neither failed nor waited for that alone"
    assert {step.state for step in stands.steps if step.kind == "train"} == {"done"}


def test_what_failed_and_what_waits_for_it_alone(tmp_path, failing):
    from test_jobs import one, step

    sound = [step("sound", one, seed) for seed in (0, 1)]
    bad = step("bad", one, a=sound[0])
    readers = [step("reader", one, 0, a=bad), step("reader", one, 1, a=bad, b=sound[1])]
    records = Records(tmp_path)
    failing("bad", "sound 1")
    with pytest.raises(FailedSteps):
        run_steps([sound[0], bad], records)
    failing()
    run_steps([*readers, step("other", one)], records, chosen=Chosen(retry_failed=True))
    states = {each.title: each.state for each in status_of(tmp_path).steps}
    assert states == {
        "sound 0": "done", "bad 0": "done", "reader 0": "done",
        "sound 1": "waiting", "reader 1": "waiting", "other 0": "waiting",
    }  # fmt: skip
    with pytest.raises(BlurnetError, match="it needs sound 1, which is not done"):
        run_steps(readers, records, chosen=Chosen(readers[1].key))


def test_a_command_without_its_choice():
    given = ["run", "x", "--only", "a-1", "--out", "only", "--retry-failed", "--only=b-2", "-q"]
    assert without_choice(given) == ["run", "x", "--out", "only", "-q"]


def test_replaced_results_go_when_others_are_begun(artifacts, tmp_path, failing):
    rows = ["rows=[{label: plain}]"]
    given = {"rp2": str(artifacts)}
    first = load("blackbox", rows, given)
    run(first, tmp_path / "out")
    failing("put 1 filter")
    other = load("blackbox", ["rows=[{label: f, defense: {filters: [{size: 3}]}}]"], given)
    with pytest.raises(FailedSteps):
        run(other, tmp_path / "out", replace=True)
    assert not (tmp_path / "out" / "results.json").exists()
    assert [each.label for each in load_unfinished(tmp_path / "out").lacking] == [
        "f (same weights)"
    ]
    failing()
    assert run(first, tmp_path / "out").rows[0].label == "plain", "its records are still there"
