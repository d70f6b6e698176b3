"""Run steps on this machine: one after the other in this process, or side by side in others."""

import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from blurnet.errors import BlurnetError

from .board import Board
from .crew import Crew, Worker, how_it_died, not_started
from .perform import perform, task_of
from .planned import write_plan
from .provenance import Provenance, provenance
from .records import CannotKeep, Records
from .step import OnStep, Step, in_order
from .watch import OnBegin, Pace, Standing, Watch, as_watch
from .worker import Finished, Raised, Said, Told, raised

MEMORY_OF_A_WORKER = 2**30
"""What a worker is counted with where their number is chosen: torch, images, a small network."""


def run_steps(
    steps: Iterable[Step[Any]],
    records: Records,
    on_begin: OnBegin | None = None,
    *,
    jobs: int | None = 1,
    threads: int | None = None,
    time_limit: float | None = None,
    command: str = "",
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

    Raises:
        FailedSteps: if some failed.
        CannotKeep: if the disk takes no more records.
        BlurnetError: for wrong numbers, or if no worker can start.

    """
    watch, ordered = as_watch(on_begin), in_order(steps)
    how = choose(ordered, jobs, threads)
    if time_limit is not None and not time_limit > 0:
        raise BlurnetError(f"the time limit is more than 0 seconds, not {time_limit}")
    missing, pace = _missing(ordered, records, watch)
    write_plan(records, ordered, jobs=how.jobs, command=command)
    if not missing:
        return
    standing = Standing(len(missing), how.jobs, how.threads, how.chosen, pace)
    board = Board(missing, len(ordered) - len(missing), records, standing, watch)
    watch.planned(standing)
    with _threads(how.threads):
        if how.jobs == 1 and time_limit is None:
            _in_this_process(board, records)
        else:
            _SideBySide(board, records, how, time_limit, watch).run()
    board.check()


@dataclass(frozen=True)
class How:
    """How many steps run side by side, with how many threads; whether blurnet chose that."""

    jobs: int
    threads: int
    chosen: bool = False


def choose(ordered: Sequence[Step[Any]], jobs: int | None, threads: int | None) -> How:
    """Fill in how steps run where it is not said.

    Raises:
        BlurnetError: for numbers below 1.

    """
    for what, number in (("jobs", jobs), ("threads", threads)):
        if number is not None and number < 1:
            raise BlurnetError(f"{what} is at least 1, not {number}")
    if jobs is None:
        return fastest(ordered, threads)
    return How(jobs, threads or (torch.get_num_threads() if jobs == 1 else 1))


def fastest(ordered: Sequence[Step[Any]], threads: int | None = None) -> How:
    """Choose how steps run: as many side by side as there are cores, with the cores shared out.

    On small networks two steps of one thread are faster than one after the other with two. The
    choice depends on the machine and the whole plan, not on what of it is missing, so that a run
    that goes on has the same number of threads, and gives the same bits.

    Args:
        ordered: the plan's steps, each after what it needs.
        threads: of each step, if that is fixed.

    """
    depth: dict[str, int] = {}
    for step in ordered:
        depth[step.key] = 1 + max((depth[need.key] for need in step.needs.values()), default=0)
    width = max(Counter(depth.values()).values(), default=1)
    jobs = max(1, min(width, _cores() // (threads or 1), _memory() // MEMORY_OF_A_WORKER))
    if jobs == 1:
        return How(1, threads or torch.get_num_threads(), chosen=True)
    return How(jobs, threads or max(1, _cores() // jobs), chosen=True)


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


def _in_this_process(board: Board, records: Records) -> None:
    by = provenance()
    while (step := board.next()) is not None:
        _here(board, records, step, board.begin(step), by)


def _here(board: Board, records: Records, step: Step[Any], on_step: OnStep, by: Provenance) -> None:
    """Do one step in this process."""
    start = time.monotonic()
    try:
        seconds = perform(task_of(step), records, on_step, by)
    except CannotKeep:
        raise
    except Exception as error:
        found = raised(error)
        seconds = time.monotonic() - start
        board.fail(step, found.error, traceback=found.traceback, seconds=seconds)
    else:
        board.end(step, seconds)


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


class _SideBySide:
    """A run with workers: the parent gives out steps and listens; workers keep the records."""

    def __init__(
        self,
        board: Board,
        records: Records,
        how: How,
        time_limit: float | None,
        watch: Watch,
    ) -> None:
        self.board, self.records, self.how = board, records, how
        self.time_limit, self.watch = time_limit, watch
        self.crew = Crew(records.folder, how.threads)
        self.by = provenance()
        self.disk: str | None = None

    def run(self) -> None:
        """Do all steps.

        Raises:
            KeyboardInterrupt: as it came; what ran had time to leave a checkpoint.

        """
        try:
            self._give_out()
            while self.crew.busy or self.board.ready:
                for worker, message in self.crew.messages(self._patience()):
                    self._take(worker, message)
                self._end_what_hangs()
                self._give_out()
        except KeyboardInterrupt:
            running = len(self.crew.busy)
            if running:
                steps = f"{running} step{'s' if running > 1 else ''}"
                self.watch.said(f"ending {steps}; Ctrl-C again kills what runs")
                self.crew.interrupt()
            raise
        finally:
            self.crew.end()
        if self.disk is not None:
            raise CannotKeep(self.disk)

    def _give_out(self) -> None:
        """Give each waiting worker a step, and start workers while there is more to do."""
        for worker in self.crew.idle:
            while (step := self.board.next()) is not None:
                content = _pickled(step)
                on_step = self.board.begin(step)
                if content is not None:
                    self.crew.give(worker, step, content, on_step)
                    break
                _here(self.board, self.records, step, on_step, self.by)
        starting = sum(not each.ready for each in self.crew.workers)
        room = self.how.jobs - len(self.crew.workers)
        for _ in range(min(room, self.board.ready - starting)):
            self.crew.start()

    def _take(self, worker: Worker, message: Any) -> None:
        step, on_step, seconds = worker.step, worker.on_step, time.monotonic() - worker.since
        if isinstance(message, Said):
            self.watch.said(message.text if step is None else f"{step.title}: {message.text}")
        elif isinstance(message, Told) and on_step is not None:
            on_step(message.done, message.total, message.note)
        elif step is None or on_step is None:
            if message is None and not worker.ready:
                raise not_started(worker)
        elif isinstance(message, Finished):
            worker.step = None
            self.board.end(step, message.seconds)
        elif isinstance(message, Raised) and message.unknown:
            worker.step = None
            _here(self.board, self.records, step, on_step, self.by)
        elif isinstance(message, Raised):
            worker.step = None
            if message.disk:
                self.disk = message.error
                self.board.stop()
            self.board.fail(step, message.error, traceback=message.traceback, seconds=seconds)
        elif message is None:
            worker.step = None
            if step.key in self.records:  # it was killed between keeping the record and saying so
                self.board.end(step, seconds)
            else:
                self.board.fail(step, how_it_died(worker), seconds=seconds)

    def _patience(self) -> float | None:
        """Give how many seconds to wait for the workers before one of them is over its time."""
        if self.time_limit is None or not self.crew.busy:
            return None
        first = min(each.since for each in self.crew.busy)
        return max(0.0, first + self.time_limit - time.monotonic())

    def _end_what_hangs(self) -> None:
        for worker in self.crew.busy:
            seconds = time.monotonic() - worker.since
            if self.time_limit is None or seconds < self.time_limit or worker.step is None:
                continue
            step, worker.step = worker.step, None
            self.crew.kill(worker)
            if step.key in self.records:
                self.board.end(step, seconds)
            else:
                error = f"took more than {self.time_limit:g} s (--time-limit), and was killed"
                self.board.fail(step, error, seconds=seconds)


def _pickled(step: Step[Any]) -> bytes | None:
    """Pickle a step for another process; None if it cannot be, and is done in this one."""
    try:
        return pickle.dumps(task_of(step))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


def _cores() -> int:
    """Give how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _memory() -> int:
    """Give the machine's memory, in bytes."""
    sysconf: Callable[[str], int] | None = getattr(os, "sysconf", None)
    try:
        return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES") if sysconf else 2**62
    except (OSError, ValueError):
        return 2**62
