"""A run on a Ray cluster: this process decides what is ready, tasks on the nodes do it."""

import heapq
import pickle
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.files import disk_errors

from .board import Board
from .computed import provenance
from .failures import clear_failure
from .here import do_here
from .on_ray import Cluster
from .perform import task_of
from .ray_task import ELSEWHERE, MARK, Answer, Run, do_step, mailbox
from .records import CannotKeep, Records
from .step import OnStep, Step
from .watch import Watch
from .worker import Raised, one_line

RETRIES, FIRST_PAUSE = 3, 1.0
"""How often a step is tried again whose process or node died; seconds before the first time, and
twice as many before each other."""
GRACE = 60.0
"""How many seconds interrupted steps have to end, such as to leave a checkpoint."""
PATIENCE = 0.5
"""How many seconds pass between two looks at how far the steps are."""


@dataclass(eq=False)
class Flight:
    """A step that the cluster has: its pickled task, and which attempt this is."""

    step: Step[Any]
    content: bytes
    attempt: int = 1
    since: float = 0.0


class RayRun:
    """A run with a cluster: this process gives out steps, and keeps what nodes cannot keep."""

    def __init__(
        self,
        board: Board,
        records: Records,
        cluster: Cluster,
        time_limit: float | None,
        watch: Watch,
    ) -> None:
        self.board, self.records, self.cluster, self.watch = board, records, cluster, watch
        self.ray, self.time_limit, self.by = cluster.ray, time_limit, provenance()
        self.flying: dict[Any, Flight] = {}
        self.later: list[tuple[float, int, Flight]] = []
        self.begun: dict[str, OnStep] = {}
        self.sent: dict[str, Any] | None = None
        self.room, self.looked = 0, -PATIENCE
        self.disk: str | None = None

    def run(self) -> None:
        """Do all steps.

        Raises:
            CannotKeep: if the disk takes no more records.
            KeyboardInterrupt: as it came; what ran had time to leave a checkpoint.

        """
        mark, run = self.records.folder / MARK, self._described()
        with disk_errors(mark):
            mark.write_text(run.word)
        self.post, self.told = run.mailbox, run.mailbox.heard.remote()
        self.shared = self.ray.put(run)
        self.task = self.ray.remote(
            num_cpus=self.cluster.threads, num_gpus=self.cluster.gpus, max_retries=0
        )(do_step)
        try:
            self._give_out()
            while self.flying or self.later or self.board.ready:
                self._listen()
                self._give_out()
        except KeyboardInterrupt:
            self._interrupt()
            raise
        finally:
            for task in self.flying:
                self.ray.cancel(task, force=True)
            self.ray.kill(self.post)
            mark.unlink(missing_ok=True)
        if self.disk is not None:
            raise CannotKeep(self.disk)

    def _described(self) -> Run:
        """Describe the run to its tasks, and start what they tell how far they are."""
        affinity = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        near = affinity(self.ray.get_runtime_context().get_node_id(), soft=True)
        return Run(
            folder=str(self.records.folder.resolve()),
            word=secrets.token_hex(8),
            cwd=str(Path.cwd()),
            threads=self.cluster.threads,
            time_limit=self.time_limit,
            versions=self.by.versions,
            mailbox=self.ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=near)(
                mailbox()
            ).remote(),
        )

    def _give_out(self) -> None:
        """Give the cluster what it has room for: first what is to be tried again."""
        while self.later and self.later[0][0] <= time.monotonic():
            self._fly(heapq.heappop(self.later)[2])
        while len(self.flying) < self.room and (step := self.board.next()) is not None:
            content = self._pickled(step)
            if content is None:
                do_here(self.board, self.records, step, self._begin(step), self.by)
            else:
                self._fly(Flight(step, content))

    def _fly(self, flight: Flight) -> None:
        flight.since = time.monotonic()
        step = flight.step
        if self.sent is not None:
            for need in step.needs.values():
                if need.key not in self.sent:
                    self.sent[need.key] = self.ray.put(self.records.files(need.key))
        sent = self.sent and {need.key: self.sent[need.key] for need in step.needs.values()}
        self.flying[self.task.remote(flight.content, step.key, self.shared, sent)] = flight

    def _listen(self) -> None:
        """Wait for answers, and now and then look how far the steps are, and how large Ray is."""
        now = time.monotonic()
        patience = max(0.0, min([PATIENCE, *(at - now for at, *_ in self.later[:1])]))
        tasks = list(self.flying)
        if not tasks:
            time.sleep(patience)
        elif self.ray.wait(tasks, timeout=patience)[0]:
            for task in self.ray.wait(tasks, num_returns=len(tasks), timeout=0)[0]:
                self._take(self.flying.pop(task), task)
        if now - self.looked >= PATIENCE:
            self.looked = now
            self.room = self.cluster.room()
            if self.ray.wait([self.told], timeout=0)[0]:
                self._hear()

    def _hear(self) -> set[str]:
        """Tell the display how far the steps are; give those that were ended for their time."""
        flying = {flight.step.key: flight.step for flight in self.flying.values()}
        overdue: set[str] = set()
        with suppress(self.ray.exceptions.RayError):  # its node died: Ray starts it on another
            told, overdue = self.ray.get(self.told, timeout=10)
            for key, (done, total, note) in told.items():
                if key in flying:
                    on_step = self._begin(flying[key])
                    if total:
                        on_step(done, total, note)
        self.told = self.post.heard.remote()
        return overdue

    def _take(self, flight: Flight, task: Any) -> None:
        """Take a task's answer."""
        step, seconds = flight.step, time.monotonic() - flight.since
        on_step = self._begin(step)
        try:
            answer: Answer = self.ray.get(task)
        except self.ray.exceptions.RayTaskError as error:  # before the step itself, as without us
            self.board.fail(step, one_line(error.cause or error), seconds=seconds)
            return
        except self.ray.exceptions.RayError as error:
            self._lost(flight, _how_it_died(error))
            return
        for text in answer.said:
            self.watch.said(f"{step.title}: {text}")
        message = answer.message
        if message is None and answer.why_not == ELSEWHERE:
            self.sent = self.sent or {}
            self._fly(flight)
        elif message is None:
            self._lost(flight, answer.why_not)
        elif not isinstance(message, Raised):
            self._keep(step, answer, message.seconds)
        elif message.unknown:
            do_here(self.board, self.records, step, on_step, self.by)
        else:
            self._failed(step, message, seconds)

    def _keep(self, step: Step[Any], answer: Answer, seconds: float) -> None:
        """Keep the record of a node that could not."""
        if answer.files is not None:
            try:
                self.records.keep(step.key, answer.files)
                clear_failure(self.records, step.key)
            except BlurnetError as error:
                raised = Raised(one_line(error), disk=isinstance(error, CannotKeep))
                self._failed(step, raised, seconds)
                return
        self.board.end(step, seconds)

    def _failed(self, step: Step[Any], message: Raised, seconds: float) -> None:
        if message.disk:
            self.disk = message.error
            self.board.stop()
            self.later.clear()
        self.board.fail(step, message.error, traceback=message.traceback, seconds=seconds)

    def _lost(self, flight: Flight, why: str) -> None:
        """Try a step again whose process or node died, unless it was over its time."""
        step, seconds = flight.step, time.monotonic() - flight.since
        self._hear()
        if step.key in self.records:  # it died between keeping the record and saying so
            self.board.end(step, seconds)
        elif step.key in self._hear():
            error = f"took more than {self.time_limit:g} s (--time-limit), and was killed"
            self.board.fail(step, error, seconds=seconds)
        elif flight.attempt > RETRIES:
            self.board.fail(step, f"{why}, {flight.attempt} times", seconds=seconds)
        elif self.disk is None:
            pause = FIRST_PAUSE * 2 ** (flight.attempt - 1)
            flight.attempt += 1
            self.watch.said(f"{step.title}: {why}; tried again in {pause:g} s")
            heapq.heappush(self.later, (time.monotonic() + pause, id(flight), flight))

    def _interrupt(self) -> None:
        """Interrupt what runs and wait for its end; a KeyboardInterrupt ends the waiting."""
        tasks = list(self.flying)
        if not tasks:
            return
        steps = f"{len(tasks)} step{'s' if len(tasks) > 1 else ''}"
        self.watch.said(f"ending {steps}; Ctrl-C again kills what runs")
        for task in tasks:
            self.ray.cancel(task)
        self.ray.wait(tasks, num_returns=len(tasks), timeout=GRACE)

    def _begin(self, step: Step[Any]) -> OnStep:
        """Note that a step begins, the first time that this is heard of."""
        if step.key not in self.begun:
            self.begun[step.key] = self.board.begin(step)
        return self.begun[step.key]

    def _pickled(self, step: Step[Any]) -> bytes | None:
        """Pickle a step for a node; None if it cannot be, and is done in this process."""
        try:
            return bytes(self.ray.cloudpickle.dumps(task_of(step)))
        except (pickle.PicklingError, AttributeError, TypeError):
            return None


def _how_it_died(error: Exception) -> str:
    return {
        "NodeDiedError": "its node died",
        "WorkerCrashedError": "its process was killed",
        "OutOfMemoryError": "its node was short of memory, and its process was killed",
    }.get(type(error).__name__, one_line(error))
