"""How many steps run side by side, and with how many threads."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from blurnet.errors import BlurnetError

from .step import Step

MEMORY_OF_A_WORKER = 2**30
"""What a worker is counted with where their number is chosen: torch, images, a small network."""


@dataclass(frozen=True)
class How:
    """How many steps run side by side, with how many threads; whether blurnet chose that."""

    jobs: int
    threads: int
    chosen: bool = False


def choose(ordered: Sequence[Step[Any]], jobs: int | None, threads: int | None) -> How:
    """Fill in how steps run where it is not said.

    Raises:
        BlurnetError: for numbers below 1.

    """
    for what, number in (("jobs", jobs), ("threads", threads)):
        if number is not None and number < 1:
            raise BlurnetError(f"{what} is at least 1, not {number}")
    if jobs is None:
        return fastest(ordered, threads)
    return How(jobs, threads or (torch.get_num_threads() if jobs == 1 else 1))


def fastest(ordered: Sequence[Step[Any]], threads: int | None = None) -> How:
    """Choose how steps run: as many side by side as there are cores, with the cores shared out.

    On small networks two steps of one thread are faster than one after the other with two. The
    choice depends on the machine and the whole plan, not on what of it is missing, so that a run
    that goes on has the same number of threads, and gives the same bits.

    Args:
        ordered: the plan's steps, each after what it needs.
        threads: of each step, if that is fixed.

    """
    depth: dict[str, int] = {}
    for step in ordered:
        depth[step.key] = 1 + max((depth[need.key] for need in step.needs.values()), default=0)
    width = max(Counter(depth.values()).values(), default=1)
    jobs = max(1, min(width, _cores() // (threads or 1), _memory() // MEMORY_OF_A_WORKER))
    if jobs == 1:
        return How(1, threads or torch.get_num_threads(), chosen=True)
    return How(jobs, threads or max(1, _cores() // jobs), chosen=True)


def _cores() -> int:
    """Give how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _memory() -> int:
    """Give the machine's memory, in bytes."""
    sysconf: Callable[[str], int] | None = getattr(os, "sysconf", None)
    try:
        return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES") if sysconf else 2**62
    except (OSError, ValueError):
        return 2**62
