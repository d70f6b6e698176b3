"""Run steps here, one after the other."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from .computed import Computed, provenance
from .records import Records
from .step import OnStep, Step, in_order

OnBegin = Callable[[Step[Any], int, int], OnStep]


def run_steps(
    steps: Iterable[Step[Any]], records: Records, on_begin: OnBegin | None = None
) -> None:
    """Do what is missing of the steps and all that they need.

    Args:
        steps: the steps whose records are wanted.
        records: where finished steps are found and new ones kept; lock it first.
        on_begin: called before each missing step with the step, its place (from 1) among the
            missing ones and their number; gives the callback for the step's own progress.

    Raises:
        BlurnetError: what a step raises. Steps finished before it are kept.

    """
    missing = [step for step in in_order(steps) if step.key not in records]
    by = provenance()
    for place, step in enumerate(missing, start=1):
        on_step: OnStep = _ignore if on_begin is None else on_begin(step, place, len(missing))
        needs = {role: records.outcome(need) for role, need in step.needs.items()}
        with records.scratch(step) as folder:
            start = time.monotonic()
            outcome = step.work(needs, on_step, folder)
            seconds = round(time.monotonic() - start, 3)
            finished = datetime.now(UTC).isoformat(timespec="seconds")
            records.write(step, outcome, Computed(by=by, seconds=seconds, finished=finished))


def _ignore(_done: int, _total: int, _note: str = "", /) -> None:
    pass
