"""Where workers come from: a process that has imported what they need, and forks them.

On Linux a worker is there in a hundredth of a second, and shares the imported code's memory with
the others. The process itself imports and does nothing else: it has one thread, so that forking it
is safe, and it ends with the run, its workers with it. Elsewhere each worker starts from nothing.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, SpawnContext

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def nursery(modules: tuple[str, ...] = ()) -> ForkServerContext | SpawnContext:
    """Give what workers are started from.

    Args:
        modules: what is imported once for all of them, if the process is not there already.

    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["blurnet.engine.perform", *modules])
    return context


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
