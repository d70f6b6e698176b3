"""Ours: a sticker that is saved and loaded again gets the same answers."""

import torch
from safetensors.torch import load, save
from torch import Tensor

from blurnet.attacks.check import mask_of
from blurnet.attacks.rp2.placement import place as put

from ..inputs import of_image
from ..predict import predict
from ..suite_attacks import Found
from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def saved(audited: Audited) -> Finding:
    """Write what attacks made as safetensors, read it, put it on, and compare the answers.

    RP2's are stickers; of the others, which keep none, the attacked images. A few images may get
    another answer: those whose logits are level to the last bits, which batches of another size
    round otherwise.
    """
    limit = max(THRESHOLD, 1 / len(audited.shown))
    lost = {}
    for place, found in enumerate(audited.found):
        again = _again(audited, found, place)
        if again is not None:
            answers = predict(audited.network.model, again).classes
            lost[found] = float((answers != found.tensors[f"answers/{place}"]).float().mean())
    if not lost:
        return void("No sticker was kept of these images.")
    worst = max(lost, key=lost.__getitem__)
    return judged(
        lost[worst] <= limit + 1e-9,
        lost[worst],
        limit,
        f"{percent(lost[worst])} of {len(audited.shown)} images get another answer under what was "
        f"saved of {named([worst])} than when it was made; at most {percent(limit)} may.",
        "What was measured is not what was saved: the network answers differently from call to "
        "call, or its answers depend on the batch.",
        [found for found, share in lost.items() if share > limit],
        "",
    )


def _again(audited: Audited, found: Found, place: int) -> Tensor | None:
    """Give the images shown under what was saved and loaded; None if nothing was kept."""
    images = audited.images[audited.shown]
    names = [f"{name}/{place}" for name in ("sticker", "sticker_of", "attacked")]
    kept = {name: found.tensors[name].contiguous() for name in names if name in found.tensors}
    if found.sticker is not None:
        kept = {"made": found.sticker.adversarial[audited.shown].contiguous()}
    read = load(save(kept))
    rp2 = found.figures.attack.rp2
    if "made" in read:
        return read["made"]
    if rp2 is None or f"sticker/{place}" not in read:
        pictures = read.get(f"attacked/{place}")
        return None if pictures is None else pictures.float() / 255
    of = read[f"sticker_of/{place}"]
    mask = mask_of(of_image(audited.mask, audited.shown), images)
    sticker = mask * read[f"sticker/{place}"][of]
    attacked = put(images, sticker, mask, rp2.placement, clip=rp2.clip)
    worn = (of >= 0)[:, None, None, None]  # an image of the only target's class wears none
    return torch.where(worn, attacked, images)
