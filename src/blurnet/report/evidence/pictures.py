"""The photographs clean and attacked, with the network's answers, and the stickers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from blurnet.evaluation.evidence import AttackFound, Evidence
from blurnet.report.attack_files import sticker_picture
from blurnet.report.evidence.audit import struck_words
from blurnet.report.figures.images import data_uri, image_uri, png
from blurnet.report.figures.photographs import (
    Answer,
    Answers,
    Photographs,
    PhotographSet,
    View,
    sheet,
)
from blurnet.report.words import percent

LARGEST = 128
"""Larger photographs are shrunk to so many pixels, so that a page stays small."""

STICKERS = 12
"""So many stickers of an attack are shown."""

AXIS = "Attack"


@dataclass(frozen=True)
class Sticker:
    """A sticker that is shown: on what, aimed at what, and its picture."""

    name: str
    aim: str
    uri: str


@dataclass(frozen=True)
class StickerSet:
    """An attack's stickers.

    Args:
        title: of the attack.
        choice: axis → what is chosen, where they are shown.
        stickers: those that are shown.
        of: how many there are.
        added: whether they are added to the image, and no colours.

    """

    title: str
    choice: dict[str, str]
    stickers: tuple[Sticker, ...]
    of: int
    added: bool


@dataclass(frozen=True)
class Stickers:
    """What ``evidence_stickers.html.j2`` shows.

    Args:
        axes: what is chosen by.
        sets: of each attack.
        masks: where the stickers may be: one for all photographs, or some of those of each.
        pixels: how many pixels the largest mask has.
        share: of the image.

    """

    axes: tuple[str, ...]
    sets: tuple[StickerSet, ...]
    masks: tuple[str, ...]
    pixels: int
    share: float


def photographs(evidence: Evidence) -> Photographs | None:
    """Give the photographs; None if none were kept."""
    if "clean" not in evidence.tensors:
        return None
    sets = tuple(
        _set(evidence, found, place)
        for place, found in enumerate(evidence.attacks)
        if f"attacked/{place}" in evidence.tensors
    )
    return Photographs((AXIS,), sets) if sets else None


def stickers(evidence: Evidence) -> Stickers | None:
    """Give the stickers and the mask; None if none were kept."""
    tensors = evidence.tensors
    if "mask" not in tensors:
        return None
    sets = tuple(
        _stickers(evidence, found, place)
        for place, found in enumerate(evidence.attacks)
        if f"sticker/{place}" in tensors
    )
    mask = tensors["mask"]
    masks = [mask] if mask.dim() == 2 else list(mask[:STICKERS])
    return Stickers(
        (AXIS,),
        sets,
        tuple(image_uri(each) for each in masks),
        evidence.mask_pixels,
        evidence.mask_share,
    )


def _set(evidence: Evidence, found: AttackFound, place: int) -> PhotographSet:
    tensors, shown = evidence.tensors, evidence.tensors["shown"].tolist()
    name, attacked = found.attack.name, tensors[f"attacked/{place}"]
    labels = [evidence.labels[each] for each in shown]
    aims = tensors.get(f"target/{place}", torch.full((len(shown),), -1)).tolist()
    clean = [evidence.clean.classes[each] for each in shown]
    sure = [evidence.clean.confidence[each] for each in shown]
    answers = tensors[f"answers/{place}"].tolist()
    told = Answers(
        label=evidence.network,
        choice={},
        clean=_answers(evidence, clean, labels, [-1] * len(shown), sure),
        attacked=_answers(evidence, answers, labels, aims, [None] * len(shown)),
        sentence=_sentence(evidence, found) + _struck(evidence, found),
    )
    names = [evidence.names[each] for each in shown]
    small_clean, small_attacked = small(tensors["clean"]), small(attacked)
    views = tuple(
        View(names[at], at, image_uri(small_clean[at]), image_uri(small_attacked[at]))
        for at in range(len(shown))
    )
    drawn = sheet(name, names, tensors["clean"], {evidence.network: (attacked, told.attacked)})
    return PhotographSet(_title(found), {AXIS: name}, (told,), views, len(evidence.labels), drawn)


def _title(found: AttackFound) -> str:
    several = len(found.targets) > 1
    return f"{found.attack.name}, at the worst target" if several else found.attack.name


def _struck(evidence: Evidence, found: AttackFound) -> str:
    why = struck_words(evidence.struck(found.attack.name))
    return f" The audit strikes this figure through: {why}." if why else ""


def _sentence(evidence: Evidence, found: AttackFound) -> str:
    if len(found.targets) == 1:
        rate = found.success
        return (
            f"{rate.count} of {rate.total} attacked images are not classified as their class "
            f"({percent(rate.value)})."
        )
    worst = max(found.targets, key=lambda each: each.success.value)
    aimed = "" if worst.target is None else f", “{evidence.classes[worst.target]}”,"
    return (
        f"at the worst target{aimed} {worst.success.count} of {worst.success.total} attacked "
        f"images are not classified as their class ({percent(worst.success.value)}); the mean over "
        f"{len(found.targets)} targets is {percent(found.success.value)}."
    )


def _answers(
    evidence: Evidence,
    given: Sequence[int],
    labels: Sequence[int],
    aims: Sequence[int],
    confidence: Sequence[float | None],
) -> tuple[Answer, ...]:
    def kind(answer: int, label: int, aim: int) -> Literal["right", "target", "wrong"]:
        return "right" if answer == label else "target" if answer == aim else "wrong"

    return tuple(
        Answer(evidence.classes[answer], sure, kind(answer, label, aim))
        for answer, label, aim, sure in zip(given, labels, aims, confidence, strict=True)
    )


def small(images: Tensor) -> Tensor:
    """Shrink images that are larger than a page needs, uint8, N × C × H × W."""
    largest = max(images.shape[2:])
    if largest <= LARGEST:
        return images
    size = [max(1, side * LARGEST // largest) for side in images.shape[2:]]
    shrunk = interpolate(images.float(), size, mode="bilinear", antialias=True)
    return shrunk.clamp(0, 255).round().byte()


def _stickers(evidence: Evidence, found: AttackFound, place: int) -> StickerSet:
    tensors, shown = evidence.tensors, evidence.tensors["shown"].tolist()
    noise, of = tensors[f"sticker/{place}"], tensors[f"sticker_of/{place}"].tolist()
    aims, mask = tensors[f"target/{place}"].tolist(), tensors["mask"]
    settings = found.attack.rp2
    added = settings is not None and settings.placement != "paste"
    made = []
    for number in range(min(len(noise), STICKERS)):
        on = [at for at, its_own in enumerate(of) if its_own == number]
        if not on:
            continue
        at = on[0]
        label = evidence.classes[evidence.labels[shown[at]]]
        name = evidence.names[shown[at]] if len(on) == 1 else f"{label}, {len(on)} images"
        aim = "untargeted" if aims[at] < 0 else f"aimed at {evidence.classes[aims[at]]}"
        where = mask if mask.dim() == 2 else mask[at]
        made.append(
            Sticker(
                name,
                aim,
                data_uri("image/png", png(sticker_picture(noise[number], where, added=added))),
            )
        )
    choice = {AXIS: found.attack.name}
    return StickerSet(found.attack.name, choice, tuple(made), len(noise), added)
