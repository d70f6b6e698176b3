"""Blur kernels: (size) -> a size × size tensor that sums to 1."""

from collections.abc import Callable
from math import comb

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


def box(size: int) -> Tensor:
    """Give the mean filter: every weight is 1 / size²."""
    return torch.full((size, size), 1 / size**2)


def gaussian(size: int) -> Tensor:
    """Give a sampled Gaussian whose σ is that of the binomial kernel of the same size.

    σ² = (size − 1) / 4 pixels²; weights ∝ exp(−(x² + y²) / 2σ²), x and y counted from the middle.
    """
    if size == 1:
        return torch.ones(1, 1)
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    row = torch.exp(-2 * offsets**2 / (size - 1))
    return torch.outer(row, row).div(row.sum() ** 2).float()


def binomial(size: int) -> Tensor:
    """Give the outer product of binomial weights C(size − 1, i) / 2^(size − 1)."""
    row = torch.tensor([comb(size - 1, i) for i in range(size)], dtype=torch.float64)
    return torch.outer(row, row).div(4.0 ** (size - 1)).float()


KERNELS: dict[str, Callable[[int], Tensor]] = {
    "box": box,
    "gaussian": gaussian,
    "binomial": binomial,
}


LARGEST = 501
"""Pixels of a kernel's width."""


def kernel(name: str, size: int) -> Tensor:
    """Make the kernel of that name.

    Args:
        name: a key of ``KERNELS``.
        size: its width and height in pixels of the map it filters; odd, 1 to ``LARGEST``. Size 1
            changes nothing.

    Returns:
        float32, size × size, non-negative, symmetric, of sum 1.

    Raises:
        BlurnetError: for an unknown name or a size that is not odd and positive.

    """
    if name not in KERNELS:
        raise BlurnetError(f"no kernel {name!r}; there are: {', '.join(sorted(KERNELS))}")
    if size < 1 or size % 2 == 0:
        raise BlurnetError(
            f"a kernel's size is odd, so that it has a middle: {size} is not; "
            f"take {max(size - 1, 1)} or {max(size + 1, 1)}"
        )
    if size > LARGEST:
        raise BlurnetError(f"a kernel's size is at most {LARGEST}, not {size}")
    return KERNELS[name](size)
