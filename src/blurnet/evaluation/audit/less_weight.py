"""Ours: success rises where a sticker's size costs nothing, λ → 0."""

from dataclasses import replace

import torch
from torch import Tensor

from blurnet.attacks import RP2Settings

from ..attack import attack_checked
from ..inputs import of_image
from ..suite_attacks import Found
from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def less_weight(audited: Audited) -> Finding:
    """Attack the sample's commonest class with λ = 0, at the target that the attack did best at."""
    few = audited.too_few(len(audited.sample))
    weighed = {found: rp2 for found in audited.gradient if (rp2 := _weighed(found)) is not None}
    if few is not None or not weighed:
        return few or void("No attack of the suite weighs the size of its sticker (λ is 0).")
    ahead = {found: _ahead(audited, found, rp2) for found, rp2 in weighed.items()}
    worst = max(ahead, key=ahead.__getitem__)
    return judged(
        ahead[worst] <= THRESHOLD,
        ahead[worst],
        THRESHOLD,
        f"With λ {weighed[worst].lam:g}, {named([worst])} fools {percent(max(ahead[worst], 0))} "
        f"more images than with λ 0; at most {percent(THRESHOLD)} may be.",
        "The weight of the sticker's size does more than its loss, or lets go of what is clipped: "
        "attack with λ 0 too, and look at the loss's sign.",
        [found for found, share in ahead.items() if share > THRESHOLD],
        "the same attack with pasted stickers",
    )


def _weighed(found: Found) -> RP2Settings | None:
    rp2 = found.figures.attack.rp2
    return rp2 if rp2 is not None and rp2.lam > 0 else None


def _ahead(audited: Audited, found: Found, settings: RP2Settings) -> float:
    """Give by how much the success with λ is above that without."""
    best = max(found.figures.targets, key=lambda each: each.success.value)
    labels = audited.labels[audited.sample]
    others = labels[labels != -1 if best.target is None else labels != best.target]
    if not len(others):
        return 0.0
    rows = audited.sample[labels == others.mode().values]
    free = attack_checked(
        audited.network,
        audited.images[rows],
        of_image(audited.mask, rows),
        audited.labels[rows],
        targets="none" if best.target is None else (best.target,),
        settings=replace(settings, lam=0),
        seed=audited.seed,
        keep_images=False,
        control=False,
    )
    with_it = torch.tensor(best.answers)[rows]
    return _wrong(with_it, audited.labels[rows]) - _wrong(free.answers[0], audited.labels[rows])


def _wrong(answers: Tensor, labels: Tensor) -> float:
    return float((answers != labels).float().mean())
