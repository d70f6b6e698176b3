"""Ours: where the sticker's colours matter, the gradient says so."""

import torch

from .audited import Audited, Finding, judged, named, percent, void
from .looks import Sampled, gradient_of, logits_of, margin

THRESHOLD, MATTERS = 0.5, 1e-5


def dead_gradient(audited: Audited) -> Finding:
    """Count the sticker's values whose gradient is 0, on images whose logits the sticker changes.

    Under opaque random colours; an image whose logits are the same under others, white and black is
    left out, since nothing there is hidden.
    """
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    one, *others = asked.stickered
    here = logits_of(asked.network, one)
    moved = torch.stack([(logits_of(asked.network, other) - here).norm(dim=1) for other in others])
    matters = moved.amax(0) > MATTERS * here.norm(dim=1)
    if not matters.any():
        return void("What colours the sticker has changes no logits.")
    try:
        gradient = gradient_of(asked.network, one[matters], asked.labels[matters], margin)
    except RuntimeError:
        return void("The backward pass raises an error.")
    mask = asked.mask if len(asked.mask) == 1 else asked.mask[matters]
    covered = (mask > 0).expand_as(gradient)
    share = float((gradient[covered] == 0).float().mean())
    return judged(
        share <= THRESHOLD,
        share,
        THRESHOLD,
        f"On {int(matters.sum())} images whose logits the sticker changes, the gradient of "
        f"{percent(share)} of the sticker's values is 0; at most {percent(THRESHOLD)} may be.",
        "The network reads the sticker in a way that its gradient does not show: attack around the "
        "layer that hides it (BPDA), or without gradients.",
        audited.gradient,
        named(audited.search) or "random search",
    )
