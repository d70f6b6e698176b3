"""Convolutions whose input's gradient is another sum: products of matrices, a pixel shuffle."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def product(rows: Tensor, matrix: Tensor) -> Tensor:
    """Give rows · matrix; differentiable in the rows alone."""
    result: Tensor = _Product.apply(rows, matrix)  # type: ignore[no-untyped-call]
    return result


def covered_product(
    attacked: Tensor, pixels: Tensor, clean: Tensor, matrix: Tensor, inputs: Tensor
) -> Tensor:
    """Give clean + (attacked − pixels) · matrix, over and over the photographs.

    Args:
        attacked: N × C × H × W, over and over v photographs; differentiable in these alone.
        pixels: the photographs' covered inputs, v × k.
        clean: what the photographs give, v × m.
        matrix: what each covered input adds, k × m.
        inputs: which of the C · H · W inputs are covered, int64, k.

    """
    result: Tensor = _CoveredProduct.apply(attacked, pixels, clean, matrix, inputs)  # type: ignore[no-untyped-call]
    return result


def shuffled(
    given: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    phases: Tensor,
    stride: int,
    padding: tuple[int, int],
) -> Tensor:
    """Convolve with a stride; the input's gradient is a convolution and a pixel shuffle.

    Args:
        given: N × C × H × W; differentiable in these alone.
        weight: the convolution's.
        bias: likewise.
        phases: its weights by their place within the stride, for the gradient.
        stride: along both axes.
        padding: above and below, left and right.

    """
    maps: Tensor = _ShuffledGradient.apply(given, weight, bias, phases, stride, padding)  # type: ignore[no-untyped-call]
    return maps


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Give rows · matrix; in float32 by oneDNN, which MKL lags 2.5 times on the AMD we measured."""
    if rows.dtype == torch.float32 and rows.device.type == "cpu" and _ONEDNN:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, matrix.t(), None, "none", [], "")
        return found
    return rows @ matrix


_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, matrix: Tensor) -> Tensor:
        ctx.matrix = matrix
        return _times(rows, matrix)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _times(gradient.contiguous(), ctx.matrix.t()), None


class _CoveredProduct(torch.autograd.Function):
    """clean + (attacked − photographs at the covered inputs) · matrix, over and over the views."""

    @staticmethod
    def forward(
        ctx: Any, attacked: Tensor, pixels: Tensor, clean: Tensor, matrix: Tensor, inputs: Tensor
    ) -> Tensor:
        ctx.shape, ctx.dtype, ctx.matrix, ctx.inputs = (
            attacked.shape,
            attacked.dtype,
            matrix,
            inputs,
        )
        rounds = (len(attacked) // len(pixels), len(pixels))
        change = attacked.flatten(1).index_select(1, inputs).view(*rounds, -1) - pixels
        product = _times(change.flatten(0, 1).to(matrix.dtype), matrix)
        product.view(*rounds, -1).add_(clean)
        return product

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        covered = _times(gradient.contiguous(), ctx.matrix.t()).to(ctx.dtype)
        whole = covered.new_zeros(len(covered), ctx.shape[1:].numel())
        whole.index_copy_(1, ctx.inputs, covered)
        return whole.view(ctx.shape), None, None, None, None


class _ShuffledGradient(torch.autograd.Function):
    """A strided convolution whose input's gradient is a convolution and a pixel shuffle."""

    @staticmethod
    def forward(
        ctx: Any,
        given: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        phases: Tensor,
        stride: int,
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.phases, ctx.stride, ctx.padding, ctx.size = phases, stride, padding, given.shape[2:]
        return F.conv2d(given, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (height, width), (top, left) = ctx.size, ctx.padding
        reach = (ctx.phases.shape[2] - 1, ctx.phases.shape[3] - 1)
        whole = F.pixel_shuffle(F.conv2d(gradient, ctx.phases, None, 1, reach), ctx.stride)
        # rows and columns that no output reached have no gradient
        more = (width + left - whole.shape[3], height + top - whole.shape[2])
        whole = F.pad(whole, (-left, more[0], -top, more[1]))
        return whole, None, None, None, None, None
