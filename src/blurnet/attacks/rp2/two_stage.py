"""Masks found in two stages, as RP2 found its own: an ℓ1 attack, then where it did most."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from blurnet.attacks.rp2.search import rp2
from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.attacks.transforms import Transform
from blurnet.data.images import Box
from blurnet.errors import BlurnetError


def most_affected_rectangles(
    perturbation: Tensor, *, count: int, area: float, within: Tensor | None = None
) -> list[Box]:
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
        Left, top, right and bottom of each, in pixels, as ``rectangles`` draws them.

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
    if within is not None and within.shape != (height, width):
        raise BlurnetError(
            f"within is {tuple(within.shape)}; for this perturbation it must be {(height, width)}"
        )
    left_over = _pixels_of(area, count, height, width)
    strength = perturbation.detach().abs().double().flatten(0, -3).sum(0).cpu()
    barred = torch.zeros(height, width) if within is None else (within <= 0).float().cpu()
    boxes = []
    for place in range(count):
        size = left_over // (count - place)
        box = _strongest(strength, barred, size)
        if box is None:
            raise BlurnetError(
                f"rectangle {place + 1} of {count}, of {size} pixels, finds no room; "
                "take a smaller area or more rectangles"
            )
        left, top, right, bottom = box
        boxes.append(box)
        barred[top:bottom, left:right] = 1
        left_over -= (right - left) * (bottom - top)
    return boxes


def two_stage_rectangles(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    outline: Tensor,
    *,
    settings: RP2Settings | None = None,
    count: int,
    area: float,
    generator: torch.Generator,
    transforms: Sequence[Transform] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> list[Box]:
    """Find where stickers do most, as RP2 did (Eykholt et al., arXiv 1707.08945, section 3).

    An attack over the whole sign, whose ℓ1 norm keeps the perturbation to few pixels; then the
    rectangles where it is largest. They are the same for all targets.

    Args:
        model: images in [0, 1] in, logits out; left as it was.
        images: the views X^V, float32 in [0, 1], V × C × H × W.
        targets: the class y* of each attack, or untargeted the true class, as ``rp2`` takes them.
        outline: the sign's whole area, in [0, 1], H × W.
        settings: of the first stage: universal, added, p = 1; RP2's with p = 1 by default.
        count: how many rectangles, at least 1.
        area: of all of them together, as a share of the image, above 0.
        generator: where the first stage starts from, on the images' device.
        transforms: the T_i, as ``rp2`` takes them.
        on_step: of the first stage, as ``rp2`` calls it.

    Returns:
        Left, top, right and bottom of each, in pixels, inside the outline.

    Raises:
        BlurnetError: if the settings are none of a first stage, the inputs do not fit, or the
            rectangles find no room.

    """
    settings = settings or RP2Settings(p=1)
    if settings.p != 1 or settings.scope != "universal" or settings.placement == "paste":
        raise BlurnetError(
            "the first stage is an ℓ1 attack that adds one perturbation: p 1, universal, add; "
            f"found p {settings.p}, {settings.scope}, {settings.placement}"
        )
    if outline.shape != images.shape[2:]:
        raise BlurnetError(
            f"the outline is {tuple(outline.shape)}; it must be H × W like the images, "
            f"{tuple(images.shape[2:])}"
        )
    _pixels_of(area, count, *outline.shape)  # before the long part
    found = rp2(
        model,
        images,
        targets,
        outline,
        settings=settings,
        generator=generator,
        transforms=transforms,
        on_step=on_step,
        keep_images=False,
    )
    return most_affected_rectangles(outline * found.noise, count=count, area=area, within=outline)


def _pixels_of(area: float, count: int, height: int, width: int) -> int:
    if count < 1 or not 0 < area <= 1:
        raise BlurnetError(f"count is at least 1 and area in 0…1; found {count} and {area}")
    pixels = round(area * height * width)
    if pixels < count:
        raise BlurnetError(
            f"an area of {area} is {pixels} of {height} × {width} pixels, and {count} "
            "rectangles need at least one each"
        )
    return pixels


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
