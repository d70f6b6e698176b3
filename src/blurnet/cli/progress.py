"""Progress of long work: a bar on a terminal, plain lines elsewhere, always on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from blurnet.engine import OnBegin, OnStep, Step

SECONDS_BETWEEN_LINES = 10

Begin = Callable[[str], OnStep]
"""Called with what begins; gives what shows its progress."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[OnBegin | None]:
    """Give what ``run_steps`` calls to show its progress; Ctrl-C ends the command with 130."""
    with _shown(quiet=quiet) as begin:

        def on_begin(step: Step[Any], place: int, steps: int) -> OnStep:
            assert begin is not None
            return begin(f"{place}/{steps} {step.title}")

        yield None if begin is None else on_begin


@contextmanager
def step_progress(title: str, *, quiet: bool, kept: bool = True) -> Iterator[OnStep | None]:
    """Give what one long piece of work calls after each step to show its progress.

    Args:
        title: what it is.
        quiet: whether nothing is shown.
        kept: whether what is done so far is kept when it is interrupted.

    """
    with _shown(quiet=quiet, kept=kept) as begin:
        yield None if begin is None else begin(title)


@contextmanager
def _shown(*, quiet: bool, kept: bool = True) -> Iterator[Begin | None]:
    console = Console(stderr=True)
    try:
        if quiet:
            yield None
        elif console.is_terminal:
            with _bar(console) as begin:
                yield begin
        else:
            yield _lines
    except KeyboardInterrupt:
        _line(
            "blurnet: interrupted; what is finished is kept, and the same command goes on from it"
            if kept
            else "blurnet: interrupted; nothing was written"
        )
        raise typer.Exit(130) from None


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:.0f} steps/s")


@contextmanager
def _bar(console: Console) -> Iterator[Begin]:
    columns = (
        TextColumn("{task.description}\n[dim]{task.fields[note]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task("reading the inputs", total=None, note="")

        def begin(title: str) -> OnStep:
            for shown in bar.task_ids:
                bar.remove_task(shown)
            task = bar.add_task(title, total=None, note="")

            def on_step(done: int, total: int, note: str = "", /) -> None:
                bar.update(task, completed=done, total=total, note=note)

            return on_step

        yield begin


def _lines(title: str) -> OnStep:
    _line(title)
    start = last = time.monotonic()

    def on_step(done: int, total: int, note: str = "", /) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            speed = done / (now - start)
            _line(
                f"  {done}/{total} steps, {speed:.0f} steps/s, "
                f"about {(total - done) / speed:.0f} s left{note and ': '}{note}"
            )

    return on_step


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
