"""The certified side of an evaluation: what masking certifies, and whether an attack breaks it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blurnet.certificates import Certificate, MaskedNetwork, certify
from blurnet.certificates.attack import attack_masked
from blurnet.certificates.masked import piece_of
from blurnet.certificates.pairs import pairs_of
from blurnet.models import Classifier
from blurnet.models.modes import evaluating

from .asked_certificates import Asked, Effort
from .evidence import Certified, Condition
from .inputs import of_image
from .metrics import rate
from .progress import Progress


@dataclass(frozen=True, eq=False)
class Stickers:
    """Images that an attack has put stickers on: which of all (int64, S), and S × C × H × W."""

    which: Tensor
    images: Tensor


def stickers_of(
    images: Tensor, mask: Tensor, shown: Tensor, pictures: Sequence[Mapping[str, Tensor]]
) -> list[Stickers]:
    """Give the stickers that attacks made, of the images that are kept as pictures.

    Args:
        images: N × C × H × W.
        mask: H × W, or N × H × W.
        shown: which images are kept, int64, S.
        pictures: of each attack, as ``Evidence`` keeps them: at the target with most success.

    """
    inside = (of_image(mask, shown) > 0).expand(len(shown), *images.shape[2:])[:, None]
    return [
        Stickers(shown, torch.where(inside, its[f"attacked/{place}"].float() / 255, images[shown]))
        for place, its in enumerate(pictures)
        if f"attacked/{place}" in its
    ]


def certificates_of(
    network: Classifier,
    images: Tensor,
    labels: Tensor,
    asked: Sequence[Asked],
    stickers: Sequence[Stickers],
    progress: Progress,
    seed: int,
) -> tuple[Certified, ...]:
    """Certify images against families, and attack the masked predictors that certificates are of.

    Args:
        network: images in [0, 1] in, logits out.
        images: float32 in [0, 1], N × C × H × W.
        labels: int64, N.
        asked: the families.
        stickers: what attacks on the bare network have made; those of a family are tried too.
        progress: told of ``Asked.work``.
        seed: of the attacks on masked predictors.

    """
    found = []
    for each in asked:
        progress.now(f"certificate: {each.name}")
        found.append(_certified(network, images, labels, each, stickers, progress, seed))
        progress.done(each.work)
    return tuple(found)


def _certified(
    network: Classifier,
    images: Tensor,
    labels: Tensor,
    asked: Asked,
    stickers: Sequence[Stickers],
    progress: Progress,
    seed: int,
) -> Certified:
    answers, certified = labels.clone(), torch.zeros(len(labels), dtype=torch.bool)
    right, tried, masks, before = torch.zeros_like(certified), 0, 0, 0
    seconds = attack_seconds = 0.0
    for family, group in zip(asked.families, asked.groups, strict=True):
        some, its_labels = images[group], labels[group]
        start = time.monotonic()
        found = certify(
            network,
            some,
            its_labels,
            family,
            k=asked.effort.k,
            on_step=_passes(progress, asked.passes, before),
        )
        between = time.monotonic()
        before, masks = before + len(group), max(masks, found.masks)
        answers[group], certified[group] = found.answers, found.certified
        right[group], number = _attacked(
            network, some, its_labels, found, asked.effort, _of_group(stickers, group), seed
        )
        tried += number
        seconds += between - start
        attack_seconds += time.monotonic() - between
    return Certified(
        family=asked.name,
        describes=asked.families[0].describes,
        covers_mask=asked.covers_mask,
        masks=masks,
        answers=tuple(answers.tolist()),
        accuracy=rate(answers == labels),
        certified=tuple(certified.tolist()),
        rate=rate(certified),
        attacked=rate(right) if tried else None,
        tried=tried,
        broken=int((certified & ~right).sum()),
        seconds=seconds,
        attack_seconds=attack_seconds,
    )


def broken_condition(certificates: Sequence[Certified]) -> tuple[Condition, ...]:
    """Demand that no attack changed a certified image; nothing, if none was tried."""
    tried = sum(each.tried for each in certificates)
    if not tried:
        return ()
    broken = [each for each in certificates if each.broken]
    advice = (
        ""
        if not broken
        else f" The certificate of {broken[0].family} is wrong: does the network answer the same "
        "image the same way each time, whatever else is in the batch? If it does, this is a fault "
        "of blurnet's; please report it."
    )
    return (
        Condition(
            name="certificates hold",
            passed=not broken,
            sentence=f"{sum(each.broken for each in certificates)} certified images were turned by "
            f"the {tried:,} stickers that were tried on networks with masking.{advice}",
        ),
    )


def _passes(progress: Progress, passes: int, before: int) -> Callable[[int, int], None]:
    return lambda done, _: progress.within(passes * (before + done))


def _of_group(stickers: Sequence[Stickers], group: Tensor) -> list[Stickers]:
    """Give the stickers on a group's images, numbered as they are in it."""
    found = []
    for each in stickers:
        there, here = (each.which[:, None] == group).nonzero().unbind(1)
        found.append(Stickers(here, each.images[there]))
    return found


@torch.no_grad()
def _attacked(
    network: Classifier,
    images: Tensor,
    labels: Tensor,
    found: Certificate,
    effort: Effort,
    stickers: Sequence[Stickers],
    seed: int,
) -> tuple[Tensor, int]:
    """Say which images the masked predictor gets right under every sticker, and count these."""
    right, tried = found.answers == labels, 0
    pairs = pairs_of(found.family, images.shape[2], images.shape[3], effort.k)
    with evaluating(network):
        predictor = MaskedNetwork(network, pairs, piece_of(network, images)).to(images.device)

        def try_on(which: Tensor, attacked: Tensor) -> None:
            nonlocal tried
            changed = (attacked != images[which]).any(1).cpu()
            its = found.family.has(changed) & changed.flatten(1).any(1)
            if its.any():
                parts = torch.split(attacked[its], 16)
                answers = torch.cat([predictor(part).argmax(1) for part in parts])
                right[which[its][answers != labels[which[its]]]] = False
                tried += int(its.sum())

        for each in stickers:
            try_on(each.which, each.images)
        sure = right.nonzero().flatten()
        if len(sure):
            attacked = attack_masked(
                predictor,
                images[sure],
                labels[sure],
                found.family,
                wrong_under=found.wrong_under[sure],
                settings=effort.attack,
                generator=torch.Generator().manual_seed(seed),
            )
            try_on(sure, attacked)
    return right, tried
