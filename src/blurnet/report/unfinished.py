"""The first section of an unfinished run's page: what is done, what is not there yet, and why."""

from collections.abc import Iterator, Sequence

from blurnet.engine import RunStatus
from blurnet.engine.status import StepStatus
from blurnet.experiments.results import AnyResults, LackingRow
from blurnet.report.blocks import Block, Details, Paragraph, Section, Verdict, blocks
from blurnet.report.tables import Column, Row, Table, Words
from blurnet.report.words import counted

NO_VERDICT = "No verdict yet: rows are not there, or are means over fewer seeds than was asked."


def section(results: AnyResults, status: RunStatus) -> Section:
    """Say how far an unfinished run is.

    Args:
        results: the rows that are there, and which are lacking.
        status: how its steps stand.

    """
    return blocks("Unfinished", *_said(results, status))


def nothing_yet(results: AnyResults) -> Section:
    """Say what was asked of a run that has no row yet."""
    return blocks(
        "What was asked", Details("All settings", results.settings.model_dump_json(indent=1))
    )


def _said(results: AnyResults, status: RunStatus) -> Iterator[Block]:
    done, total = status.count("done"), len(status.steps)
    now = " A run is at work there now." if status.active else ""
    shown = (
        f"{counted(len(results.rows), 'row')} below: of each, every record is there, and nothing "
        "is estimated in place of what is not. A row that is a mean over fewer seeds than was "
        "asked says over how many."
        if results.rows
        else "No row is complete yet."
    )
    yield Verdict(f"This run is unfinished: {done} of {counted(total, 'step')} done", shown + now)
    by_key = {step.key: step for step in status.steps}
    yield Table(
        "Not there yet",
        (Column("steps done"), Column("why")),
        tuple(_row(each, by_key) for each in results.lacking),
        labels="Row",
        words=True,
    )
    if status.command:
        yield Paragraph(f"The same command goes on from there: {status.command}", "caption")


def _row(lacking: LackingRow, by_key: dict[str, StepStatus]) -> Row:
    steps = [by_key[key] for key in lacking.steps if key in by_key]
    done = sum(step.state == "done" for step in steps)
    cells = (Words(f"{done} of {len(lacking.steps)}"), Words(_why(steps)))
    return Row(lacking.label, cells, lacking.part)


def _why(steps: Sequence[StepStatus]) -> str:
    """Say what of a row's steps failed, runs and waits."""
    told = [f"failed: {step.title}: {step.error}" for step in steps if step.state == "failed"]
    told += [f"runs: {step.title}" for step in steps if step.state == "running"]
    waiting = [step for step in steps if step.state in ("waiting", "blocked")]
    if waiting and not told:
        first, more = waiting[0].title, len(waiting) - 1
        told = [f"not begun: {first}{f' and {more} more' if more else ''}"]
    return "; ".join(told) or "all its steps are done; the same command puts the row together"
