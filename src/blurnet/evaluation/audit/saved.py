"""Ours: a sticker that is saved and loaded again gets the same answers."""

import torch
from safetensors.torch import load, save
from torch import Tensor

from blurnet.attacks.check import mask_of
from blurnet.attacks.rp2.placement import place as put

from ..predict import predict
from ..suite_attacks import Found
from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def saved(audited: Audited) -> Finding:
    """Write the stickers as safetensors, read them, put them on, and compare the answers.

    So much may be lost by rounding as images of other batches cost, and by the 8 bits that pictures
    are kept in where an attack keeps no sticker but the attacked image.
    """
    lost = {}
    for place, found in enumerate(audited.found):
        again = _again(audited, found, place)
        if again is not None and len(again) == len(audited.images):
            answers = predict(audited.network.model, again).classes
            lost[found] = float((answers != found.tensors[f"answers/{place}"]).float().mean())
    if not lost:
        return void("No sticker was kept of these images.")
    worst = max(lost, key=lost.__getitem__)
    return judged(
        lost[worst] <= THRESHOLD,
        lost[worst],
        THRESHOLD,
        f"{percent(lost[worst])} of the images get another answer under the saved sticker of "
        f"{named([worst])} than when it was made; at most {percent(THRESHOLD)} may.",
        "What was measured is not what was saved: the network answers differently from call to "
        "call, or the sticker works only unrounded.",
        [found for found, share in lost.items() if share > THRESHOLD],
        "",
    )


def _again(audited: Audited, found: Found, place: int) -> Tensor | None:
    tensors = found.tensors
    kept = [name for name in tensors if name.partition("/")[2] == str(place)]
    read = load(save({name: tensors[name].contiguous() for name in kept}))
    rp2 = found.figures.attack.rp2
    if rp2 is None or f"sticker/{place}" not in read:
        there = read.get(f"attacked/{place}")
        return None if there is None else there.float() / 255
    stickers, of = read[f"sticker/{place}"], read[f"sticker_of/{place}"]
    if len(of) != len(audited.images):
        return None
    mask = mask_of(audited.mask, audited.images)
    attacked = put(audited.images, mask * stickers[of], mask, rp2.placement, clip=rp2.clip)
    worn = (of >= 0)[:, None, None, None]  # an image of the only target's class wears none
    return torch.where(worn, attacked, audited.images)
