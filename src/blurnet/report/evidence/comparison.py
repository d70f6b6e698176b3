"""Several evaluations side by side: the same measures, and where they share images the pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from blurnet.evaluation import Rate
from blurnet.evaluation.evidence import Evidence
from blurnet.report.blocks import Definitions, Fact, Facts, Paragraph, Section, blocks
from blurnet.report.evidence.bracket import bracket_of, complement
from blurnet.report.evidence.sections import summary
from blurnet.report.evidence.words import DEFINITIONS
from blurnet.report.tables import NOTHING, Cell, Column, Row, Table, Words, rate_cell
from blurnet.report.words import percent

Evaluations = Mapping[str, Evidence]
"""By the names that the page calls them."""


def named(folders: Sequence[Path], found: Sequence[Evidence]) -> dict[str, Evidence]:
    """Name evaluations by their folders, with as much of the path as tells them apart."""
    paths = [folder.resolve().parts for folder in folders]
    depth = 1
    while len({path[-depth:] for path in paths}) < len(paths):
        depth += 1
    names = ["/".join(path[-depth:]) for path in paths]
    return dict(zip(names, found, strict=True))


def same_images(evaluations: Evaluations) -> bool:
    """Say whether all looked at the same images, in the same order."""
    first, *others = evaluations.values()
    return all(_alike(first, other) for other in others)


def comparison_sections(evaluations: Evaluations) -> list[Section]:
    """Make the sections of a page of several evaluations."""
    return [
        blocks("Side by side", *_notes(evaluations), measures_table(evaluations), *_pairs(evaluations)),
        *(
            Section(name, "evidence_summary.html.j2", summary(evidence))
            for name, evidence in evaluations.items()
        ),
        blocks("What was asked", *(_asked(evaluations))),
        blocks("What the numbers mean", Definitions(DEFINITIONS)),
    ]


def measures(evidence: Evidence) -> dict[str, Rate]:
    """Give an evaluation's rates by name, in the order of the table."""
    found = {
        "accuracy": evidence.accuracy,
        "control: random colours": evidence.control.success,
        "1 − ceiling: place known": complement(evidence.ceiling.accuracy),
    }
    for each in evidence.attacks:
        found[f"{each.attack.name}, mean over targets"] = each.success
        if len(each.targets) > 1:
            found[f"{each.attack.name}, any target"] = each.any_target
    found["worst case over all attacks"] = evidence.worst.success
    found["robust accuracy, at most"] = evidence.worst.accuracy
    return found


def measures_table(evaluations: Evaluations) -> Table:
    """Give a row for each measure and a column for each evaluation."""
    rates = {name: measures(evidence) for name, evidence in evaluations.items()}
    rows = dict.fromkeys(measure for each in rates.values() for measure in each)
    verdicts = tuple(
        Words("all conditions hold" if evidence.passed else _failed(evidence))
        for evidence in evaluations.values()
    )
    return Table(
        "Evaluations side by side",
        tuple(Column(name, name, interval=True) for name in evaluations),
        (
            *(
                Row(measure, tuple(rate_cell(each.get(measure)) for each in rates.values()))
                for measure in rows
            ),
            Row("conditions", verdicts),
        ),
        labels="Measure",
        caption="The accuracies are better where they are higher, everything else where it is lower."
        " Below each rate its 95 % interval.",
    )


def compared(evaluations: Evaluations) -> dict[str, Any]:
    """Give the comparison as plain values."""
    return {
        "evaluations": {
            name: {
                "network": evidence.network,
                "defense": evidence.defense,
                "passed": evidence.passed,
                "rates": {measure: asdict(rate) for measure, rate in measures(evidence).items()},
                "bracket": [
                    None if evidence.certified is None else evidence.certified.value,
                    bracket_of(evidence).upper.value,
                ],
            }
            for name, evidence in evaluations.items()
        },
        "same_images": same_images(evaluations),
    }


def _alike(first: Evidence, other: Evidence) -> bool:
    asked = (first.names, first.shape, [first.classes[label] for label in first.labels])
    if asked != (other.names, other.shape, [other.classes[label] for label in other.labels]):
        return False
    kept = [each.tensors.get("clean") for each in (first, other)]
    return kept[0] is None or kept[1] is None or torch.equal(kept[0], kept[1])


def _notes(evaluations: Evaluations) -> list[Paragraph]:
    notes = []
    if not same_images(evaluations):
        notes.append(
            "these evaluations looked at different images. Their rates stand side by side, and a "
            "difference may be one of the images."
        )
    first, *others = evaluations.values()
    if any(other.suite != first.suite or other.seed != first.seed for other in others):
        notes.append("suites or seeds differ; see what was asked.")
    masks = {each.mask_pixels for each in evaluations.values()}
    if len(masks) > 1:
        notes.append(f"the masks have {' and '.join(map(str, sorted(masks)))} pixels.")
    return [Paragraph(note, "note") for note in notes]


def _pairs(evaluations: Evaluations) -> list[Table]:
    """Count the pairs of answers of two evaluations of the same images."""
    if len(evaluations) != 2 or not same_images(evaluations):
        return []
    (one, first), (two, second) = evaluations.items()
    rows = [
        ("Without a sticker", _right(first), _right(second)),
        ("Under the worst case", _held(first), _held(second)),
    ]
    total = len(first.labels)

    def cell(*held: bool) -> Cell:
        count = sum(held)
        return Words(str(count), percent(count / total)) if total else NOTHING

    return [
        Table(
            f"The same {total} images",
            (
                Column("right in both"),
                Column(f"only in {one}"),
                Column(f"only in {two}"),
                Column("wrong in both"),
            ),
            tuple(
                Row(
                    name,
                    (
                        cell(*(a and b for a, b in zip(left, right, strict=True))),
                        cell(*(a and not b for a, b in zip(left, right, strict=True))),
                        cell(*(b and not a for a, b in zip(left, right, strict=True))),
                        cell(*(not a and not b for a, b in zip(left, right, strict=True))),
                    ),
                )
                for name, left, right in rows
            ),
            labels="Images",
            caption="Only the images on which the two differ tell them apart.",
        )
    ]


def _right(evidence: Evidence) -> list[bool]:
    return [a == b for a, b in zip(evidence.clean.classes, evidence.labels, strict=True)]


def _held(evidence: Evidence) -> list[bool]:
    return [by is None for by in evidence.worst.by]


def _failed(evidence: Evidence) -> str:
    return "fails: " + ", ".join(each.name for each in evidence.conditions if not each.passed)


def _asked(evaluations: Evaluations) -> list[Facts]:
    return [
        Facts(
            (
                Fact("Evaluation", name),
                Fact("Network", evidence.network),
                Fact("Hardened with", evidence.defense or "nothing that blurnet knows of"),
                Fact("Images", f"{len(evidence.labels)} of {' × '.join(map(str, evidence.shape))}"),
                Fact("Mask", f"{evidence.mask_pixels} pixels, {percent(evidence.mask_share)}"),
                Fact("Suite", f"{evidence.suite.name}, seed {evidence.seed}"),
                Fact("Finished", evidence.computed.finished),
            )
        )
        for name, evidence in evaluations.items()
    ]
