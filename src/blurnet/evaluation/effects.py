"""What a penalty or a filter did to what it acts on, as numbers to compare networks by."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.filters import filters_of, low_pass_share
from blurnet.penalties import Penalty, penalty_values


@dataclass(frozen=True)
class MapEffects:
    """One layer's maps, the mean over images and channels.

    Args:
        total_variation: Σ |differences of neighbours| of a map, as the TV penalty has it.
        relative_variation: that, over the root of the maps' mean energy Σ value². A network that
            only scales its maps down lowers the first and not this one.

    """

    total_variation: float
    relative_variation: float


def map_effects(model: nn.Module, layer: str, images: Tensor) -> MapEffects:
    """Measure the maps that a layer gives to the next.

    Args:
        model: any network; left as it was.
        layer: a layer's dotted name. Where a filter follows it, the filtered maps are measured.
        images: float32 in [0, 1], N × C × H × W, at least one.

    Raises:
        BlurnetError: if there is no such layer, or it gives no maps.

    """
    names = ("total_variation", "tikhonov_identity")
    variation, energy = penalty_values(model, [Penalty(n, 1, (layer,)) for n in names], images)
    return MapEffects(variation, variation / energy**0.5 if energy else 0.0)


@dataclass(frozen=True)
class KernelEffects:
    """The learned depthwise kernels of a network, the mean over kernels.

    Args:
        kernels: how many there are.
        largest: the largest |weight| of a kernel, which the L∞ penalty is the mean of.
        spread: the standard deviation of a kernel's weights over their mean |weight|: 0 for the
            box, whose weights are all alike; √(k² − 1) for the identity.
        low_pass_share: see ``blurnet.filters.low_pass_share``: 0.5 passes all alike.
        low_pass_kernels: the share of kernels with a low-pass share above 0.5.

    """

    kernels: int
    largest: float
    spread: float
    low_pass_share: float
    low_pass_kernels: float


def learned_kernels(model: nn.Module) -> Tensor | None:
    """Give a network's learned depthwise kernels, those of one size, K × k × k; None without."""
    found = [each.kernels.detach().squeeze(1) for each in filters_of(model) if each.trainable]
    return torch.cat([k for k in found if k.shape[1:] == found[0].shape[1:]]) if found else None


def kernel_effects(kernels: Tensor) -> KernelEffects:
    """Measure learned kernels, K × k × k."""
    weights = kernels.flatten(1)
    spread = weights.std(1, correction=0) / weights.abs().mean(1).clamp_min(1e-12)
    shares = low_pass_share(kernels).nan_to_num(0.5)
    return KernelEffects(
        kernels=len(kernels),
        largest=float(weights.abs().amax(1).mean()),
        spread=float(spread.mean()),
        low_pass_share=float(shares.mean()),
        low_pass_kernels=float((shares > 0.5).float().mean()),
    )
