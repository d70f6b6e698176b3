"""Ours: success rises where a sticker's size costs nothing, λ → 0."""

import torch

from .again import again, with_settings
from .audited import Audited, Finding, Found, judged, named, percent, void

THRESHOLD = 0.05


def less_weight(audited: Audited) -> Finding:
    """Attack the sample with λ = 0 at the target that the attack did best at."""
    few = audited.too_few(len(audited.sample))
    weighed = [found for found in audited.gradient if _weight(found) > 0]
    if few is not None or not weighed:
        return few or void("No attack of the suite weighs the size of its sticker (λ is 0).")
    ahead = {found: _with(audited, found) - _without(audited, found) for found in weighed}
    worst = max(ahead, key=ahead.__getitem__)
    return judged(
        ahead[worst] <= THRESHOLD,
        ahead[worst],
        THRESHOLD,
        f"With λ {_weight(worst):g}, {named([worst])} fools {percent(max(ahead[worst], 0))} more "
        f"of {len(audited.sample)} images than with λ 0; at most {percent(THRESHOLD)} may be.",
        "The weight of the sticker's size does more than its loss: look at the loss's sign.",
        [found for found, share in ahead.items() if share > THRESHOLD],
        "the same attack with λ 0",
    )


def _weight(found: Found) -> float:
    rp2 = found.figures.attack.rp2
    return 0 if rp2 is None else rp2.lam


def _with(audited: Audited, found: Found) -> float:
    best = max(found.figures.targets, key=lambda each: each.success.value)
    answers = torch.tensor(best.answers)[audited.sample]
    return float((answers != audited.labels[audited.sample]).float().mean())


def _without(audited: Audited, found: Found) -> float:
    free = with_settings(found.figures.attack, lam=0).model_copy(update={"targets": 1})
    return again(audited, free).figures.any_target.value
