"""Evaluations beside each other: the rates that they are compared by, brackets and pairs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from blurnet.evaluation import Rate
from blurnet.evaluation.evidence import AttackFound, Evidence
from blurnet.evaluation.statistics import paired
from blurnet.experiments.brackets import Fooled
from blurnet.report.blocks import Block, Paragraph, Section, blocks
from blurnet.report.evidence.audit import struck_words, worst_struck
from blurnet.report.evidence.bracket import Bracket, bracket_of, complement
from blurnet.report.evidence.words import verdict_words
from blurnet.report.measures import Measured
from blurnet.report.pairs import detectable_words, p_words
from blurnet.report.tables import Cell, Column, Row, Table, Words
from blurnet.report.words import ACCURACY, CONTROL, STRONGEST, SUCCESS, Measure, percent

UNDER_ATTACK = Measure(
    "accuracy under the worst case",
    "images that the network classifies rightly and that no attack fools: the true robust accuracy "
    "is at most that",
)
CEILING = Measure(
    "wrong with the place known",
    "1 − the ceiling: images not classified as their class with the sticker's pixels filled in, "
    "the best of three ways",
)
ANY_TARGET = Measure(
    "attack success at any target", "images that the sticker of at least one target fools"
)
NETWORK, ATTACKS = "The network", "Attacks"


def measures(evidence: Evidence) -> Iterator[Measured]:
    """Give the rates that an evaluation is compared by."""
    key, held = _images_key(evidence), _held(evidence)
    filled = next(each for each in evidence.ceiling.fills if each.name == evidence.ceiling.best)
    wrong = [answer != label for answer, label in zip(filled.answers, evidence.labels, strict=True)]
    for measure, rate, counted in (
        (ACCURACY, evidence.accuracy, _counted(key, _right(evidence))),
        (UNDER_ATTACK, evidence.worst.accuracy, _counted(key, held)),
        (CONTROL, evidence.control.success, None),
        (CEILING, complement(evidence.ceiling.accuracy), _counted(key, wrong)),
    ):
        why = worst_struck(evidence) if measure is UNDER_ATTACK else ""
        yield _measured(NETWORK, "all images", measure, rate, counted, why)
    if evidence.control.strongest is not None:
        yield _measured(NETWORK, "all images", STRONGEST, evidence.control.strongest)
    struck = [struck_words(evidence.struck(found.attack.name)) for found in evidence.attacks]
    for found, why in zip(evidence.attacks, struck, strict=True):
        yield _measured(ATTACKS, found.attack.name, SUCCESS, found.success, None, why)
    for found, why in zip(evidence.attacks, struck, strict=True):
        fooled = _counted(key, _fooled(evidence, found))
        yield _measured(ATTACKS, found.attack.name, ANY_TARGET, found.any_target, fooled, why)
    lost = _counted(key, [not each for each in held])
    worst, why = evidence.worst.success, worst_struck(evidence)
    yield _measured(ATTACKS, "worst case over all attacks", ANY_TARGET, worst, lost, why)


def _images_key(evidence: Evidence) -> str:
    """Tell the images of an evaluation from any others."""
    labels = [evidence.classes[label] for label in evidence.labels]
    digest = hashlib.sha256(repr((evidence.names, evidence.shape, labels)).encode())
    if "clean" in evidence.tensors:
        digest.update(evidence.tensors["clean"].contiguous().numpy().data)
    return digest.hexdigest()


def _counted(key: str, counted: Sequence[bool]) -> Fooled:
    return Fooled(scene=key, tried=1, counts=(" ".join(str(int(each)) for each in counted),))


def _fooled(evidence: Evidence, found: AttackFound) -> list[bool]:
    """Say which images some target's sticker fools; that of an image's own class does not count."""
    return [
        any(target.answers[place] != label and target.target != label for target in found.targets)
        for place, label in enumerate(evidence.labels)
    ]


@dataclass(frozen=True)
class Beside:
    """An evaluation beside others, as ``evidence_beside.html.j2`` shows it.

    Args:
        name: what the page calls it.
        network: what was evaluated.
        defense: what hardened it.
        verdict: whether its conditions hold, in words.
        passed: whether they do.
        bracket: the picture.

    """

    name: str
    network: str
    defense: str
    verdict: str
    passed: bool
    bracket: Bracket


Evaluations = Mapping[str, Evidence]
"""By the names that the page calls them."""


def beside(evaluations: Evaluations) -> list[Section]:
    """Make the sections that evaluations beside each other have of their own.

    Args:
        evaluations: at least two.

    """
    shown = tuple(
        Beside(
            name,
            evidence.network,
            evidence.defense or "not hardened, as far as blurnet knows",
            verdict_words(evidence),
            evidence.passed,
            bracket_of(evidence),
        )
        for name, evidence in evaluations.items()
    )
    found = [Section("The brackets", "evidence_beside.html.j2", shown)]
    notes = (*_notes(evaluations), *_pairs(evaluations))
    return [*found, blocks("Image by image", *notes)] if notes else found


def same_images(evaluations: Evaluations) -> bool:
    """Say whether all looked at the same images, in the same order."""
    first, *others = evaluations.values()
    return all(_alike(first, other) for other in others)


def _alike(first: Evidence, other: Evidence) -> bool:
    shown = [
        (each.names, each.shape, [each.classes[label] for label in each.labels])
        for each in (first, other)
    ]
    clean = [each.tensors.get("clean") for each in (first, other)]
    return shown[0] == shown[1] and (
        clean[0] is None or clean[1] is None or torch.equal(clean[0], clean[1])
    )


def _notes(evaluations: Evaluations) -> Iterator[Paragraph]:
    if not same_images(evaluations):
        yield Paragraph(
            "these evaluations looked at different images: a difference of their rates may be one "
            "of the images.",
            "note",
        )
    pixels = sorted({each.mask_pixels for each in evaluations.values()})
    if len(pixels) > 1:
        yield Paragraph(f"the masks have {' and '.join(map(str, pixels))} pixels.", "note")


def _pairs(evaluations: Evaluations) -> Iterator[Block]:
    """Count how the answers of two evaluations of the same images go together."""
    if len(evaluations) != 2 or not same_images(evaluations):
        return
    (one, first), (two, second) = evaluations.items()
    rows = [
        ("without a sticker", _right(first), _right(second)),
        ("under the worst case", _held(first), _held(second)),
    ]
    yield Table(
        f"The same {len(first.labels)} images in both: how many are classified rightly",
        (
            Column("in both"),
            Column(f"only in {one}"),
            Column(f"only in {two}"),
            Column("in neither"),
            Column("exact McNemar test"),
        ),
        tuple(
            Row(
                name,
                (
                    *(
                        _count(left, right, wanted)
                        for wanted in ((True, True), (True, False), (False, True), (False, False))
                    ),
                    _test(left, right),
                ),
            )
            for name, left, right in rows
        ),
        labels="Images",
        caption="Only the images on which the two differ tell them apart. "
        + detectable_words(len(first.labels)),
    )


def _count(left: Sequence[bool], right: Sequence[bool], wanted: tuple[bool, bool]) -> Cell:
    count = sum(pair == wanted for pair in zip(left, right, strict=True))
    return Words(str(count), percent(count / len(left)))


def _test(left: Sequence[bool], right: Sequence[bool]) -> Cell:
    pair = paired(torch.tensor(left), torch.tensor(right))
    return Words(p_words(pair.p), "they differ" if pair.settled else "not settled")


def _right(evidence: Evidence) -> list[bool]:
    return [a == b for a, b in zip(evidence.clean.classes, evidence.labels, strict=True)]


def _held(evidence: Evidence) -> list[bool]:
    return [by is None for by in evidence.worst.by]


def _measured(
    table: str,
    row: str,
    measure: Measure,
    rate: Rate,
    counted: Fooled | None = None,
    struck: str = "",
) -> Measured:
    return Measured(table, row, measure, rate.value, rate, rate.total, counted, struck)
