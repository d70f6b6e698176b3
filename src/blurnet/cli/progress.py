"""Progress of long work: bars on a terminal, plain lines elsewhere, always on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from blurnet.engine import OnStep, Standing, Step, Watch

SECONDS_BETWEEN_LINES = 10


@contextmanager
def progress(*, quiet: bool) -> Iterator[Watch | None]:
    """Give what ``run_steps`` tells how a run goes; Ctrl-C ends the command with status 130."""
    console = Console(stderr=True)
    with _interruptible():
        if quiet:
            yield _Quiet()
        elif console.is_terminal:
            with _bars(console) as bars:
                yield _Terminal(bars)
        else:
            yield _Lines()


@contextmanager
def step_progress(title: str, *, quiet: bool, kept: bool = True) -> Iterator[OnStep | None]:
    """Give what one long piece of work calls after each step to show its progress.

    Args:
        title: what it is.
        quiet: whether nothing is shown.
        kept: whether what is done so far is kept when it is interrupted.

    """
    console = Console(stderr=True)
    with _interruptible(kept=kept):
        if quiet:
            yield None
        elif console.is_terminal:
            with _bars(console) as bars:
                yield _Terminal(bars).shown(title)[1]
        else:
            _line(title)
            yield _line_now_and_then("  ")


@contextmanager
def _interruptible(*, kept: bool = True) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _line(
            "blurnet: interrupted; what is finished is kept, and the same command goes on from it"
            if kept
            else "blurnet: interrupted; nothing was written"
        )
        raise typer.Exit(130) from None


class _Quiet(Watch):
    """Says only what would otherwise be lost: warnings, and that Ctrl-C was heard."""

    def said(self, text: str) -> None:
        _line(f"blurnet: {text}")


class _Lines(Watch):
    """A line for each step that begins or fails, and now and then how far it is."""

    def __init__(self) -> None:
        self._standing: Standing | None = None

    def planned(self, standing: Standing) -> None:
        self._standing = standing
        if standing.total > 1:
            _line(str(standing))

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:
        left = self._standing and self._standing.left()
        _line(f"{place}/{total} {step.title}{f' ({left} in all)' if left else ''}")
        aside = self._standing is not None and self._standing.jobs > 1
        return _line_now_and_then(f"  {step.title}: " if aside else "  ")

    def ended(self, step: Step[Any], seconds: float, error: str | None) -> None:  # noqa: ARG002
        if error is not None:
            _line(f"failed: {step.title}: {error}")

    def said(self, text: str) -> None:
        _line(text)


class _Terminal(Watch):
    """A bar for the whole, with the time left, and one for each step that runs."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._whole: TaskID | None = None
        self._shown: dict[str, TaskID] = {}

    def planned(self, standing: Standing) -> None:
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        if standing.total > 1:
            self._whole = self._bars.add_task(
                escape(str(standing)), total=standing.total, note="", standing=standing
            )

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:
        self._shown[step.key], on_step = self.shown(f"{place}/{total} {step.title}")
        return on_step

    def ended(self, step: Step[Any], seconds: float, error: str | None) -> None:  # noqa: ARG002
        if (task := self._shown.pop(step.key, None)) is not None:
            self._bars.remove_task(task)
        if self._whole is not None:
            self._bars.advance(self._whole)
        if error is not None:
            self.said(f"failed: {step.title}: {error}")

    def said(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def shown(self, title: str) -> tuple[TaskID, OnStep]:
        """Show one more bar."""
        task = self._bars.add_task(escape(title), total=None, note="", standing=None)

        def on_step(done: int, total: int, note: str = "", /) -> None:
            self._bars.update(task, completed=done, total=total, note=escape(note))

        return task, on_step


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        if not task.speed or task.fields["standing"] is not None:
            return Text("")
        return Text(_rate(task.speed))


class _Left(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        standing: Standing | None = task.fields["standing"]
        return super().render(task) if standing is None else Text(str(standing.left() or ""))


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}\n[dim]{task.fields[note]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        _Rate(),
        _Left(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bars.add_task("reading the inputs", total=None, note="", standing=None)
        yield bars


def _line_now_and_then(start: str) -> OnStep:
    began = last = time.monotonic()

    def on_step(done: int, total: int, note: str = "", /) -> None:
        nonlocal last
        now = time.monotonic()
        if done > 0 and now - last >= SECONDS_BETWEEN_LINES:
            last = now
            speed = done / (now - began)
            _line(
                f"{start}{done}/{total} steps, {_rate(speed)}, "
                f"about {(total - done) / speed:.0f} s left{note and ': '}{note}"
            )

    return on_step


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _rate(speed: float) -> str:
    return f"{speed:.{0 if speed >= 10 else 1}f} steps/s"
