"""What a process meets outside: signals that end it, and standard streams that are closed."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

STREAMS = ("stdin", "stdout", "stderr")


class Steady:
    """A text stream that drops what it cannot write and goes on: work is worth more than words.

    Args:
        stream: where to, such as ``sys.stdout``.

    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: OSError | None = None
        """The first error; None as long as everything was written."""

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._dropped(error)
        return len(text)

    def flush(self) -> None:
        """Flush what can be."""
        try:
            self._stream.flush()
        except OSError as error:
            self._dropped(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _dropped(self, error: OSError) -> None:
        self.error = self.error or error
        with suppress(OSError, ValueError):  # the rest goes nowhere
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def steady_streams() -> Iterator[Steady]:
    """Let nothing that is printed in the block raise, and give standard output, which knows.

    A descriptor that was closed from the start (``>&-``) is opened to nowhere, so that no file of
    the work gets its number, and what others print there.
    """
    for descriptor, name in enumerate(STREAMS):
        with suppress(OSError):
            if _is_closed(descriptor):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            if getattr(sys, name) is None:
                mode = "r" if name == "stdin" else "w"
                setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115
    before = sys.stdout, sys.stderr
    out, sys.stderr = Steady(sys.stdout), Steady(sys.stderr)
    sys.stdout = out
    try:
        yield out
    finally:
        out.flush()
        sys.stdout, sys.stderr = before


@contextmanager
def ends_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, and the SIGHUP of a closed terminal, do in the block what Ctrl-C does.

    A signal that is ignored, as nohup ignores SIGHUP, stays so.
    """
    main = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")] if main else []
    taken = [each for each in numbers if each and signal.getsignal(each) is signal.SIG_DFL]
    for each in taken:
        signal.signal(each, as_ctrl_c)
    try:
        yield
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)


def as_ctrl_c(_number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does now: a handler of other signals."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # a shell's background job ignores Ctrl-C, not its own end
        raise KeyboardInterrupt


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False
