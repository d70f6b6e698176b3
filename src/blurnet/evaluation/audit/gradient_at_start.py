"""Cross-entropy has a gradient where attacks start: a flag of AutoAttack's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..suite_attacks import Found
from .audited import Audited, Finding, judged, void
from .looks import Sampled, gradient_of


def gradient_at_start(audited: Audited) -> Finding:
    """Count images whose cross-entropy has no gradient, clean or under random colours.

    Where a logit leads by so much that the softmax is 1 to the last bit, nothing moves an attack
    (Croce and Hein, arXiv 2003.01690).
    """
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    none = torch.zeros(len(asked.images), dtype=torch.bool)
    try:
        for images in (asked.images, asked.stickered[0]):
            gradient = gradient_of(asked.network, images, asked.labels, _cross_entropy)
            none |= (gradient == 0).flatten(1).all(1).cpu()
    except RuntimeError:
        return void("The backward pass raises an error.")
    share = float(none.float().mean())
    return judged(
        share == 0,
        share,
        0,
        f"Cross-entropy has no gradient on {int(none.sum())} of {len(none)} images where an attack "
        "starts; on none it may be so.",
        "The logits are too large for it, or something stops the gradient: attack with a margin "
        "or DLR loss, or divide the logits.",
        [each for each in audited.gradient if _climbs_cross_entropy(each)],
        "the same attacks with a margin loss",
    )


def _cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels, reduction="none")


def _climbs_cross_entropy(found: Found) -> bool:
    """Whether an attack raises the true class's cross-entropy; a target's own never saturates."""
    rp2, apgd = found.figures.attack.rp2, found.figures.attack.apgd
    if apgd is not None:
        return apgd.loss == "cross_entropy" and not apgd.targets
    return rp2 is not None and rp2.loss == "cross_entropy" and rp2.goal == "untargeted"
