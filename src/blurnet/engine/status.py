"""How a run's folder stands: what is done, runs, failed, waits, and the time left."""

import math
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import filelock

from blurnet.errors import BlurnetError
from blurnet.files import read_json
from blurnet.settings import Settings

from .chosen import ONLY
from .failures import failure_of
from .planned import PlannedStep, read_plan
from .records import Records
from .watch import Left, Pace, Running
from .working import beat_of, is_worked_on

State = Literal["done", "running", "failed", "blocked", "waiting"]
"""Blocked: it needs a step that failed."""


class StepStatus(Settings):
    """How one step stands.

    Args:
        key: the step's, as are ``kind`` and ``title``.
        state: see ``State``.
        seconds: how long it took, or runs already; None where it was not begun.
        done: of a running step: how many of ``total`` units of work are done; 0 where it does not
            say.
        note: of a running step: how it goes, in a few words.
        pid: of a running step: the process that works on it.
        error: of a failed step, in one line.
        traceback: of a failed step: the last lines.
        attempts: of a failed step: how many runs tried it.
        goes_on: whether something is kept of an interrupted attempt, such as a checkpoint.
        alone: of a failed step: the command that does it again, and nothing else; it is given in
            the run's ``command_folder``. "" where the run's command is not known.

    """

    key: str
    kind: str
    title: str
    state: State
    seconds: float | None = None
    done: int = 0
    total: int = 0
    note: str = ""
    pid: int | None = None
    error: str = ""
    traceback: tuple[str, ...] = ()
    attempts: int = 0
    goes_on: bool = False
    alone: str = ""


class RunStatus(Settings):
    """How a run's folder stands.

    Args:
        folder: it.
        active: whether a run holds the folder now.
        jobs: how many steps run side by side.
        command: what makes the run go on and tries failed steps again; "" where not known.
        command_folder: where that command was given.
        left_seconds: the time left, from the seconds of finished steps of the same kinds; None
            where nothing is known.
        left_at_least: whether some kind's duration is not known, and it is a lower bound.
        steps: each, in the plan's order.

    """

    folder: str
    active: bool
    jobs: int
    command: str
    command_folder: str
    left_seconds: float | None
    left_at_least: bool
    steps: tuple[StepStatus, ...]

    def count(self, state: State) -> int:
        """Count the steps in a state."""
        return sum(step.state == state for step in self.steps)

    @property
    def left(self) -> Left | None:
        """The time left."""
        return None if self.left_seconds is None else Left(self.left_seconds, self.left_at_least)


def status_of(folder: Path) -> RunStatus:
    """Read how a run's folder stands; a run may be at work there, nothing is changed.

    Args:
        folder: of a run, with its ``plan.json``.

    Raises:
        BlurnetError: if there is no plan.

    """
    records = Records(folder)
    plan = read_plan(records)
    try:
        names = set(os.listdir(records.root))
    except OSError:
        names = set()
    steps: dict[str, StepStatus] = {}
    for step in plan.steps:
        lost = any(steps[key].state in ("failed", "blocked") for key in step.needs if key in steps)
        stands = _status(records, step, names, lost=lost)
        if stands.state == "failed" and plan.command:
            stands = _now(stands, alone=f"{plan.command} {ONLY} {step.key}")
        steps[step.key] = stands
    left = _left(steps.values(), plan.jobs)
    return RunStatus(
        folder=str(folder),
        active=_held(folder / ".lock"),
        jobs=plan.jobs,
        command=plan.command,
        command_folder=plan.folder,
        left_seconds=None if left is None else round(left.seconds, 1),
        left_at_least=left is not None and left.at_least,
        steps=tuple(steps.values()),
    )


def _status(records: Records, step: PlannedStep, names: set[str], *, lost: bool) -> StepStatus:
    state: State = "blocked" if lost else "waiting"
    stands = StepStatus(key=step.key, kind=step.kind, title=step.title, state=state)
    if step.key in names:
        return _now(stands, state="done", seconds=_seconds(records, step.key))
    begun = f".{step.key}.working" in names
    folder = records.working(step.key)
    if begun and is_worked_on(folder):
        beat = beat_of(folder)
        if beat is None:
            return _now(stands, state="running")
        far = {"done": beat.done, "total": beat.total, "note": beat.note, "pid": beat.pid}
        return _now(stands, state="running", seconds=round(beat.seconds, 1), **far)
    failed = failure_of(records, step.key) if f".{step.key}.failed.json" in names else None
    if failed is None:
        return _now(stands, goes_on=begun)
    known = failed.model_dump(include={"seconds", "error", "traceback", "attempts"})
    return _now(stands, state="failed", goes_on=begun, **known)


def _now(stands: StepStatus, **found: Any) -> StepStatus:
    return stands.model_copy(update=found)


def _seconds(records: Records, key: str) -> float | None:
    """Read how long a finished step took; a damaged record is the run's to tell."""
    with suppress(BlurnetError, ValueError, KeyError, TypeError, OverflowError):
        seconds = float(read_json(records.root / key / "config.json")["computed"]["seconds"])
        return seconds if 0 <= seconds < math.inf else None
    return None


def _left(steps: Iterable[StepStatus], jobs: int) -> Left | None:
    pace, waiting, running = Pace(), Counter[str](), []
    for step in steps:
        if step.state == "done" and step.seconds is not None:
            pace.add(step.kind, step.seconds)
        elif step.state == "running":
            share = step.done / step.total if step.total else 0.0
            running.append(Running(step.kind, step.seconds or 0.0, share))
        elif step.state != "done":
            waiting[step.kind] += 1
    return pace.left(waiting, running, jobs)


def _held(lock: Path) -> bool:
    """Tell whether a run holds the folder."""
    if not lock.exists():
        return False
    try:
        with filelock.FileLock(lock, blocking=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a read-only folder: no run writes there
        return False
