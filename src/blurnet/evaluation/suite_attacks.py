"""One attack of a suite, on images of any labels."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from blurnet.attacks import RP2Settings, StickerResult

from .attack import attack_checked
from .attacked import Attacked
from .descent import Descent, descent_of, descent_within
from .evidence import AttackFound, TargetFound
from .inputs import Understood, of_image
from .metrics import attack_rates, attacked_images, l2_dissimilarity, mean_rate, rate
from .predict import predict
from .statistics import worst_rate
from .suite import SuiteAttack
from .suite_pictures import pictures_of, sticker_pictures
from .summary import mean_loss
from .targets import chosen_targets

OnWork = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Given:
    """What all attacks of an evaluation are given; checked.

    Args:
        network: with its number of logits.
        images: N × C × H × W.
        labels: int64, N.
        mask: H × W, or N × H × W.
        clean: the classes that the images get without a sticker, int64, N.
        seed: of all chance.
        shown: which images are kept as pictures, int64.

    """

    network: Understood
    images: Tensor
    labels: Tensor
    mask: Tensor
    clean: Tensor
    seed: int
    shown: Tensor


@dataclass(frozen=True, eq=False)
class Found:
    """What an attack of a suite found.

    Args:
        figures: for the evidence.
        fooled: images that some target's sticker fools, bool, N.
        tensors: pictures; see ``Evidence``.
        sticker: all of what an attack found that makes a sticker for each image: the attacked
            images, the margin at each query; None of RP2.
        descent: how it came to its stickers.

    """

    figures: AttackFound
    fooled: Tensor
    tensors: dict[str, Tensor]
    sticker: StickerResult | None
    descent: Descent | None


class Group(NamedTuple):
    """Images that are attacked together: which (int64), and at which targets (None: untargeted)."""

    images: Tensor
    targets: tuple[int, ...] | None


def groups_of(
    settings: RP2Settings, targets: tuple[int, ...] | None, labels: Tensor
) -> list[Group]:
    """Part the images into those that one call of RP2 attacks.

    A sticker for each image, untargeted, needs no parting. Else the images of each label are views
    of one object, attacked at all targets but that label.
    """
    if targets is None and settings.scope == "per_image":
        return [Group(torch.arange(len(labels)), None)]
    parted = []
    for label in sorted(set(labels.tolist())):
        its_own = None if targets is None else tuple(t for t in targets if t != label)
        if its_own is None or its_own:
            parted.append(Group((labels == label).nonzero().flatten(), its_own))
    return parted


def targets_of(
    attack: SuiteAttack, labels: Tensor, network: Understood, seed: int
) -> tuple[int, ...] | None:
    """Give the targets of an attack of a suite, None if it has none."""
    if attack.rp2 is None or attack.rp2.goal == "untargeted":
        return None
    wanted = attack.targets
    if isinstance(wanted, int) and len(set(labels.tolist())) > 1:
        wanted = max(wanted, 2)  # so that each label has one
    return chosen_targets(wanted, labels, network, seed)


def work_of(attack: SuiteAttack, labels: Tensor, network: Understood, seed: int) -> int:
    """Say how many images an attack puts through the network at most; a gradient counts as two."""
    if attack.sticker is not None:
        return attack.sticker[1].passes(network.logits) * len(labels)
    settings = attack.rp2 or RP2Settings()
    targets = targets_of(attack, labels, network, seed)
    return sum(_work(settings, group) for group in groups_of(settings, targets, labels))


def _work(settings: RP2Settings, group: Group) -> int:
    steps = settings.steps * settings.restarts * settings.draws
    return 3 * steps * len(group.images) * len(group.targets or (None,))


def run_attack(given: Given, attack: SuiteAttack, place: int, on_work: OnWork) -> Found:
    """Run one attack of a suite.

    Args:
        given: the network, the images and so on.
        attack: which.
        place: in the suite; what its pictures are called by.
        on_work: called with the work done, in the unit of ``work_of``.

    """
    start = time.monotonic()
    aims = targets_of(attack, given.labels, given.network, given.seed)
    targets: tuple[int | None, ...] = (None,) if aims is None else aims
    found = None
    if attack.rp2 is not None:
        answers, parts, tensors, descent = _rp2(given, attack.rp2, targets, place, on_work)
    else:
        found = _sticker(given, attack, on_work)
        answers, parts, tensors, descent = _judged(given, found, place)
    seconds = time.monotonic() - start
    counted = attacked_images(given.labels, targets, len(given.labels))
    wrong = (answers != given.labels) & counted
    each = tuple(
        _target(given, target, answers[row], parts[row]) for row, target in enumerate(targets)
    )
    figures = AttackFound(
        attack=attack,
        targets=each,
        success=mean_rate(wrong, counted),
        worst=worst_rate(answers != given.labels, counted),
        any_target=rate(wrong.any(0)[counted.any(0)]),
        published=attack.rp2 is not None and attack.rp2.published,
        seconds=seconds,
        queries=None if found is None else float(found.queries.double().mean()),
        gradients=None if found is None else float(found.gradients.double().mean()),
    )
    return Found(figures, wrong.any(0), tensors, found, descent)


Ran = tuple[Tensor, list["_Part"], dict[str, Tensor], Descent]
"""Answers, T × N; what is said of each target beside; pictures; how it came to them."""


def _rp2(
    given: Given,
    settings: RP2Settings,
    targets: tuple[int | None, ...],
    place: int,
    on_work: OnWork,
) -> Ran:
    aims = None if None in targets else tuple(target for target in targets if target is not None)
    answers = given.clean.repeat(len(targets), 1)
    parts = [_Part() for _ in targets]
    runs: list[tuple[Group, Attacked]] = []
    done = 0
    for group in groups_of(settings, aims, given.labels):
        work = _work(settings, group)

        def on_step(step: int, steps: int, before: int = done, work: int = work) -> None:
            on_work(before + work * step // steps)

        found = attack_checked(
            given.network,
            given.images[group.images],
            of_image(given.mask, group.images),
            given.labels[group.images],
            targets=group.targets,
            settings=settings,
            seed=given.seed,
            on_step=on_step,
            keep_images=False,
            control=False,
        )
        for row, target in enumerate(found.aims):
            answers[targets.index(target), group.images] = found.answers[row]
            parts[targets.index(target)].add(found, row)
        runs.append((group, found))
        done += work
    counted = attacked_images(given.labels, targets, len(given.labels))
    success = [
        float((row != given.labels)[its_own].double().mean())
        for row, its_own in zip(answers, counted, strict=True)
    ]
    worst = targets[max(range(len(targets)), key=success.__getitem__)]
    descent = descent_of([found for _, found in runs])
    return answers, parts, pictures_of(given, runs, worst, place), descent


def _sticker(given: Given, attack: SuiteAttack, on_work: OnWork) -> StickerResult:
    assert attack.sticker is not None
    registered, settings = attack.sticker
    work = settings.passes(given.network.logits) * len(given.images)
    return registered.run(
        given.network.model,
        given.images,
        given.labels,
        given.mask,
        settings=settings,
        generator=torch.Generator().manual_seed(given.seed),
        on_step=lambda step, steps: on_work(work * step // steps),
    )


def _judged(given: Given, found: StickerResult, place: int) -> Ran:
    answers = predict(given.network.model, found.adversarial).classes
    part = _Part([len(answers)], [l2_dissimilarity(given.images, found.adversarial)])
    part.dead_gradient_share = [found.dead_gradient_share]
    part.loss_first = [float(found.history[:, 0].mean())]
    part.loss_last = [float(found.margin.mean())]
    shown = given.shown
    pictures = sticker_pictures(
        given.images[shown],
        found.adversarial[shown],
        of_image(given.mask, shown),
        answers[shown],
        place,
    )
    return answers[None], [part], pictures, descent_within(found)


@dataclass
class _Part:
    """What the groups say of one target beside their answers."""

    images: list[int] = field(default_factory=list)
    l2_dissimilarity: list[float | None] = field(default_factory=list)
    dead_gradient_share: list[float | None] = field(default_factory=list)
    loss_first: list[float | None] = field(default_factory=list)
    loss_last: list[float | None] = field(default_factory=list)

    def add(self, found: Attacked, row: int) -> None:
        """Take what one group's attack says."""
        distances = found.l2_dissimilarity
        self.images.append(len(found.true))
        self.l2_dissimilarity.append(None if distances is None else distances[row])
        self.dead_gradient_share.append(found.dead_gradient_share[row])
        self.loss_first.append(mean_loss(found.loss[row, :1]))
        self.loss_last.append(mean_loss(found.loss[row, -1:]))

    def mean(self, values: list[float | None]) -> float | None:
        """Average over the images; None if nothing is known."""
        known = [(v, n) for v, n in zip(values, self.images, strict=True) if v is not None]
        total = sum(images for _, images in known)
        return sum(value * images for value, images in known) / total if total else None


def _target(given: Given, target: int | None, answers: Tensor, part: _Part) -> TargetFound:
    rates = attack_rates(given.clean, answers, given.labels, target)
    return TargetFound(
        target=target,
        answers=tuple(answers.tolist()),
        success=rates.attack_success_rate,
        reached=rates.target_reached_rate,
        l2_dissimilarity=part.mean(part.l2_dissimilarity),
        dead_gradient_share=part.mean(part.dead_gradient_share),
        loss_first=part.mean(part.loss_first),
        loss_last=part.mean(part.loss_last),
    )
