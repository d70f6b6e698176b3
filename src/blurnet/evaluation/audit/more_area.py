"""Ours: success rises with the sticker's area."""

import torch
from torch import Tensor

from blurnet.attacks.check import ABOVE

from ..inputs import of_image
from .again import again
from .audited import Audited, Finding, judged, named, percent, void


def more_area(audited: Audited) -> Finding:
    """Attack through half of the mask; what fools there is a sticker of the whole mask, too."""
    few, found = audited.too_few(len(audited.sample)), audited.strongest
    if few is not None or found is None:
        return few or void("The suite has no gradient attack with a sticker for each image.")
    mask = of_image(audited.mask, audited.sample)
    if int((mask > ABOVE).flatten(-2).sum(-1).min()) < 2:
        return void("The mask has one pixel, which has no half.")
    half = again(audited, found.figures.attack, mask=half_of(mask)).fooled
    whole = found.fooled[audited.sample]
    ahead = float(half.float().mean() - whole.float().mean())
    margin = 1 / len(half)
    return judged(
        ahead <= margin + 1e-9,
        ahead,
        margin,
        f"{named([found])} fools {percent(float(half.float().mean()))} of {len(half)} images "
        f"through half of the mask, and {percent(float(whole.float().mean()))} through all of it; "
        "half may be better by one image.",
        "The attack gets stuck: give it more restarts, or another loss.",
        [found],
        "the same attack with more restarts",
    )


def half_of(mask: Tensor) -> Tensor:
    """Give the upper half of a mask's pixels, in row order."""
    inside = (mask > ABOVE).flatten(-2)
    before = inside.cumsum(-1)
    kept = inside & (before <= torch.div(before[..., -1:] + 1, 2, rounding_mode="floor"))
    return mask * kept.view_as(mask)
