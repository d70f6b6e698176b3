"""``blurnet status``: what of a run is done, runs, failed, waits, and the time left."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from blurnet.engine import RunStatus
    from blurnet.engine.status import StepStatus

WAITING_SHOWN = 10


def status(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a run: its --out, under runs/.")
    ],
    json_: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say how a run stands: done, running, failed and why, waiting, and the time left.

    Examples:

      blurnet status runs/whitebox

      blurnet status runs/whitebox --json

    Below a failed step stands the command that does it again alone; "retry" does all that failed,
    "again" and "goes on" everything. It only reads, so it may be called while the run is at work.
    The time left is estimated from the seconds of finished steps of the same kind.
    """
    from blurnet.engine import status_of
    from blurnet.files import to_json

    found = status_of(folder)
    if json_:
        typer.echo(to_json(found.model_dump(mode="json")).decode(), nl=False)
        return
    for line in lines_of(found):
        typer.echo(line)


def lines_of(found: "RunStatus") -> list[str]:
    """Put a run's status in words."""
    from blurnet.engine.chosen import RETRY_FAILED

    by_state = {
        state: [step for step in found.steps if step.state == state]
        for state in ("running", "failed", "blocked", "waiting")
    }
    counts = [
        f"{found.count('done')} of {len(found.steps)} steps done",
        *(f"{len(steps)} {state}" for state, steps in by_state.items() if steps),
    ]
    lines = [f"{found.folder}: {', '.join(counts)}"]
    lines += [f"running  {step.title}{_far(step)}" for step in by_state["running"]]
    for step in by_state["failed"]:
        tries = f" ({step.attempts} runs tried it)" if step.attempts > 1 else ""
        lines.append(f"failed   {step.title}: {step.error}{tries}")
        if step.alone:
            lines.append(f"  alone  {_where(found)}{step.alone}")
    if blocked := by_state["blocked"]:
        lines.append(f"blocked  {_titles(blocked)}: needs a step that failed")
    if waiting := by_state["waiting"]:
        lines.append(f"waiting  {_titles(waiting)}")
    if found.count("done") == len(found.steps):
        return lines
    if found.left is not None:
        side = f", {found.jobs} side by side" if found.jobs > 1 else ""
        lines.append(f"left     {str(found.left).removesuffix(' left')}{side}")
    if not found.active:
        if by_state["failed"] and waiting and found.command:
            lines.append(f"retry    {_where(found)}{found.command} {RETRY_FAILED}")
        again = "again " if by_state["failed"] else "goes on"
        lines.append(f"{again.ljust(8)} {_command(found)}")
    return lines


def _far(step: "StepStatus") -> str:
    from blurnet.engine.watch import duration

    parts = [] if step.seconds is None else [f"for {duration(step.seconds)}"]
    if step.total:
        parts.append(f"{step.done}/{step.total} steps")
    if step.note:
        parts.append(step.note)
    return f" ({', '.join(parts)})" if parts else ""


def _titles(steps: "list[StepStatus]") -> str:
    more = f" and {len(steps) - WAITING_SHOWN} more" if len(steps) > WAITING_SHOWN else ""
    return "; ".join(step.title for step in steps[:WAITING_SHOWN]) + more


def _command(found: "RunStatus") -> str:
    if not found.command:
        return "the call that made this folder"
    return f"{_where(found)}{found.command}"


def _where(found: "RunStatus") -> str:
    """Give what goes to the folder where the run's command was given, if that is another."""
    if not found.command_folder or Path(found.command_folder) == Path.cwd():
        return ""
    return f"cd {shlex.quote(found.command_folder)} && "
