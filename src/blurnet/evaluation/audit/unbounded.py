"""I6: without bound every image is fooled (Pintor et al., arXiv 2106.09947)."""

from ..suite_attacks import Found
from .again import again, with_settings
from .audited import Audited, Finding, judged, named, percent, void

STEPS = 100


def unbounded(audited: Audited) -> Finding:
    """Run each gradient attack on the whole image, with no price: it must fool all of the sample.

    At most ``STEPS`` steps, and one target of a targeted attack.
    """
    few = audited.too_few(len(audited.sample))
    if few is not None or not audited.gradient:
        return few or void("No attack of the suite uses a gradient.")
    left = {found: 1 - _success(audited, found) for found in audited.gradient}
    worst = max(left, key=left.__getitem__)
    weak = [found for found, share in left.items() if share > 0]
    return judged(
        not weak,
        left[worst],
        0,
        f"With a sticker over the whole image, {named([worst])} leaves {percent(left[worst])} of "
        f"{len(audited.sample)} images as they are; without bound none may be left.",
        "The attack does not work on this network: look at its loss and its gradient.",
        weak,
        named(audited.search) or "random search",
    )


def _success(audited: Audited, found: Found) -> float:
    attack = found.figures.attack
    steps = min(STEPS, getattr(attack.rp2 or attack.apgd, "steps", STEPS))
    whole = audited.mask.new_ones(audited.images.shape[2:])
    free = with_settings(attack, steps=steps, lam=0, restarts=1, epsilon=1.0)
    free = free.model_copy(update={"targets": 1})
    return again(audited, free, mask=whole).figures.any_target.value
