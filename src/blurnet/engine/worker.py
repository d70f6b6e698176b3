"""A worker: a process that does one step after the other, for a run in its parent."""

import ctypes
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from blurnet.errors import BlurnetError
from blurnet.process import Steady

SECONDS_BETWEEN_MESSAGES = 0.2
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Ready:
    """The worker waits for a step."""


@dataclass(frozen=True)
class Told:
    """How far the step is."""

    done: int
    total: int
    note: str


@dataclass(frozen=True)
class Said:
    """A warning, in one line."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The step's record is there."""

    seconds: float


@dataclass(frozen=True)
class Raised:
    """The step failed.

    Args:
        error: in one line.
        traceback: its lines.
        disk: whether the disk did not take the record.
        unknown: whether the step could not be read in this process at all.

    """

    error: str
    traceback: tuple[str, ...] = ()
    disk: bool = False
    unknown: bool = False


Message = Ready | Told | Said | Finished | Raised


def serve(pipe: "Connection[Any, Any]", folder: str, threads: int) -> None:
    """Do what comes through the pipe until it closes: the whole life of a worker."""
    _leave_the_terminal()
    _die_with_the_run()
    import torch  # noqa: PLC0415 - after the number of threads is in the environment

    torch.set_num_threads(threads)
    from .computed import provenance  # noqa: PLC0415
    from .perform import perform  # noqa: PLC0415
    from .records import Records  # noqa: PLC0415

    records, by = Records(Path(folder)), provenance()
    with suppress(OSError, ValueError):  # standard output is the parent's
        os.dup2(2, 1)
    sys.stdout = sys.stderr = Steady(sys.stderr)
    forward_warnings(lambda text: pipe.send(Said(text)))
    try:
        pipe.send(Ready())
        while True:
            content = pipe.recv_bytes()
            try:
                task = pickle.loads(content)
            except Exception as error:  # whatever a user's module raises when it is imported
                pipe.send(Raised(one_line(error), unknown=True))
                continue
            try:
                seconds = perform(task, records, _teller(pipe), by)
            except Exception as error:
                pipe.send(raised(error))
            else:
                pipe.send(Finished(seconds))
    except (KeyboardInterrupt, EOFError, OSError):
        _leave(0)


def raised(error: Exception) -> Raised:
    """Describe what a step raised."""
    from .records import CannotKeep  # noqa: PLC0415

    lines = "".join(traceback.format_exception(error)).splitlines()
    known = isinstance(error, BlurnetError)
    return Raised(one_line(error), () if known else tuple(lines), isinstance(error, CannotKeep))


def one_line(error: BaseException) -> str:
    """Give an error in one line: a BlurnetError as it is, another with its type and place."""
    text = " ".join(str(error).split())
    if isinstance(error, BlurnetError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{text and ': '}{text}{place}"


def _teller(pipe: "Connection[Any, Any]") -> Any:
    last = 0.0

    def on_step(done: int, total: int, note: str = "", /) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_MESSAGES or done == total:
            last = now
            pipe.send(Told(done, total, note))

    return on_step


def forward_warnings(say: Callable[[str], None]) -> None:
    """Give all further warnings of this process to ``say``, each in one line."""

    def show(message: Warning | str, category: type[Warning], *_more: Any, **_named: Any) -> None:
        say(f"{category.__name__}: {' '.join(str(message).split())}")

    warnings.showwarning = show

    class Forwarded(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    logging.getLogger("blurnet").addHandler(Forwarded(logging.WARNING))


def _leave_the_terminal() -> None:
    """Let Ctrl-C reach the parent alone, which then interrupts the workers one by one."""
    if hasattr(os, "setsid"):
        with suppress(OSError):
            os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # one that came while this process started
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a scheduler tells the parent too
    with suppress(OSError):  # Linux ends this process before the run itself when memory is short
        Path("/proc/self/oom_score_adj").write_text("500")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _die_with_the_run() -> None:
    """End this process when the run's is killed; on Linux even where a step never lets go.

    There the process that forked this one ends with the run, and Linux kills its children. It does
    so when nobody holds its pipe any more, of which each child gets an end.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        server = getattr(forkserver, "_forkserver", None)
        if (held := getattr(server, "_forkserver_alive_fd", None)) is not None:
            os.close(held)
            server._forkserver_alive_fd = None  # type: ignore[union-attr]
    run = multiprocessing.parent_process()
    assert run is not None

    def watch() -> None:
        run.join()
        _leave(1)

    threading.Thread(target=watch, daemon=True).start()


def _leave(status: int) -> NoReturn:
    """End at once: a worker has nothing to tidy up that a kill would not leave as well."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)
