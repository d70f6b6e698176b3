"""The non-printability score (Sharif et al., CCS 2016, section 4.3.3), as RP2 uses it."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.files import read_bytes

MOST = 2**20
"""Bytes of a file of colours; RP2's has 30 lines."""


def non_printability_score(
    sticker: Tensor, mask: Tensor, colors: Tensor, *, piece: int = 65536
) -> Tensor:
    """Sum, over the mask's pixels, the product of the distances to all printable colours.

    NPS = Σ_pixels M Π_colours ‖pixel − colour‖₂, 0 where every pixel can be printed. The distance
    is Euclidean over the channels, as in RP2's own code (Eykholt et al., arXiv 1707.08945, write
    |p̂ − p′|). A pixel that has a printable colour is at its minimum: its gradient is 0.

    Beside the sticker and its gradient, memory holds ``piece`` distances at a time (or one pixel's,
    where there are more colours), and nothing that grows with colours × pixels × targets. The
    product of hundreds of distances below 1 falls below what float32 can hold; the score is 0 then.

    Args:
        sticker: the colours to print, T × 3 × H × W; the score is differentiable in them, once.
        mask: M, in [0, 1], H × W, or T × H × W with one for each sticker; a pixel counts by its
            value.
        colors: printable colours, P × 3, in the sticker's units.
        piece: how many distances, pixels × colours, are held at a time, at least 1; changes no
            result beyond float rounding.

    Returns:
        One score for each target, T.

    Raises:
        BlurnetError: if shapes or values do not fit.

    """
    if sticker.dim() != 4 or mask.shape not in (
        sticker.shape[2:],
        (len(sticker), *sticker.shape[2:]),
    ):
        raise BlurnetError(
            "the sticker is T × 3 × H × W and its mask H × W or T × H × W; "
            f"found {tuple(sticker.shape)} and {tuple(mask.shape)}"
        )
    if colors.dim() != 2 or not len(colors) or colors.shape[1] != sticker.shape[1]:
        raise BlurnetError(
            f"printable colours are P × {sticker.shape[1]}, at least one; "
            f"found {tuple(colors.shape)}"
        )
    if piece < 1:
        raise BlurnetError(f"piece is at least 1, not {piece}")
    weights = mask.to(sticker).flatten(-2)
    # counting the mask's pixels would hold up a GPU, which takes all of them as well
    some = weights if weights.dim() == 1 else weights.amax(0)
    inside = some.nonzero()[:, 0] if sticker.is_cpu else slice(None)
    pixels = sticker.flatten(2).transpose(1, 2)[:, inside]
    rows = max(1, piece // len(colors))
    products = _ProductOfDistances.apply(pixels.flatten(0, 1), colors.to(sticker), rows)  # type: ignore[no-untyped-call]
    products = products.view(len(sticker), -1)
    score: Tensor
    if weights.dim() == 2:
        score = (products * weights[:, inside]).sum(1)
    else:
        score = products @ weights[inside]
    return score


class _ProductOfDistances(torch.autograd.Function):
    """Π_c ‖x − c‖ of each pixel x, N × 3 → N, ``rows`` pixels at a time.

    The gradient, Π_c ‖x − c‖ · Σ_c (x − c) / ‖x − c‖², is taken on the way, since it is no larger
    than the pixels; 0 where the product is.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, colors: Tensor, rows: int) -> Tensor:
        products, gradients = [], []
        for some in torch.split(pixels, rows):
            differences = some[:, None] - colors
            distances = torch.linalg.vector_norm(differences, dim=2)
            product = distances.prod(1)
            products.append(product)
            if ctx.needs_input_grad[0]:
                directions = differences / distances[:, :, None]
                pull = (directions / distances[:, :, None]).sum(1)
                gradients.append(torch.where(product[:, None] > 0, product[:, None] * pull, 0))
        if gradients:
            ctx.save_for_backward(torch.cat(gradients))
        return torch.cat(products)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return weights[:, None] * gradient, None, None


def read_colors(path: Path) -> Tensor:
    """Read printable colours, one "red,green,blue" a line (RP2's ``npstriplets.txt``).

    Empty lines, and a first line of words, are passed over.

    Returns:
        float32 in [0, 1], P × 3.

    Raises:
        BlurnetError: if the file cannot be read, or a line is not three numbers in [0, 1]; the
            message names the line.

    """
    content = read_bytes(path, MOST)
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BlurnetError(f"{path}: not a text file of colours: {error}") from None
    colors = []
    for number, line in enumerate(lines, 1):
        words = line.split(",")
        if not line.strip() or (number == 1 and not any(map(_is_number, words))):
            continue
        if len(words) != 3 or not all(map(_is_number, words)):
            raise BlurnetError(
                f"{path}, line {number}: a colour is three numbers, red,green,blue; found {line!r}"
            )
        color = [float(word) for word in words]
        if not all(0 <= value <= 1 for value in color):
            raise BlurnetError(
                f"{path}, line {number}: a colour's values lie in [0, 1]; found {line!r}"
            )
        colors.append(color)
    if not colors:
        raise BlurnetError(f"{path}: no colours; one a line is expected, red,green,blue in [0, 1]")
    return torch.tensor(colors)


def _is_number(word: str) -> bool:
    try:
        return not math.isnan(float(word))
    except ValueError:
        return False
