"""Masks M_x: where a sticker may be. Drawn, or found in two stages as RP2 found its own."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from blurnet.data.images import Box
from blurnet.errors import BlurnetError

from .rp2 import rp2
from .rp2_settings import RP2Settings

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


def most_affected_rectangles(
    perturbation: Tensor, *, count: int, area: float, within: Tensor | None = None
) -> Tensor:
    """Find the rectangles where a perturbation is largest, one after the other.

    Each is the one, of all heights, that holds most of Σ|δ| (over colours, and over targets) among
    those that overlap no earlier one, with the width that uses up its share of the area: what is
    left of it, over the rectangles left to place. Of equals, the squarest.

    Args:
        perturbation: δ, C × H × W, or of several targets, T × C × H × W.
        count: how many rectangles, at least 1.
        area: of all of them together, as a share of the image, above 0.
        within: where they must lie, as a mask (H × W, above 0 is inside); anywhere if None.

    Returns:
        float32, 0 or 1, H × W.

    Raises:
        BlurnetError: if the settings make no sense, or the rectangles find no room.

    """
    if perturbation.dim() not in (3, 4) or not perturbation.isfinite().all():
        raise BlurnetError(
            "a perturbation is finite, C × H × W or T × C × H × W; "
            f"found {tuple(perturbation.shape)}"
            + ("" if perturbation.isfinite().all() else ", not all finite")
        )
    height, width = perturbation.shape[-2:]
    if count < 1 or not 0 < area <= 1:
        raise BlurnetError(f"count is at least 1 and area in 0…1; found {count} and {area}")
    if within is not None and within.shape != (height, width):
        raise BlurnetError(
            f"within is {tuple(within.shape)}; for this perturbation it must be {(height, width)}"
        )
    left_over = round(area * height * width)
    if left_over < count:
        raise BlurnetError(
            f"an area of {area} is {left_over} of {height} × {width} pixels, and {count} "
            "rectangles need at least one each"
        )
    strength = perturbation.detach().abs().double().flatten(0, -3).sum(0).cpu()
    barred = torch.zeros(height, width) if within is None else (within <= 0).float().cpu()
    mask = torch.zeros(height, width)
    for place in range(count):
        size = left_over // (count - place)
        box = _strongest(strength, barred, size)
        if box is None:
            raise BlurnetError(
                f"rectangle {place + 1} of {count}, of {size} pixels, finds no room; "
                "take a smaller area or more rectangles"
            )
        left, top, right, bottom = box
        mask[top:bottom, left:right] = barred[top:bottom, left:right] = 1
        left_over -= (right - left) * (bottom - top)
    return mask.to(perturbation.device)


def two_stage_mask(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    outline: Tensor,
    *,
    settings: RP2Settings | None = None,
    count: int,
    area: float,
    generator: torch.Generator,
) -> Tensor:
    """Find where stickers do most, as RP2 did (Eykholt et al., arXiv 1707.08945, section 3).

    An attack over the whole sign, whose ℓ1 norm keeps the perturbation to few pixels; then the
    rectangles where it is largest. One mask for all targets.

    Args:
        model: images in [0, 1] in, logits out; left as it was.
        images: the views X^V, float32 in [0, 1], V × C × H × W.
        targets: the class y* of each attack, int64, T.
        outline: the sign's whole area, in [0, 1], H × W.
        settings: of the first stage, with p = 1; RP2's with p = 1 by default.
        count: how many rectangles, at least 1.
        area: of all of them together, as a share of the image, above 0.
        generator: where the first stage starts from, on the images' device.

    Returns:
        float32, 0 or 1, H × W; inside the outline.

    Raises:
        BlurnetError: if p is not 1, the inputs do not fit, or the rectangles find no room.

    """
    settings = settings or RP2Settings(p=1)
    if settings.p != 1:
        raise BlurnetError(f"the first stage is an ℓ1 attack: p is 1, not {settings.p}")
    found = rp2(model, images, targets, outline, settings=settings, generator=generator)
    return most_affected_rectangles(outline * found.noise, count=count, area=area, within=outline)


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


def _strongest(strength: Tensor, barred: Tensor, size: int) -> Box | None:
    """Give the free rectangle of at most ``size`` pixels that holds most, by integral images."""
    held, blocked = _integral(strength), _integral(barred.double())
    best, most = None, -1.0
    rows, columns = strength.shape
    shapes = {(high, min(size // high, columns)) for high in range(1, min(size, rows) + 1)}
    for high, wide in sorted(shapes, key=lambda shape: (abs(shape[0] - shape[1]), shape)):
        sums = _sums(held, high, wide).masked_fill(_sums(blocked, high, wide) > 0.5, -1)
        here = float(sums.max())
        if here > -0.5 and here > most * (1 + 1e-9):
            most = here
            top, left = divmod(int(sums.argmax()), sums.shape[1])
            best = (left, top, left + wide, top + high)
    return best


def _integral(values: Tensor) -> Tensor:
    """Give the sums of all that is above and to the left, (H + 1) × (W + 1)."""
    return nn.functional.pad(values.cumsum(0).cumsum(1), (1, 0, 1, 0))


def _sums(integral: Tensor, high: int, wide: int) -> Tensor:
    """Give the sum of every rectangle of one shape, by its top left pixel."""
    below, above = integral[high:], integral[:-high]
    return below[:, wide:] - below[:, :-wide] - above[:, wide:] + above[:, :-wide]
