"""A run on a Ray cluster: this process decides what is ready, tasks on the nodes do it."""

import heapq
import math
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
from .ray_task import ELSEWHERE, MARK, Answer, Run, do_steps, mailbox
from .records import CannotKeep, Records
from .step import OnStep, Step
from .watch import Pace, Watch
from .worker import Raised, one_line

RETRIES, FIRST_PAUSE = 3, 1.0
"""How often a step is tried again whose process or node died; seconds before the first time, and
twice as many before each other."""
GRACE = 60.0
"""How many seconds interrupted steps have to end, such as to leave a checkpoint."""
SHORT, OVERHEAD = 0.2, 0.005
"""Steps that take less seconds in all share a task; what each costs beyond the work."""
PATIENCE = 0.5
"""How many seconds pass between two looks at how far the steps are."""


@dataclass(eq=False)
class Flight:
    """What a task on the cluster does: a step, or some that are short; and which attempt it is."""

    steps: list[Step[Any]]
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
        pace: Pace,
    ) -> None:
        self.pace, self.contents = pace, dict[str, bytes]()
        self.board, self.records, self.cluster, self.watch = board, records, cluster, watch
        self.ray, self.time_limit, self.by = cluster.ray, time_limit, provenance()
        self.flying: dict[Any, Flight] = {}
        self.later: list[tuple[float, int, Flight]] = []
        self.begun: dict[str, OnStep] = {}
        self.sent: dict[str, Any] | None = None
        self.room, self.looked = cluster.room(), time.monotonic()
        self.disk: str | None = None
        self.post: Any = None

    def run(self) -> None:
        """Do all steps.

        Raises:
            CannotKeep: if the disk takes no more records.
            KeyboardInterrupt: as it came; what ran had time to leave a checkpoint.

        """
        mark, word = self.records.folder / MARK, secrets.token_hex(8)
        with disk_errors(mark):
            mark.write_text(word)
        self.name = f"blurnet-{word}"
        self.shared = self.ray.put(
            Run(
                folder=str(self.records.folder.resolve()),
                word=word,
                cwd=str(Path.cwd()),
                threads=self.cluster.threads,
                time_limit=self.time_limit,
                versions=self.by.versions,
                mailbox=self.name,
            )
        )
        if self.time_limit is not None:
            self._open_mailbox()
        self.task = self.ray.remote(
            num_cpus=self.cluster.threads, num_gpus=self.cluster.gpus, max_retries=0
        )(do_steps)
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
            if self.post is not None:
                self.ray.kill(self.post)
            mark.unlink(missing_ok=True)
        if self.disk is not None:
            raise CannotKeep(self.disk)

    def _open_mailbox(self) -> None:
        """Start, on this machine, what tasks tell how far they are."""
        affinity = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        near = affinity(self.ray.get_runtime_context().get_node_id(), soft=True)
        self.post = self.ray.remote(
            num_cpus=0, max_restarts=-1, scheduling_strategy=near, name=self.name
        )(mailbox()).remote()
        self.told = self.post.heard.remote()

    def _give_out(self) -> None:
        """Give the cluster what it has room for: first what is to be tried again."""
        while self.later and self.later[0][0] <= time.monotonic():
            self._fly(heapq.heappop(self.later)[2])
        while len(self.flying) < self.room and (steps := self._next()):
            self._fly(Flight(steps))

    def _next(self) -> list[Step[Any]]:
        """Take the next step for a node, and further ones if they are known to be short."""
        steps: list[Step[Any]] = []
        seconds = 0.0
        share = math.ceil(self.board.ready / self.room)
        while seconds < SHORT and len(steps) < share and (step := self.board.next()) is not None:
            content = self._pickled(step)
            if content is None:
                do_here(self.board, self.records, step, self._begin(step), self.by)
                continue
            self.contents[step.key] = content
            steps.append(step)
            mean = self.pace.mean(step.kind)
            seconds += SHORT if mean is None else mean + OVERHEAD
        return steps

    def _fly(self, flight: Flight) -> None:
        flight.since = time.monotonic()
        contents = {step.key: self.contents[step.key] for step in flight.steps}
        sent = None
        if self.sent is not None:
            needed = {need.key for step in flight.steps for need in step.needs.values()}
            for key in needed - self.sent.keys():
                self.sent[key] = self.ray.put(self.records.files(key))
            sent = {key: self.sent[key] for key in needed}
        self.flying[self.task.remote(contents, self.shared, sent)] = flight

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
            if self.post is not None and self.ray.wait([self.told], timeout=0)[0]:
                self._hear()
            elif self.post is None and any(now - f.since > 1 for f in self.flying.values()):
                self._open_mailbox()  # where all steps are short, nobody would read it

    def _hear(self) -> set[str]:
        """Tell the display how far the steps are; give those that were ended for their time."""
        flying = {step.key: step for each in self.flying.values() for step in each.steps}
        overdue: set[str] = set()
        if self.post is None:
            return overdue
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
        """Take a task's answers."""
        seconds = time.monotonic() - flight.since
        try:
            answers: list[Answer] = self.ray.get(task)
        except self.ray.exceptions.RayTaskError as error:  # before any step: a node without blurnet
            for step in flight.steps:
                self._failed(step, Raised(one_line(error.cause or error)), seconds)
        except self.ray.exceptions.RayError as error:
            self._lost(flight.steps, flight, _how_it_died(error))
        else:
            for step, answer in zip(flight.steps, answers, strict=True):
                self._answered(step, answer, flight)

    def _answered(self, step: Step[Any], answer: Answer, flight: Flight) -> None:
        on_step, message = self._begin(step), answer.message
        for text in answer.said:
            self.watch.said(f"{step.title}: {text}")
        if message is None and answer.why_not == ELSEWHERE:
            self.sent = {} if self.sent is None else self.sent
            self._fly(Flight([step], flight.attempt))
        elif message is None:
            self._lost([step], flight, answer.why_not)
        elif not isinstance(message, Raised):
            self._keep(step, answer, message.seconds)
        elif message.unknown:
            self.watch.said(f"{step.title}: done by this process; no node can: {message.error}")
            do_here(self.board, self.records, step, on_step, self.by)
        else:
            self._failed(step, message, time.monotonic() - flight.since)

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
        self._begin(step)
        self.board.fail(step, message.error, traceback=message.traceback, seconds=seconds)

    def _lost(self, steps: list[Step[Any]], flight: Flight, why: str) -> None:
        """Try steps again whose process or node died; one that was over its time has failed."""
        self._hear()
        overdue, seconds = self._hear(), time.monotonic() - flight.since
        for step in steps:
            self._begin(step)
            if step.key in self.records:  # it died between keeping the record and saying so
                self.board.end(step, seconds)
            elif step.key in overdue:
                error = f"took more than {self.time_limit:g} s (--time-limit), and was killed"
                self.board.fail(step, error, seconds=seconds)
            elif flight.attempt > RETRIES:
                self.board.fail(step, f"{why}, {flight.attempt} times", seconds=seconds)
            elif self.disk is None:
                pause = FIRST_PAUSE * 2 ** (flight.attempt - 1)
                again = Flight([step], flight.attempt + 1)
                self.watch.said(f"{step.title}: {why}; tried again in {pause:g} s")
                heapq.heappush(self.later, (time.monotonic() + pause, id(again), again))

    def _interrupt(self) -> None:
        """Interrupt what runs and wait for its end; a KeyboardInterrupt ends the waiting."""
        tasks, number = list(self.flying), sum(len(each.steps) for each in self.flying.values())
        if not tasks:
            return
        steps = f"{number} step{'s' if number > 1 else ''}"
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
