"""What is audited: an evaluation while it is made, one that was made, or a network alone."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, mask_of
from blurnet.errors import BlurnetError

from ..control import control_of
from ..descent import Descent
from ..evidence import AuditCheck, Control, Evidence
from ..inputs import Labels, labels_of, understood
from ..metrics import attacked_images
from ..predict import predict
from ..suite import Suite
from ..suite_attacks import Found, Given, run_attack
from ..suites import suite_of
from .audited import SAMPLE, Audited
from .checks import CHECKS, CONDITION, audit, audit_condition

QUICK = "quick"
"""The suite whose audit is quick, too."""

WORK = 150
"""About so many passes of each image of the sample a check costs: for the progress that is shown,
alone."""


def checks_of(
    model: nn.Module,
    suite: Suite,
    given: Given,
    found: Sequence[Found],
    control: Control,
    on_work: Callable[[int], None],
) -> tuple[AuditCheck, ...]:
    """Audit an evaluation.

    Args:
        model: as its caller gave it.
        suite: what was run.
        given: what all attacks were given.
        found: what they found.
        control: random colours.
        on_work: called with the work done, of ``work_of_audit``.

    """
    audited = Audited(
        given.network,
        given.images,
        given.labels,
        given.mask,
        given.clean,
        tuple(found),
        _strongest(control),
        given.seed,
        given.shown,
        trained=any(module.training for module in model.modules()),
    )
    each = work_of_audit(suite, given.labels) // len(CHECKS)
    return audit(audited, quick=suite.name == QUICK, on_check=lambda done, *_: on_work(each * done))


def work_of_audit(suite: Suite, labels: Tensor) -> int:
    """Say about how many images an audit puts through the network."""
    return 0 if suite.name == QUICK else WORK * min(SAMPLE, len(labels)) * len(CHECKS)


def audit_network(
    model: nn.Module,
    images: Tensor,
    labels: Labels,
    mask: Tensor,
    *,
    classes: Sequence[str] | None = None,
    suite: str | Suite = "standard",
    seed: int = 0,
    source: nn.Module | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[AuditCheck, ...]:
    """Audit a suite's attacks on a network, without an evaluation.

    Args:
        model: images in [0, 1] in, logits out; anything that ``blurnet.Classifier`` takes. Left as
            it is.
        images: a few are enough, at least ten; N × C × H × W.
        labels: their classes by name or index, one for each image, or one for all.
        mask: where a sticker may be, H × W, or N × H × W.
        classes: what the logits are called, if the network does not say it itself.
        suite: whose attacks.
        seed: of all chance.
        source: the network that the attacks are made on, if it is not the one that is tested.
        on_step: called with the attacks and checks that are done, and how many there are.

    Raises:
        BlurnetError: for what does not fit. An attack that the network does not take is left out.

    """
    check_images(images)
    mask_of(mask, images)
    chosen = suite_of(suite)
    tested = understood(model, images, classes)
    attacked = tested if source is None else understood(source, images, classes)
    label = labels_of(labels, tested, len(images), "labels")
    clean = predict(tested.model, images).classes
    every = torch.arange(len(images))
    given = Given(attacked, images, label, mask, clean, seed, every)
    total = len(chosen.attacks) + len(CHECKS)
    found: list[Found] = []
    for place, attack in enumerate(chosen.attacks):
        if on_step is not None:
            on_step(place, total)
        with suppress(BlurnetError):  # the checks say what stops it
            found.append(run_attack(given, attack, len(found), lambda _: None))
    audited = Audited(
        tested,
        images,
        label,
        mask,
        clean,
        tuple(found),
        _strongest(control_of(tested.model, images, label, mask)),
        seed,
        every,
        source=source,
        trained=any(module.training for module in model.modules()),
    )

    def on_check(done: int, *_: object) -> None:
        if on_step is not None:
            on_step(len(chosen.attacks) + done, total)

    return audit(audited, quick=chosen.name == QUICK, on_check=on_check)


def audit_again(
    evidence: Evidence,
    model: nn.Module,
    on_check: Callable[[int, int, str], None] | None = None,
) -> Evidence:
    """Audit an evaluation's attacks by its pictures, its figures and the network.

    Args:
        evidence: with its pictures: at most 40 of its images.
        model: the network that was evaluated; another is found out by its weights.
        on_check: see ``audit``.

    Returns:
        The evidence with this audit in place of the one that it had, if it had one.

    Raises:
        BlurnetError: if it has no pictures, or the network does not take them.

    """
    tensors = evidence.tensors
    if "clean" not in tensors:
        raise BlurnetError(
            "the evaluation kept no pictures, without which its attacks cannot be audited"
        )
    images, shown = tensors["clean"].float() / 255, tensors["shown"]
    network = understood(model, images, evidence.classes)
    audited = Audited(
        network,
        images,
        torch.tensor(evidence.labels)[shown],
        tensors["mask"],
        predict(network.model, images).classes,
        tuple(_kept(evidence, place) for place in range(len(evidence.attacks))),
        _strongest(evidence.control),
        evidence.seed,
        torch.arange(len(images)),
        made_on=evidence.weights,
    )
    checks = audit(audited, quick=evidence.suite.name == QUICK, on_check=on_check)
    others = tuple(each for each in evidence.conditions if each.name != CONDITION)
    conditions = (*others, *audit_condition(checks))
    return evidence.model_copy(update={"audit": checks, "conditions": conditions})


def _strongest(control: Control) -> float:
    return (control.strongest or control.success).value


def _kept(evidence: Evidence, place: int) -> Found:
    """Give what an attack found on the images that were kept."""
    figures, shown = evidence.attacks[place], evidence.tensors["shown"]
    labels = torch.tensor(evidence.labels)
    targets = tuple(each.target for each in figures.targets)
    answers = torch.tensor([each.answers for each in figures.targets])
    counted = attacked_images(labels, targets, len(labels))
    fooled = ((answers != labels) & counted).any(0)[shown]
    few = tuple(
        each.model_copy(update={"answers": tuple(row[shown].tolist())})
        for each, row in zip(figures.targets, answers, strict=True)
    )
    descent = Descent.within(evidence.tensors, place)
    few_figures = figures.model_copy(update={"targets": few})
    return Found(few_figures, fooled, evidence.tensors, None, descent)
