"""The network answers the same when it is asked again: a flag of AutoAttack's."""

import torch

from .audited import Audited, Finding, judged
from .looks import Sampled, logits_of

PASSES, THRESHOLD = 5, 1e-4


def randomised(audited: Audited) -> Finding:
    """Ask five times; logits, as long as 1, may differ by 1e-4, and answers not at all.

    Croce and Hein, arXiv 2003.01690.
    """
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    logits = torch.stack([logits_of(asked.network, asked.images) for _ in range(PASSES)])
    unit = logits / logits.norm(dim=2, keepdim=True).clamp(min=1e-12)
    difference = float((unit - unit[:1]).norm(dim=2).max())
    answers = logits.argmax(2)
    changed = int((answers != answers[:1]).any(0).sum())
    return judged(
        difference <= THRESHOLD and not changed,
        difference,
        THRESHOLD,
        f"Asked {PASSES} times, the network changes its logits by {difference:.2g} of their length "
        f"and its answer on {changed} of {len(asked.images)} images; at most {THRESHOLD:g} and "
        "none is deterministic.",
        "It draws at random: average each gradient over 20 draws (EOT), and count an image as "
        "fooled by its answers over many draws.",
        audited.found,
        "the same attacks with gradients averaged over 20 draws (EOT)",
    )
