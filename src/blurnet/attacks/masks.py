"""Masks M_x: where a sticker may be, drawn; ``two_stage`` finds one."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from blurnet.data.images import Box
from blurnet.data.sign_art import stickers
from blurnet.errors import BlurnetError

Outline = Literal["octagon", "circle", "triangle", "diamond", "rectangle"]


def rectangles(shape: tuple[int, int], boxes: Sequence[Box]) -> Tensor:
    """Draw rectangles.

    Args:
        shape: height and width of the mask, in pixels.
        boxes: left, top, right and bottom of each, in pixels; right and bottom are the first ones
            outside.

    Returns:
        float32, 0 or 1, H × W.

    Raises:
        BlurnetError: if there is no box, or one is empty or not inside the mask.

    """
    height, width = shape
    mask = torch.zeros(height, width)
    if not boxes:
        raise BlurnetError("a mask of rectangles needs at least one box")
    for left, top, right, bottom in boxes:
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise BlurnetError(
                f"the box {(left, top, right, bottom)} (left, top, right, bottom) is empty or not "
                f"inside the mask, which has {width} × {height} pixels"
            )
        mask[top:bottom, left:right] = 1
    return mask


def octagon(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> Tensor:
    """Draw a regular octagon that stands on a side, as stop signs do.

    Args:
        shape: height and width of the mask, in pixels.
        centre: x and y in pixels from the top left edge: W/2 and H/2 are the middle.
        radius: of the circle inside it, half its height, in pixels, above 0.

    Returns:
        float32, H × W: 1 where a pixel's centre is inside.

    Raises:
        BlurnetError: if the radius is not above 0, or no pixel is inside.

    """
    if not radius > 0:
        raise BlurnetError(f"an octagon's radius is above 0, not {radius}")
    x, y = _pixels(shape)
    return _inside(_octagon((x - centre[0]) / radius, (y - centre[1]) / radius))


def sign_outline(shape: tuple[int, int], outline: Outline) -> Tensor:
    """Draw the outline of a sign that fills its picture; "octagon" is RP2's own at 32 × 32.

    Args:
        shape: height and width of the mask, in pixels; the outline is stretched to them.
        outline: "octagon", "circle", "diamond", "rectangle", or a "triangle" that stands on its
            tip, as yield does (``flip(0)`` for one that stands on its base).

    Returns:
        float32, H × W: 1 where a pixel's centre is inside.

    Raises:
        BlurnetError: for an unknown outline; the message lists the choices.

    """
    x, y = _pixels(shape)
    x, y = 2 * x / shape[1] - 1, 2 * y / shape[0] - 1
    match outline:
        case "octagon":
            inside = _octagon(x, y)
        case "circle":
            inside = x**2 + y**2 <= 1
        case "triangle":
            inside = x.abs() <= (1 - y) / 2
        case "diamond":
            inside = x.abs() + y.abs() <= 1
        case "rectangle":
            inside = torch.ones(shape, dtype=torch.bool)
        case _:
            raise BlurnetError(f"no outline {outline!r}; there are: {', '.join(get_args(Outline))}")
    return _inside(inside)


def bars(shape: tuple[int, int]) -> Tensor:
    """Draw two bars above and below the legend of a sign that fills its picture, as RP2's stickers.

    Args:
        shape: height and width of the mask, in pixels; the bars are stretched to them. Of 32 × 32
            pixels they cover 72, of others as large a share.

    Returns:
        float32, H × W: 1 where a pixel's centre is inside.

    Raises:
        BlurnetError: if no pixel's centre is inside.

    """
    x, y = _pixels(shape)
    x, y = 32 * x / shape[1], 32 * y / shape[0]
    inside = torch.zeros(shape, dtype=torch.bool)
    for left, top, right, bottom in stickers("stop"):
        inside |= (x > left) & (x < right) & (y > top) & (y < bottom)
    return _inside(inside)


def _pixels(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Give x and y of the pixels' centres, from the top left edge, each H × W."""
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in shape), indexing="ij")
    return x, y


def _octagon(x: Tensor, y: Tensor) -> Tensor:
    """Say what is inside the regular octagon around the unit circle."""
    x, y = x.abs(), y.abs()
    return (x <= 1) & (y <= 1) & (x + y <= math.sqrt(2))


def _inside(inside: Tensor) -> Tensor:
    if not inside.any():
        raise BlurnetError("no pixel's centre is inside the mask; it must be larger")
    return inside.float()
