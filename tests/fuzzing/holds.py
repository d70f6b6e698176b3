"""What must hold whatever a reader is given: a value, or one line of BlurnetError."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from blurnet.errors import BlurnetError

SECONDS = 5.0
"""Of the processor, for one small input."""


class Broken(AssertionError):
    """A reader did what none may."""


def holds(read: Callable[[Path, bytes], None], folder: Path, content: bytes) -> bool:
    """Give whether a reader took what it was given.

    Raises:
        Broken: if its error has several lines, or it took too long.
        Exception: whatever else than a BlurnetError the reader raised.

    """
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(folder, content)
        taken = True
    except BlurnetError as error:
        taken = False
        if not str(error) or "\n" in str(error) or not str(error).encode():
            raise Broken(f"not one line: {str(error)!r}") from None
    if time.process_time() - start > SECONDS:
        raise Broken(f"it took more than {SECONDS} seconds")
    return taken


def same(what: object, other: object) -> None:
    """Raise ``Broken`` where reading what was written gives something else."""
    if what != other:
        raise Broken(f"written and read again: {str(other)[:300]} where it was {str(what)[:300]}")


def bits(tensors: dict[str, torch.Tensor]) -> dict[str, object]:
    """Give tensors as what can be compared, NaN included."""
    return {
        name: (
            t.dtype,
            tuple(t.shape),
            t.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes(),
        )
        for name, t in tensors.items()
    }
