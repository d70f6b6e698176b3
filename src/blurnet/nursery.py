"""Where workers come from: a process that has imported what they need, and forks them.

On Linux a worker is there in a twentieth of a second, and shares the imported code's memory with
the others. The process itself imports and does nothing else: it has one thread, so that forking it
is safe, and it ends with the run, its workers with it. Elsewhere each worker starts from nothing.
Nothing here imports torch, so that the process can import it while the run's own does.
"""

import atexit
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def cores() -> int:
    """Give how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def nursery(modules: tuple[str, ...]) -> ForkServerContext | SpawnContext:
    """Give what workers are started from.

    Args:
        modules: what is imported once for all of them, if the process is not there already.

    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    return context


def prepare(modules: tuple[str, ...]) -> None:
    """Let the process begin to import, while this one does; for a run that will need workers."""
    if sys.platform != "linux":
        return
    nursery(modules)
    with one_thread():
        forkserver.ensure_running()
    atexit.register(_end)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let a process that starts find one thread in its environment, before it imports anything."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end() -> None:
    """End the process, also where it still imports: nobody waits for it."""
    server = getattr(forkserver, "_forkserver", None)
    if (pid := getattr(server, "_forkserver_pid", None)) is not None:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
