"""Trainable depthwise filters: where their kernels start, and how they get into a network."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters.insert import filtered_maps, put
from blurnet.filters.kernels import KERNELS, kernel
from blurnet.filters.layer import DepthwiseFilter, Padding
from blurnet.filters.tracing import trace
from blurnet.models import copy_of, find_input

Model = TypeVar("Model", bound=nn.Module)

STARTS = ("identity", "random", *sorted(KERNELS))
"""What a trainable filter's kernels can be before training."""


def trainable_filter(
    start: str,
    size: int,
    channels: int,
    *,
    padding: Padding = "zeros",
    generator: torch.Generator | None = None,
) -> DepthwiseFilter:
    """Make a filter whose kernels are learned.

    Args:
        start: one of ``STARTS``. "identity" changes nothing at first; "random" is the softmax over
            the k² weights of standard normal draws, for each channel by itself: positive weights
            of sum 1; the others are the blur kernels of that name.
        size: k, the kernels' width in pixels of the map, odd.
        channels: K, the number of channels of the maps that it filters.
        padding: what lies beyond the map's border.
        generator: where a random start is drawn from; needed for that alone.

    Raises:
        BlurnetError: for an unknown start, a size that is not odd and positive, or a random start
            without a generator.

    """
    if start not in STARTS:
        raise BlurnetError(f"no start {start!r} of a filter; there are: {', '.join(STARTS)}")
    first = kernel(start if start in KERNELS else "box", size)
    if start == "identity":
        first = torch.zeros(size, size)
        first[size // 2, size // 2] = 1
    learned = DepthwiseFilter(first, padding=padding, channels=channels)
    if start == "random":
        if generator is None:
            raise BlurnetError("a random start of a filter needs a generator to be drawn from")
        drawn = torch.randn(channels, size**2, generator=generator).softmax(1)
        with torch.no_grad():
            learned.kernel.copy_(drawn.view_as(learned.kernel))
    return learned


def insert_trainable(
    model: Model,
    layer: str,
    start: str,
    size: int,
    *,
    example: Tensor | None = None,
    padding: Padding = "zeros",
    generator: torch.Generator | None = None,
) -> Model:
    """Give a copy of a network in which a trainable filter follows one layer.

    Args:
        model: any network; it is left as it is.
        layer: as for ``insert_after``. Its number of channels is found from the example.
        start: as for ``trainable_filter``, as are ``size``, ``padding`` and ``generator``.
        size: the kernels' width.
        example: images that the network takes; None: some are found.
        padding: what lies beyond the map's border.
        generator: where a random start is drawn from.

    Raises:
        BlurnetError: as ``trainable_filter`` and ``insert_after``.

    """
    model = copy_of(model)
    seen = trace(model, find_input(model) if example is None else example)
    channels = filtered_maps(seen, layer).shape[1]
    learned = trainable_filter(start, size, channels, padding=padding, generator=generator)
    put(model, layer, learned, seen)
    return model
