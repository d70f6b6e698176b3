"""How many steps run side by side, and with how many threads."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from blurnet.errors import BlurnetError
from blurnet.nursery import cores

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

    On small networks two steps of one thread each take far less time than one after the other with
    two threads, whose threads wait for each other; from LISA-CNN on they take about the same
    (benchmarks/README.md). So many steps can run at a time, on average, as the
    plan has steps for each step of its longest chain; where that is less than the cores, each gets
    more threads. A chain runs in this process, with all threads.

    The choice depends on the machine and the whole plan, not on what of it is missing, so that a
    run that goes on has the same number of threads, and gives the same bits.

    Args:
        ordered: the plan's steps, each after what it needs.
        threads: of each step, if that is fixed.

    """
    place: dict[str, int] = {}
    for step in ordered:
        place[step.key] = 1 + max((place[need.key] for need in step.needs.values()), default=0)
    abreast = len(ordered) // max(place.values(), default=1)
    available = cores()
    jobs = max(1, min(abreast, available // (threads or 1), _memory() // MEMORY_OF_A_WORKER))
    alone = torch.get_num_threads()
    if jobs == 1:
        return How(1, threads or alone, chosen=True)
    return How(jobs, threads or max(1, min(alone, available // jobs)), chosen=True)


@lru_cache(maxsize=1)
def _memory() -> int:
    """Give the machine's memory, in bytes."""
    sysconf: Callable[[str], int] | None = getattr(os, "sysconf", None)
    try:
        return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES") if sysconf else 2**62
    except (OSError, ValueError):
        return 2**62
