"""Ours: success rises where a sticker's size costs nothing, λ → 0."""

from dataclasses import replace

import torch

from blurnet.attacks import RP2Settings

from ..attack import attack_checked
from ..inputs import of_image
from ..suite_attacks import Found
from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def less_weight(audited: Audited) -> Finding:
    """Attack the sample with λ = 0, at the target that the attack did best at.

    With λ = 0 what is added grows until it is clipped, where it has no gradient: it is passed
    through the clip, so that the weight alone is looked at.
    """
    few = audited.too_few(len(audited.sample))
    weighed = {found: rp2 for found in audited.gradient if (rp2 := _weighed(found)) is not None}
    if few is not None or not weighed:
        return few or void("No attack of the suite weighs the size of its sticker (λ is 0).")
    ahead = {found: _ahead(audited, found, rp2) for found, rp2 in weighed.items()}
    worst = max(ahead, key=ahead.__getitem__)
    limit = max(THRESHOLD, 1 / len(audited.sample))
    return judged(
        ahead[worst] <= limit + 1e-9,
        ahead[worst],
        limit,
        f"With λ {weighed[worst].lam:g}, {named([worst])} fools {percent(max(ahead[worst], 0))} "
        f"more of {len(audited.sample)} images than with λ 0; at most {percent(limit)} may be.",
        "The weight of the sticker's size does more than its loss: look at the loss's sign.",
        [found for found, share in ahead.items() if share > limit],
        "the same attack with λ 0",
    )


def _weighed(found: Found) -> RP2Settings | None:
    rp2 = found.figures.attack.rp2
    return rp2 if rp2 is not None and rp2.lam > 0 else None


def _ahead(audited: Audited, found: Found, settings: RP2Settings) -> float:
    """Give by how much the success with λ is above that without."""
    through = settings.placement == "add" and settings.clip
    free = replace(
        settings, lam=0, placement="add_straight_through" if through else settings.placement
    )
    best = max(found.figures.targets, key=lambda each: each.success.value)
    labels = audited.labels[audited.sample]
    answers = audited.clean[audited.sample].clone()
    for label in sorted(set(labels.tolist())):
        if label == best.target:
            continue
        group = labels == label
        rows = audited.sample[group]
        answers[group] = attack_checked(
            audited.network,
            audited.images[rows],
            of_image(audited.mask, rows),
            labels[group],
            targets="none" if best.target is None else (best.target,),
            settings=free,
            seed=audited.seed,
            keep_images=False,
            control=False,
        ).answers[0]
    with_it = torch.tensor(best.answers)[audited.sample]
    return float((with_it != labels).float().mean() - (answers != labels).float().mean())
