"""Run steps: one after the other in this process, side by side in others, or on a Ray cluster."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from blurnet.errors import BlurnetError

from .board import Board
from .chosen import Chosen
from .here import in_this_process
from .how import choose
from .mirror import mirrored
from .on_ray import OnRay
from .planned import write_plan
from .ray_run import RayRun
from .records import Records
from .side_by_side import SideBySide
from .step import Step, in_order
from .watch import OnBegin, Pace, Standing, Watch, as_watch


def run_steps(
    steps: Iterable[Step[Any]],
    records: Records,
    on_begin: OnBegin | None = None,
    *,
    jobs: int | None = 1,
    threads: int | None = None,
    time_limit: float | None = None,
    command: str = "",
    chosen: Chosen | None = None,
    on: OnRay | None = None,
    mirror: str | None = None,
) -> None:
    """Do what is missing of the steps and all that they need.

    A step that fails costs only what needs it; all else is done and kept. With the same number of
    threads a step gives the same bits, however many run side by side.

    Args:
        steps: the steps whose records are wanted.
        records: where finished steps are found and new ones kept; lock it first.
        on_begin: called before each missing step with the step, its place (from 1) among the
            missing ones and their number; gives the callback for the step's own progress. A
            ``Watch`` is told more.
        jobs: how many steps run side by side, each in a process of its own; 1 for one after the
            other in this process; None for what is fastest here, see ``fastest``.
        threads: torch's, for each step; None for 1 where ``jobs`` is more than 1, else for as many
            as torch has.
        time_limit: how many seconds a step may take; it is then killed, and has failed. A step
            that cannot be sent to another process is not limited.
        command: what makes the run go on, for ``blurnet status``.
        chosen: the part of the steps that is done; None for all that are missing. The plan that
            is kept is that of all.
        on: the Ray cluster to run on, with 1 thread a step if ``threads`` does not say, and
            ``jobs`` at most what it has room for; None for this machine.
        mirror: where a copy of the records is kept, such as ``s3://bucket/run``; what is there is
            not computed again.

    Raises:
        FailedSteps: if some failed.
        CannotKeep: if the disk takes no more records.
        BlurnetError: for wrong numbers; for a step to do alone that cannot be; if no worker can
            start; if there is no such cluster; or if the mirror cannot be read or, after all else
            is done, written.

    """
    ordered = in_order(steps)
    how = choose(ordered, jobs, threads)
    if time_limit is not None and not time_limit > 0:
        raise BlurnetError(f"the time limit is more than 0 seconds, not {time_limit}")
    with mirrored(mirror, records, ordered, as_watch(on_begin)) as watch:
        missing, pace = _missing(ordered, records, watch)
        there = len(ordered) - len(missing)
        missing = (chosen or Chosen()).of(missing, ordered, records)
        on_ray = on.cluster(threads or 1, jobs) if on is not None and missing else nullcontext()
        with on_ray as cluster:
            how = how if cluster is None else cluster.how
            write_plan(records, ordered, jobs=how.jobs, command=command)
            if not missing:
                return
            standing = Standing(len(missing), how.jobs, how.threads, how.chosen, pace)
            board = Board(missing, there, records, standing, watch)
            watch.planned(standing)
            with _threads(how.threads):
                if cluster is not None:
                    RayRun(board, records, cluster, time_limit, watch, pace).run()
                elif how.jobs == 1 and time_limit is None:
                    in_this_process(board, records)
                else:
                    SideBySide(board, records, how, time_limit, watch).run()
        board.check()


def _missing(
    ordered: Sequence[Step[Any]], records: Records, watch: Watch
) -> tuple[list[Step[Any]], Pace]:
    """List the steps without a sound record; damaged ones are set aside, and that is said."""
    missing, pace = [], Pace()
    for step in ordered:
        if step.key not in records:
            missing.append(step)
            continue
        try:
            pace.add(step.kind, records.checked(step.key).computed.seconds)
        except BlurnetError as error:
            aside = records.set_aside(step.key)
            why = str(error).partition("; remove")[0]
            watch.said(f"a damaged record is computed again; it lies in {aside} now: {why}")
            missing.append(step)
    return missing, pace


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch use so many threads in this process."""
    before = torch.get_num_threads()
    if number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
