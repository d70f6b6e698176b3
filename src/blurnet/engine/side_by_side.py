"""Run steps side by side: this process gives them out, workers do them and keep the records."""

import pickle
import time
from typing import Any

from .board import Board
from .computed import provenance
from .crew import Crew, Worker, how_it_died, not_started
from .here import do_here
from .how import How
from .perform import task_of
from .records import CannotKeep, Records
from .step import Step
from .watch import Watch
from .worker import Finished, Raised, Said, Told


class SideBySide:
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
        self.crew = Crew(records.folder, how.threads, board.modules)
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
                do_here(self.board, self.records, step, on_step, self.by)
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
            do_here(self.board, self.records, step, on_step, self.by)
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
