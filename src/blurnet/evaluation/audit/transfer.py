"""Ours: a sticker made for an image does more than one that was carried over to it."""

from blurnet.attacks.check import mask_of
from blurnet.models import as_classifier

from ..inputs import Understood, of_image
from ..predict import predict
from .again import again
from .audited import ABOVE, Audited, Finding, judged, named, percent, void


def transfer(audited: Audited) -> Finding:
    """Compare the strongest attack with what was not made for these images and this network.

    The control; the stickers that it made for other images; and, where the attacks were made on
    another network, those from there.
    """
    found = audited.strongest
    if found is None:
        return void("The suite has no gradient attack with a sticker for each image.")
    place = audited.found.index(found)
    tensors, carried = found.tensors, {"a sticker nobody searched for": audited.control}
    own = found.figures.success.value
    if f"attacked/{place}" in tensors:
        shown = audited.shown
        mask = mask_of(of_image(audited.mask, shown), audited.images[shown])
        others = (tensors[f"attacked/{place}"].float() / 255).roll(1, 0)
        swapped = audited.images[shown] * (1 - mask) + others * mask
        answers = predict(audited.network.model, swapped).classes
        share = float((answers != audited.labels[shown]).float().mean())
        carried["stickers of other images"] = share
    if audited.source is not None and len(audited.sample):
        surrogate = as_classifier(audited.source)
        its_own = Understood(surrogate, audited.network.logits, audited.network.names)
        sample = audited.sample
        made = again(audited, found.figures.attack, network=its_own).tensors["attacked/0"]
        answers = predict(audited.network.model, made).classes
        share = float((answers != audited.labels[sample]).float().mean())
        carried["stickers made on the other network"] = share
    best = max(carried, key=carried.__getitem__)
    ahead, s = carried[best] - own, "" if best.startswith("stickers") else "s"
    return judged(
        ahead <= ABOVE + 1e-9,
        ahead,
        ABOVE,
        f"{best[0].upper()}{best[1:]} fool{s} {percent(carried[best])} of the images, and "
        f"{named([found])}, which knows network and image, {percent(own)}; what is carried over "
        f"may fool {percent(ABOVE)} more.",
        "An attack that knows more does less: its gradient misleads, or it does not work.",
        [found],
        best,
    )
