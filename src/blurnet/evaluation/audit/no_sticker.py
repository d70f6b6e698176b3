"""Ours: a sticker of no strength leaves the clean accuracy."""

import torch

from ..inputs import of_image
from .again import again, with_settings
from .audited import Audited, Finding, judged, named, void

NOTHING = 1e-12
"""A mask's weight that is above 0 and changes no float32 in [0, 1]."""


def no_sticker(audited: Audited) -> Finding:
    """Run each attack for two steps with ε = 0: RP2 under a mask that changes nothing."""
    sample = audited.sample
    asked = [
        each
        for each in audited.found
        if each.figures.attack.rp2 is not None or each.figures.attack.apgd is not None
    ]
    if not asked or not len(sample):
        return void("No attack of the suite can be run with no strength.")
    changed = {}
    for found in asked:
        attack = with_settings(found.figures.attack, steps=2, restarts=1, search=0, epsilon=0.0)
        attack = attack.model_copy(update={"targets": 1})
        nothing = NOTHING * (of_image(audited.mask, sample) > 0)
        ran = again(audited, attack, mask=None if attack.rp2 is None else nothing)
        answers = torch.tensor([target.answers for target in ran.figures.targets])
        changed[found] = int((answers != audited.clean[sample]).any(0).sum())
    worst = max(changed, key=changed.__getitem__)
    return judged(
        not changed[worst],
        changed[worst] / len(sample),
        0,
        f"With a sticker of no strength, {changed[worst]} of {len(sample)} images get another "
        f"answer under {named([worst])} than clean; none may.",
        "The attack changes more than its sticker, or the network answers differently when it is "
        "attacked.",
        [found for found, count in changed.items() if count],
        "",
    )
