"""A step that is being worked on: who works on it, whether it still does, and how far it is."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import filelock
from pydantic import Field, field_validator

from blurnet.errors import BlurnetError
from blurnet.files import read_json
from blurnet.settings import Settings, check

from .step import OnStep

SECONDS_BETWEEN_BEATS = 2.0
PATIENCE = 10.0
"""How many seconds a step waits for a worker of a killed run to be gone."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
LOCK, BEAT = ".worker.lock", ".worker.json"


class WorkedOn(BlurnetError):
    """Another process works on a step."""


class Beat(Settings):
    """How far a step is: ``.worker.json`` in its folder, renewed every few seconds.

    Args:
        pid: of the process that works on it.
        since: when it began, ISO 8601, UTC.
        done: how many of ``total`` units of work are done.
        total: 0 where the work does not say.
        note: how it goes, in a few words.
        began: when it began, by the clock that nobody sets.
        boot: of which machine, since which start of it, that clock is; "" where that is not told.

    """

    pid: Annotated[int, Field(ge=1, lt=2**31)]
    since: str
    done: int = 0
    total: int = 0
    note: str = ""
    began: float = 0.0
    boot: str = ""

    @property
    def seconds(self) -> float:
        """How long the step runs; on this machine whatever was done to its date."""
        if self.boot and self.boot == _boot():
            return time.monotonic() - self.began
        since = datetime.now(UTC) - datetime.fromisoformat(self.since)
        return max(0.0, since.total_seconds())

    @field_validator("since")
    @classmethod
    def _is_a_time(cls, since: str) -> str:
        if datetime.fromisoformat(since).tzinfo is None:
            raise ValueError("a time without its zone")
        return since


@contextmanager
def worked_on(folder: Path) -> Iterator[None]:
    """Hold a step's folder: one process at a time works on a step, whatever was killed before.

    The lock goes with the process that holds it, so that ``is_worked_on`` needs no guess.

    Raises:
        WorkedOn: if another process holds it for longer than a killed run's worker lives.
        OSError: if the disk does not take the lock.

    """
    lock = filelock.FileLock(folder / LOCK, timeout=PATIENCE)
    try:
        lock.acquire(poll_interval=0.02)
    except filelock.Timeout:
        raise WorkedOn(
            f"{folder}: another process works on this step; end it, and run again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_worked_on(folder: Path) -> bool:
    """Tell whether a living process works on the step of this folder."""
    if not (folder / LOCK).exists():
        return False
    lock = filelock.FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:  # a read-only folder
        beat = beat_of(folder)
        return beat is not None and _lives(beat.pid)
    lock.release()
    return False


def heartbeat(folder: Path, on_step: OnStep) -> OnStep:
    """Tell ``on_step`` how far a step is, and keep it in the step's folder every few seconds."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    last = began = time.monotonic()
    begun = Beat(pid=os.getpid(), since=since, began=began, boot=_boot())
    with suppress(OSError):
        (folder / BEAT).write_text(begun.model_dump_json(), "utf-8")

    def beating(done: int, total: int, note: str = "", /) -> None:
        nonlocal last
        on_step(done, total, note) if note else on_step(done, total)
        if (now := time.monotonic()) - last >= SECONDS_BETWEEN_BEATS:
            last = now
            far = {"done": done, "total": total, "note": note}
            _beat(folder, begun.model_copy(update=far))

    return beating


def beat_of(folder: Path) -> Beat | None:
    """Read how far a step is; None where it never said."""
    try:
        return check(Beat, read_json(folder / BEAT))
    except BlurnetError:
        return None


def _beat(folder: Path, beat: Beat) -> None:
    temporary = folder / f"{BEAT}.partial"
    with suppress(OSError):  # where the disk is full, the step may still end well
        temporary.write_text(beat.model_dump_json(), "utf-8")
        temporary.replace(folder / BEAT)


@lru_cache(maxsize=1)
def _boot() -> str:
    """Name the machine's start, from which its monotonic clock counts."""
    with suppress(OSError):
        return BOOT.read_text("utf-8").strip()
    return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
