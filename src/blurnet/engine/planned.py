"""``plan.json``: the steps of a folder's last run, so that what is missing can be told."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from blurnet.errors import BlurnetError
from blurnet.files import read_json, to_json, write_whole
from blurnet.settings import Settings, check

from .records import Records
from .step import Step

PLAN = "plan.json"


class PlannedStep(Settings):
    """A step of the plan; ``needs`` are the keys of the steps whose outcomes it reads."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+-[0-9a-f]{20}$")]
    kind: str
    title: str
    needs: tuple[str, ...] = ()


class PlanFile(Settings):
    """A run's plan.

    Args:
        steps: all, each after what it needs.
        jobs: how many run side by side.
        command: what makes the run go on, and tries failed steps again; "" where not known.
        folder: where the command was given.

    """

    steps: tuple[PlannedStep, ...]
    jobs: Annotated[int, Field(ge=1)] = 1
    command: str = ""
    folder: str = ""


def write_plan(records: Records, ordered: Sequence[Step[Any]], *, jobs: int, command: str) -> None:
    """Keep the plan in the run's folder; a plan that is there already is not written again.

    A folder that cannot be written to is not an error here: where steps are missing, the first of
    them says so.
    """
    steps = tuple(
        PlannedStep(
            key=step.key,
            kind=step.kind,
            title=step.title,
            needs=tuple(need.key for need in step.needs.values()),
        )
        for step in ordered
    )
    there = None
    with suppress(BlurnetError):
        there = read_plan(records)
    if there is not None and there.steps == steps and (not command or there.command == command):
        return
    plan = PlanFile(steps=steps, jobs=jobs, command=command, folder=str(Path.cwd()))
    with suppress(BlurnetError, OSError):
        records.folder.mkdir(parents=True, exist_ok=True)
        write_whole(records.folder / PLAN, to_json(plan.model_dump(mode="json")))


def read_plan(records: Records) -> PlanFile:
    """Read the plan of a run's folder.

    Raises:
        BlurnetError: if there is none, or it is not one.

    """
    file = records.folder / PLAN
    if not file.exists():
        raise BlurnetError(f"{records.folder}: no {PLAN}; give the folder of a blurnet run (--out)")
    try:
        return check(PlanFile, read_json(file))
    except BlurnetError as error:
        said = str(error) if str(file) in str(error) else f"{file}: {error}"
        raise BlurnetError(said) from None
