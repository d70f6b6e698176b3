"""Total variation of feature maps (Raju and Lipasti, arXiv 1908.02256)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def total_variation(maps: Tensor) -> Tensor:
    """Give 1/(N·K) Σ_n Σ_k Σ_ij |x_{i+1,j} − x_{i,j}| + |x_{i,j+1} − x_{i,j}|.

    Anisotropic; where neighbours are equal, the gradient of their difference is taken as 0. Can be
    differentiated once.

    Args:
        maps: x, N × K × H × W, floating point.

    Returns:
        A scalar, at least 0, in units of the maps: the sum over the pixels of a map, the mean over
        maps and images.

    """
    value: Tensor = _TotalVariation.apply(maps)  # type: ignore[no-untyped-call]
    return value


class _TotalVariation(torch.autograd.Function):
    """The formula with its gradient written out, which spares autograd's temporaries.

    The gradient at a pixel is the sum of the signs of its differences from its neighbours.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        maps = maps.contiguous()
        down = maps[:, :, 1:] - maps[:, :, :-1]
        right = maps[:, :, :, 1:] - maps[:, :, :, :-1]
        count = maps.shape[0] * maps.shape[1]
        total: Tensor = torch.linalg.vector_norm(down, 1) + torch.linalg.vector_norm(right, 1)
        if ctx.needs_input_grad[0]:
            gradient = torch.zeros_like(maps)
            for axis, signs in ((2, down.sign_()), (3, right.sign_())):
                length = signs.shape[axis]
                gradient.narrow(axis, 1, length).add_(signs)
                gradient.narrow(axis, 0, length).sub_(signs)
            ctx.save_for_backward(gradient)
            ctx.count = count
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (gradient,) = ctx.saved_tensors
        scaled: Tensor = gradient * (upstream / ctx.count)
        return scaled
