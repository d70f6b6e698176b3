"""Memory between one batch and the next."""

import torch


def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB that was freed, for the next batch; elsewhere it does nothing.

    It gives back to the system what exceeds twice the largest mapping that was ever freed, and a
    batch's maps are then mapped anew, page by page: a quarter of an attack's time, and most of what
    a filter costs at inference, measured. One mapping of just below its limit of 32 MiB, never
    touched, is enough.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
