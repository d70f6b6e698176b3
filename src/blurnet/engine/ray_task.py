"""One step as a Ray task: what runs on the nodes of a cluster."""

import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from .computed import Provenance, provenance
from .perform import Task, perform
from .records import Records
from .step import OnStep
from .worker import Finished, Raised, forward_warnings, one_line, raised
from .working import WorkedOn

MARK = ".ray"
"""A file in the run's folder with a word of the run, by which a node knows that it sees it."""

ELSEWHERE = "the run's folder is elsewhere"
"""Why a step was not done on a node that needs other steps' records sent."""

SECONDS_BETWEEN_MESSAGES = 1.0

_said: list[str] = []
"""What this process was warned of in the step that it does."""


@dataclass(frozen=True)
class Run:
    """What all tasks of a run have in common.

    Args:
        folder: the run's, absolute, as the driver sees it.
        word: what its ``MARK`` says.
        cwd: the driver's working directory.
        threads: torch's.
        time_limit: how many seconds a step may take.
        versions: the driver's, of Python and packages.
        mailbox: the name of the actor that tasks tell how far they are, once there is one.

    """

    folder: str
    word: str
    cwd: str
    threads: int
    time_limit: float | None
    versions: Mapping[str, str]
    mailbox: str


@dataclass(frozen=True)
class Answer:
    """What a task gives back.

    Args:
        message: how the step ended; None where it was not done, see ``why_not``.
        files: the record's, where this node does not see the run's folder.
        said: warnings, in a line each.
        why_not: ``ELSEWHERE``, or why another attempt may do better.

    """

    message: Finished | Raised | None
    files: Mapping[str, bytes] | None = None
    said: tuple[str, ...] = ()
    why_not: str = ""


def mailbox() -> type:
    """Give the class of the actor that tasks tell how far they are.

    It is made here, so that Ray sends it whole, and its process imports neither blurnet nor torch.
    """

    class Mailbox:
        def __init__(self) -> None:
            self.told: dict[str, tuple[int, int, str]] = {}
            self.overdue: set[str] = set()

        def tell(self, key: str, done: int, total: int, note: str) -> None:
            self.told[key] = (done, total, note)

        def is_overdue(self, key: str) -> None:
            self.overdue.add(key)

        def heard(self) -> tuple[dict[str, tuple[int, int, str]], set[str]]:
            told, self.told = self.told, {}
            return told, self.overdue

    return Mailbox


def do_steps(
    steps: Mapping[str, bytes], run: Run, records: Mapping[str, Any] | None = None
) -> list[Answer]:
    """Do some steps, one after the other.

    Args:
        steps: key → the pickled ``Task``.
        run: the run's.
        records: key → a Ray reference to the files of a record that a step needs; None as long as
            all nodes are taken to see the run's folder.

    """
    by = _settle(run.cwd, run.threads)
    if by.versions != run.versions:
        return [Answer(Raised(_other_versions(by.versions, run.versions)))] * len(steps)
    return [_do(key, content, run, records, by) for key, content in steps.items()]


def _do(
    key: str, content: bytes, run: Run, records: Mapping[str, Any] | None, by: Provenance
) -> Answer:
    _said.clear()
    with _limited(run, key):
        try:
            task = pickle.loads(content)
        except Exception as error:  # whatever a user's module raises when it is imported
            return Answer(Raised(one_line(error), unknown=True))
        try:
            return _done(task, run, records, by)
        except WorkedOn as error:
            return Answer(None, why_not=str(error))
        except Exception as error:
            return Answer(raised(error), said=tuple(_said))


def _done(task: Task, run: Run, records: Mapping[str, Any] | None, by: Provenance) -> Answer:
    """Do a step, and keep its record if this node sees the run's folder, or give it back."""
    tell = _teller(run, task.key)
    if _sees(run):
        seconds = perform(task, Records(Path(run.folder)), tell, by)
        return Answer(Finished(seconds), said=tuple(_said))
    if records is None:
        return Answer(None, why_not=ELSEWHERE)
    import ray  # noqa: PLC0415 - an extra

    with tempfile.TemporaryDirectory(prefix="blurnet-") as folder:
        here = Records(Path(folder))
        for needed, _ in task.needs.values():
            here.keep(needed, ray.get(records[needed]))
        seconds = perform(task, here, tell, by)
        return Answer(Finished(seconds), here.files(task.key), tuple(_said))


def _sees(run: Run) -> bool:
    with suppress(OSError):
        return (Path(run.folder) / MARK).read_text() == run.word
    return False


@lru_cache(maxsize=1)
def _settle(cwd: str, threads: int) -> Provenance:
    """Let this process stand where the driver stands, and describe it; once for each run."""
    with suppress(OSError):  # a node without that folder: relative paths name nothing there
        os.chdir(cwd)
    torch.set_num_threads(threads)
    forward_warnings(_said.append)
    return provenance()


def _teller(run: Run, key: str) -> OnStep:
    last = time.monotonic()

    def on_step(done: int, total: int, note: str = "", /) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= SECONDS_BETWEEN_MESSAGES:
            last = now
            with suppress(ValueError):  # there is none yet
                _mailbox(run.mailbox).tell.remote(key, done, total, note)

    return on_step


@lru_cache(maxsize=1)
def _mailbox(name: str) -> Any:
    import ray  # noqa: PLC0415 - an extra

    return ray.get_actor(name)


@contextmanager
def _limited(run: Run, key: str) -> Iterator[None]:
    """End this process if the block takes too long, whatever it does; the driver is told before."""
    if run.time_limit is None:
        yield
        return
    timer = threading.Timer(run.time_limit, _end, (run.mailbox, key))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(mailbox: str, key: str) -> None:
    import ray  # noqa: PLC0415 - an extra

    with suppress(Exception):  # whatever became of the cluster
        ray.get(_mailbox(mailbox).is_overdue.remote(key), timeout=10)
    os.kill(os.getpid(), signal.SIGKILL)


def _other_versions(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    differing = [name for name in there if here.get(name) != there[name]]
    name = differing[0]
    return (
        f"a node has {name} {here.get(name)} where the run has {there[name]}; install the same "
        "versions on all nodes"
    )
