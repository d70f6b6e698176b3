"""Do one step and keep its record: the same in this process, in a worker, and on a cluster."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from .computed import Computed, Provenance
from .failures import clear_failure
from .records import Records
from .step import OnStep, Step, Work
from .working import heartbeat


@dataclass(frozen=True, eq=False)
class Task:
    """A step as another process gets it: of the steps it needs only where their outcomes are.

    Args:
        key: the step's, as are ``kind``, ``title``, ``description`` and ``work``.
        needs: role → the key of a step, and the type of its outcome's values.

    """

    key: str
    kind: str
    title: str
    description: dict[str, Any]
    work: Work[Any]
    needs: Mapping[str, tuple[str, type[BaseModel]]]


def task_of(step: Step[Any]) -> Task:
    """Give what is needed to do a step."""
    needs = {role: (need.key, need.values) for role, need in step.needs.items()}
    return Task(step.key, step.kind, step.title, step.description, step.work, needs)


def perform(task: Task, records: Records, on_step: OnStep, by: Provenance) -> float:
    """Do a step and keep its record.

    Args:
        task: the step.
        records: where the outcomes of the steps it needs are, and its own is kept.
        on_step: told how far the work is.
        by: with what it is computed.

    Returns:
        How many seconds the work took; 0 where another process recorded it in the meantime.

    Raises:
        BlurnetError: if a record that it needs is damaged.
        CannotKeep: if the disk does not take its record.
        Exception: whatever the work raises.

    """
    with records.scratch(task) as folder:
        if task.key in records:
            return 0.0
        needs = {role: records.read(key, values) for role, (key, values) in task.needs.items()}
        start = time.monotonic()
        outcome = task.work(needs, heartbeat(folder, on_step), folder)
        seconds = round(time.monotonic() - start, 3)
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        records.write(task, outcome, Computed(by=by, seconds=seconds, finished=finished))
        clear_failure(records, task.key)
    return seconds
