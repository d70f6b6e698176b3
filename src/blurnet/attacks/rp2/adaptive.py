"""RP2 that knows the defense: its own penalties in the loss, low frequencies alone.

Adaptive attacks of Raju and Lipasti (arXiv 1908.02256): the attacked images' maps are to be as
smooth as the defense trained them to be, and the sticker has no high frequencies to be filtered.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial

import torch
from torch import Tensor, nn

from blurnet.filters import watch
from blurnet.models import network_of
from blurnet.penalties import Penalty

Maps = list[tuple[Penalty, Tensor]]


@contextmanager
def watched(networks: Sequence[nn.Module], penalties: Sequence[Penalty]) -> Iterator[Maps | None]:
    """Collect the maps that penalties are of, whichever network runs.

    Args:
        networks: the network, and the copies of it that run in its place.
        penalties: of maps.

    Yields:
        What the layers gave, N × K × H × W, for whoever looks at it to clear; None without
        penalties.

    Raises:
        BlurnetError: if there is no such layer.

    """
    maps: Maps = []

    def keep(penalty: Penalty, given: Tensor) -> None:
        maps.append((penalty, given))

    handles = [
        watch(network_of(network), layer, partial(keep, penalty))
        for network in networks
        for penalty in penalties
        for layer in penalty.layers
    ]
    try:
        yield maps if penalties else None
    finally:
        for handle in handles:
            handle.remove()


def penalised(maps: Maps, shape: Sequence[int], *, each_view: bool) -> Tensor:
    """Give Σ α · term of each sticker's images, the mean over these.

    Args:
        maps: of t × d × v images; cleared.
        shape: t, d, v.
        each_view: whether each view has a sticker of its own.

    Returns:
        t × v, or t × 1.

    """
    targets, _, views = shape
    total = []
    for penalty, given in maps:
        parted = given.view(*shape, *given.shape[1:])
        if each_view:
            stickers = [parted[t, :, v] for t in range(targets) for v in range(views)]
        else:
            stickers = [parted[t].flatten(0, 1) for t in range(targets)]
        values = torch.stack([penalty.term(each) for each in stickers])
        total.append(penalty.alpha * values.view(targets, -1))
    maps.clear()
    return torch.stack(total).sum(0)


def low_frequencies(free: Tensor, frequencies: int | None) -> Tensor:
    """Keep the lowest coefficients of the discrete cosine transform (type II), along both axes.

    Args:
        free: … × H × W.
        frequencies: how many along each axis; None for all.

    """
    if frequencies is None:
        return free
    height, width = free.shape[-2:]
    rows, columns = _kept(height, frequencies).to(free), _kept(width, frequencies).to(free)
    return rows @ free @ columns


@cache
def _kept(size: int, frequencies: int) -> Tensor:
    """Give the projection on the lowest frequencies, size × size."""
    place = torch.arange(size, dtype=torch.float64) + 0.5
    order = torch.arange(min(frequencies, size), dtype=torch.float64)
    basis = torch.cos(math.pi / size * order[:, None] * place) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis.T @ basis
