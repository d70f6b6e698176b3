"""Evaluate a network against stickers: a suite of attacks between a control and a ceiling."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, mask_of
from blurnet.certificates import Family
from blurnet.defenses import defense_of
from blurnet.devices import device_of
from blurnet.engine import Computed, provenance
from blurnet.errors import BlurnetError

from .asked_certificates import asked_certificates
from .audit import audit_condition, checks_of, weights_of, work_of_audit
from .ceiling import ceiling
from .certificates import broken_condition, certificates_of, stickers_of
from .conditions import conditions_of
from .control import control_of
from .evidence import CONTROL, Answered, Control, Evidence, WorstCase
from .inputs import Labels, labels_of, of_image, pixels_of, understood
from .metrics import rate
from .predict import predict
from .progress import OnProgress, Progress
from .suite import Suite
from .suite_attacks import Found, Given, run_attack, work_of
from .suite_pictures import bytes_of
from .suites import suite_of
from .words import defense_words

SHOWN = 40
"""So many images at most are kept as pictures, spread evenly over all."""


def evaluate(
    model: nn.Module,
    images: Tensor,
    labels: Labels,
    mask: Tensor,
    *,
    classes: Sequence[str] | None = None,
    suite: str | Suite = "standard",
    seed: int = 0,
    names: Sequence[str] | None = None,
    network: str = "network",
    on_step: OnProgress | None = None,
    max_success: float | None = None,
    min_accuracy: float | None = None,
    certify: Sequence[str | Family] | None = None,
    audit: bool = True,
) -> Evidence:
    """Measure how a network stands up to stickers in a mask.

    Clean answers; the control (ten opaque stickers of random colours, plain white and black); the
    ceiling (the sticker's
    pixels filled in); each attack of the suite; the worst case over them, image by image; and
    whether all this makes a figure that can be quoted.

    A sticker that serves all images, as RP2's formula has it, is defined for one object: where the
    images have several labels, the images of each label are a set of views of their own, with a
    sticker of their own, at all of the suite's targets but that label.

    Args:
        model: images in [0, 1] in, logits out; anything that ``blurnet.Classifier`` takes. Left as
            it is.
        images: without a sticker, float32 in [0, 1], N × C × H × W.
        labels: their classes by name or index, one for each image, or one for all.
        mask: where a sticker may be, float32 in [0, 1], H × W, or one for each image, N × H × W.
        classes: what the logits are called, if the network does not say it itself.
        suite: "standard"; "quick" for a first look, whose figures are too low to quote; or a
            ``Suite``.
        seed: of all chance. The control's stickers are always the same.
        names: of the images, for the page.
        network: what the network is called.
        on_step: called with the work done, the work in all (in images that went through the
            network, about) and what is being done.
        max_success: the worst case over attacks may be at most so much, a share; one of the
            conditions.
        min_accuracy: the accuracy without a sticker is to be at least so much, a share; likewise.
            Without, it is to be better than guessing.
        certify: families of stickers to certify the network with masking against, such as "any:5";
            see ``blurnet.certify``. By default the mask where it is, the mask moved by 2 pixels of
            32, and any square of as many pixels; () for none.
        audit: whether the attacks' figures are audited, which is one more condition. Of the quick
            suite it is a quick audit.

    Raises:
        BlurnetError: in one line, before anything is computed, for what does not fit.

    Examples:
        >>> evidence = blurnet.evaluate(model, images, labels, mask, classes=classes, suite="quick")
        >>> certified, worst = evidence.certified, evidence.worst.accuracy  # the bracket
        >>> [condition.name for condition in evidence.conditions][:2]
        ['accuracy', 'well-posed']
        >>> path = evidence.save("evidence.html")

    """
    start = time.monotonic()
    chosen = _demanding(suite_of(suite), max_success, min_accuracy)
    images, mask = images.cpu(), mask.cpu()  # pieces go to where the network is, and come back
    check_images(images)
    mask_of(mask, images)
    if not pixels_of(mask):
        raise BlurnetError(
            f"the mask has no pixel above 0.5 (its largest is {mask.max():.3g}); 1 is where the "
            "sticker is"
        )
    checked = understood(model, images, classes)
    label = labels_of(labels, checked, len(images), "labels")
    called = _names(names, len(images))
    families = asked_certificates(certify, images, mask, quick=chosen.name == "quick")
    total = sum(work_of(attack, label, checked, seed) for attack in chosen.attacks)
    total += sum(each.work for each in families)
    audits = work_of_audit(chosen, label) if audit else 0
    progress = Progress(on_step, total + audits + (chosen.control_stickers + 6) * len(images))

    progress.now("clean images")
    clean = predict(checked.model, images)
    progress.done(len(images))
    progress.now("random colours")
    control = control_of(checked.model, images, label, mask, stickers=chosen.control_stickers)
    progress.done((chosen.control_stickers + 2) * len(images))
    progress.now("the mask filled in")
    filled = ceiling(checked.model, images, label, mask)
    progress.done(3 * len(images))

    given = Given(checked, images, label, mask, clean.classes, seed, _shown(len(images)))
    found: list[Found] = []
    for place, attack in enumerate(chosen.attacks):
        progress.now(attack.name)
        found.append(run_attack(given, attack, place, progress.within))
        progress.done(work_of(attack, label, checked, seed))
    made = stickers_of(images, mask, given.shown, [each.tensors for each in found])
    certificates = certificates_of(checked.model, images, label, families, made, progress, seed)
    accuracy = rate(clean.classes == label)
    worst = _worst(clean.classes != label, found, control, label)
    progress.now("audit")
    checks = checks_of(model, chosen, given, found, control, progress.within) if audit else ()
    progress.done(audits)
    figures = tuple(each.figures for each in found)
    pixels = pixels_of(mask)
    evidence = Evidence(
        network=network,
        defense=defense_words(defense_of(checked.model)),
        classes=checked.called,
        labels=tuple(label.tolist()),
        names=called,
        shape=(images.shape[1], images.shape[2], images.shape[3]),
        mask_pixels=pixels,
        mask_share=pixels / (images.shape[2] * images.shape[3]),
        suite=chosen,
        seed=seed,
        clean=Answered(
            classes=tuple(clean.classes.tolist()), confidence=tuple(clean.confidence.tolist())
        ),
        accuracy=accuracy,
        control=control,
        ceiling=filled,
        attacks=figures,
        worst=worst,
        conditions=(
            *conditions_of(chosen, accuracy, control, filled, figures, worst, checked.logits),
            *broken_condition(certificates),
            *audit_condition(checks),
        ),
        certificates=certificates,
        audit=checks,
        weights=weights_of(checked.model),
        computed=Computed(
            by=provenance(device_of(checked.model)),
            seconds=time.monotonic() - start,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    tensors = {
        "shown": given.shown,
        "clean": bytes_of(images[given.shown]),
        "mask": of_image(mask, given.shown).float().clone(),
    }
    for place, each in enumerate(found):
        kept = each.descent is not None and each.figures.attack.gradient
        tensors |= each.tensors | (each.descent.tensors(place) if kept and each.descent else {})
    return evidence.with_tensors(tensors)


def _demanding(suite: Suite, max_success: float | None, min_accuracy: float | None) -> Suite:
    for name, share in (("max_success", max_success), ("min_accuracy", min_accuracy)):
        if share is not None and not 0 <= share <= 1:
            raise BlurnetError(f"{name} is a share of the images, in 0…1; found {share}")
        if share is not None:
            suite = suite.model_copy(update={name: share})
    return suite


def _names(names: Sequence[str] | None, images: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"image {place + 1}" for place in range(images))
    if len(names) != images:
        raise BlurnetError(f"{len(names)} names for {images} images; give one for each")
    return tuple(names)


def _shown(images: int) -> Tensor:
    """Give which images are kept as pictures."""
    if images <= SHOWN:
        return torch.arange(images)
    return torch.linspace(0, images - 1, SHOWN).round().long()


def _worst(wrong: Tensor, found: Sequence[Found], control: Control, labels: Tensor) -> WorstCase:
    """Count an image as fooled if it is wrong without a sticker, or any sticker tried fools it."""
    by: list[str | None] = ["clean" if each else None for each in wrong.tolist()]
    for each in found:
        for place in each.fooled.nonzero().flatten().tolist():
            by[place] = by[place] or each.figures.attack.name
    stickers = [*control.answers, *(plain.answers for plain in control.plain)]
    for place in (torch.tensor(stickers) != labels).any(0).nonzero().flatten().tolist():
        by[place] = by[place] or CONTROL
    fooled = torch.tensor([each is not None for each in by])
    return WorstCase(success=rate(fooled), accuracy=rate(~fooled), by=tuple(by))
