"""The workers of a run: processes that are started, given steps, and ended, from the parent."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.nursery import nursery, one_thread

from .step import OnStep, Step
from .worker import Message, Ready, serve

GRACE = 60.0
"""How many seconds interrupted steps have to end, such as to leave a checkpoint."""


@dataclass(eq=False)
class Worker:
    """A worker, and what it does.

    Args:
        process: it.
        pipe: to it.
        step: what it does; None if it waits, or is not ready yet.
        on_step: told how far the step is.
        since: when it was given the step, by the monotonic clock.

    """

    process: BaseProcess
    pipe: "Connection[Any, Any]"
    ready: bool = False
    step: Step[Any] | None = None
    on_step: OnStep | None = None
    since: float = 0.0


class Crew:
    """The workers of a run.

    Args:
        folder: the run's.
        threads: of each worker.
        modules: what the steps' work is in.

    """

    def __init__(self, folder: Path, threads: int, modules: tuple[str, ...] = ()) -> None:
        self.folder, self.threads = folder.resolve(), threads
        self.workers: list[Worker] = []
        self._context = nursery(("blurnet.engine.perform", *modules))

    @property
    def idle(self) -> list[Worker]:
        """The workers that wait for a step."""
        return [each for each in self.workers if each.ready and each.step is None]

    @property
    def busy(self) -> list[Worker]:
        """The workers that do a step."""
        return [each for each in self.workers if each.step is not None]

    def start(self) -> None:
        """Start one more worker; it says ``Ready`` when it has imported what it needs."""
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(there, str(self.folder), self.threads), daemon=True
        )
        resource_tracker.ensure_running()  # at its start it lets interrupts through again
        with _interrupts_blocked(), one_thread():
            process.start()
        there.close()
        self.workers.append(Worker(process, here))

    def give(self, worker: Worker, step: Step[Any], content: bytes, on_step: OnStep) -> None:
        """Give a waiting worker a step, pickled already."""
        worker.step, worker.on_step, worker.since = step, on_step, time.monotonic()
        with suppress(OSError):  # it is dead: ``messages`` says so
            worker.pipe.send_bytes(content)

    def messages(self, timeout: float | None) -> Iterator[tuple[Worker, Message | None]]:
        """Wait for the workers, and give what they say; None for one that is dead."""
        by_pipe = {each.pipe: each for each in self.workers}
        for pipe in wait(list(by_pipe), timeout):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join()
                worker.pipe.close()
                self.workers.remove(worker)
                message = None
            if isinstance(message, Ready):
                worker.ready = True
            yield worker, message

    def kill(self, worker: Worker) -> None:
        """Kill one worker."""
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)

    def interrupt(self) -> None:
        """Interrupt what runs and wait for its end; a KeyboardInterrupt ends the waiting."""
        running = self.busy
        for each in running:
            if each.process.pid is not None and sys.platform != "win32":
                with suppress(ProcessLookupError):
                    os.kill(each.process.pid, signal.SIGINT)
        until = time.monotonic() + GRACE
        for each in running:
            each.process.join(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        """End all workers; what still runs is killed."""
        for each in self.workers:
            each.pipe.close()
            each.process.kill()
        for each in self.workers:
            each.process.join()
        self.workers.clear()


def how_it_died(worker: Worker) -> str:
    """Say in one line how a worker ended that should not have."""
    code = worker.process.exitcode
    if code is not None and code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            why = "; short of memory, or killed by hand" if name == "SIGKILL" else ""
            return f"its process was killed ({name}{why})"
    return f"its process ended by itself (status {code})"


def not_started(worker: Worker) -> BlurnetError:
    """Give the error for a worker that died before it was ready."""
    return BlurnetError(
        f"a worker could not start: {how_it_died(worker)}; in a script, call blurnet below "
        "if __name__ == '__main__', or run without workers: jobs=1 (--jobs 1)"
    )


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let a process that starts inherit that Ctrl-C waits, until it has left the terminal."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
