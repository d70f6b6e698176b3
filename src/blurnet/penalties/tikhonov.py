"""Tikhonov penalties of feature maps: 1/(N·K) Σ_n Σ_k ‖L 𝓕_nk‖₂² for a linear operator L.

The talk does not show them, and the paper (Raju and Lipasti, arXiv 1908.02256) names an operator
applied to the first layer's maps, squared. What stands here is our reading: L is the identity,
which keeps the maps small; the difference of neighbours, which keeps them smooth; or what a blur
takes away, which keeps them as the blur would make them.
"""

from torch import Tensor

from blurnet.filters import DepthwiseFilter


def identity_energy(maps: Tensor) -> Tensor:
    """Give 1/(N·K) Σ ‖𝓕_nk‖₂².

    Args:
        maps: 𝓕, N × K × H × W.

    Returns:
        A scalar, at least 0, in units of the maps squared.

    """
    return maps.square().sum() / _count(maps)


def difference_energy(maps: Tensor) -> Tensor:
    """Give 1/(N·K) Σ ‖D 𝓕_nk‖₂², D the forward differences down and to the right.

    Args:
        maps: 𝓕, N × K × H × W.

    Returns:
        A scalar, at least 0, in units of the maps squared.

    """
    down, right = maps.diff(dim=2), maps.diff(dim=3)
    return (down.square().sum() + right.square().sum()) / _count(maps)


def high_pass_energy(maps: Tensor, blur: Tensor) -> Tensor:
    """Give 1/(N·K) Σ ‖(I − B) 𝓕_nk‖₂², B the convolution with a blur kernel.

    Args:
        maps: 𝓕, N × K × H × W; beyond their border their outermost pixels are repeated, so that a
            constant map costs nothing.
        blur: the kernel, k × k, k odd, of sum 1.

    Returns:
        A scalar, at least 0, in units of the maps squared.

    """
    blurred: Tensor = DepthwiseFilter(blur.to(maps), padding="replicate")(maps)
    return (maps - blurred).square().sum() / _count(maps)


def _count(maps: Tensor) -> int:
    return maps.shape[0] * maps.shape[1]
