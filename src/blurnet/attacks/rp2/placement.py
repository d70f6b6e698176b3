"""How a sticker meets a photograph: added and clipped, added with a live gradient, or pasted."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from blurnet.attacks.transforms import Transform, apply_transforms

Placement = Literal["add", "add_straight_through", "paste"]


def sticker_of(free: Tensor, placement: Placement) -> Tensor:
    """Give the sticker, δ or s in [0, 1], of the variable that is free to move."""
    return free.sigmoid() if placement == "paste" else free


def free_of(sticker: Tensor, placement: Placement) -> Tensor:
    """Give the variable of a sticker; colours nearer than 1e-3 to 0 or 1 start 1e-3 away."""
    return sticker.logit(1e-3) if placement == "paste" else sticker


def place(
    photographs: Tensor, sticker: Tensor, mask: Tensor, placement: Placement, *, clip: bool = True
) -> Tensor:
    """Put a sticker on photographs, pixel by pixel.

    Args:
        photographs: x in [0, 1], … × C × H × W.
        sticker: M·δ or M·s, already multiplied by the mask, a shape that broadcasts with x.
        mask: M in [0, 1], likewise; used where the sticker is pasted.
        placement: "add": clip(x + M·δ); "add_straight_through": the same, and the gradient passes
            the clip as if it were not there; "paste": x(1 − M) + M·s.
        clip: False leaves what was added unclipped.

    """
    if placement == "paste":
        return photographs * (1 - mask) + sticker
    attacked = photographs + sticker
    if placement == "add_straight_through":
        clipped: Tensor = _ClipStraightThrough.apply(attacked)  # type: ignore[no-untyped-call]
        return clipped
    return attacked.clamp(0, 1) if clip else attacked


def place_through(
    photographs: Tensor,
    sticker: Tensor,
    mask: Tensor,
    placement: Placement,
    transforms: Sequence[Transform],
    parameters: Sequence[Tensor],
    *,
    clip: bool = True,
) -> Tensor:
    """Put each sticker on each photograph, under the transformations T_i of each.

    Args:
        photographs: v × C × H × W.
        sticker: δ or s, t × 1 × C × H × W, or t × v × C × H × W with one for each photograph.
        mask: M, 1 × 1 × H × W, or v × 1 × H × W with one for each photograph.
        placement: as for ``place``, as is ``clip``.
        transforms: in the order in which they act. Those of the "sticker" act on M·δ (or M·s) and
            M, with all targets' colours as channels, those of the "image" on what comes of it.
            Neighbours that warp are one resampling (see ``apply_transforms``).
        parameters: what each transform drew, d × v × k.
        clip: False leaves what was added unclipped.

    Returns:
        t × d × v × C × H' × W'; d is 1 without transforms.

    """
    drawn = list(zip(transforms, parameters, strict=True))
    of_sticker = [pair for pair in drawn if pair[0].of == "sticker"]
    of_image = [pair for pair in drawn if pair[0].of == "image"]
    targets, count = len(sticker), (len(parameters[0]) if drawn else 1, len(photographs))
    covered = (mask * sticker).unsqueeze(1)
    if of_sticker:
        # what moves a pixel moves it for all targets: they are channels, the mask one more
        channels = covered[:, 0].transpose(0, 1).flatten(1, 2)
        stacked = torch.cat([channels, mask.expand_as(channels[:, :1])], 1)
        seen = _through(of_sticker, stacked.expand(*count, -1, -1, -1))
        covered = seen[:, :, :-1].view(*count, targets, -1, *seen.shape[3:])
        covered, mask = covered.permute(2, 0, 1, 3, 4, 5), seen[:, :, -1:]
    attacked = place(photographs, covered, mask, placement, clip=clip)
    if of_image:
        attacked = _through(of_image, attacked.expand(targets, *count, -1, -1, -1))
    return attacked


def _through(drawn: Sequence[tuple[Transform, Tensor]], images: Tensor) -> Tensor:
    """Apply transforms to images … × d × v × C × H × W, whose parameters are d × v × k."""
    count = images.shape[:-3]
    seen = apply_transforms(
        [each for each, _ in drawn],
        images.flatten(0, -4),
        [values.expand(*count, -1).flatten(0, -2) for _, values in drawn],
    )
    return seen.view(*count, *seen.shape[1:])


class _ClipStraightThrough(torch.autograd.Function):
    """Clip to [0, 1]; the gradient is that of the identity."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        return values.clamp(0, 1)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return gradient
