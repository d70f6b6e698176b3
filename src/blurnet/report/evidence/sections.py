"""The sections of an evaluation's page."""

from dataclasses import dataclass

from blurnet.evaluation.evidence import Condition, Evidence
from blurnet.report.blocks import Definitions, Details, Fact, Facts, Section, blocks
from blurnet.report.evidence.audit import audit_blocks
from blurnet.report.evidence.bracket import Bracket, bracket_of
from blurnet.report.evidence.masking import masking_sections
from blurnet.report.evidence.pictures import photographs, stickers
from blurnet.report.evidence.tables import attacks_table, targets_tables
from blurnet.report.evidence.words import (
    DEFINITIONS,
    fooled_words,
    ill_posed,
    outcome_words,
    verdict_words,
)
from blurnet.report.run import provenance_facts
from blurnet.report.words import counted, percent


@dataclass(frozen=True)
class Summary:
    """What ``evidence_summary.html.j2`` shows.

    Args:
        passed: whether all conditions hold.
        verdict: that, in words.
        outcome: what was found, in words.
        fooled: what fooled how many images.
        bracket: the picture.
        conditions: one by one.
        ill_posed: that the figures measure covering, if they do.
        quick: why figures of this suite are not to be quoted; "" if they are.

    """

    passed: bool
    verdict: str
    outcome: str
    fooled: str
    bracket: Bracket
    conditions: tuple[Condition, ...]
    ill_posed: Condition | None
    quick: str


def sections(evidence: Evidence) -> list[Section]:
    """Make the sections of an evaluation's page."""
    found = [
        Section("What came out", "evidence_summary.html.j2", summary(evidence)),
        blocks("Attacks", attacks_table(evidence), *targets_tables(evidence)),
        *masking_sections(evidence),
        blocks("Audit", *audit_blocks(evidence)),
    ]
    shown, made = photographs(evidence), stickers(evidence)
    if shown is not None:
        found.append(Section("Photographs", "photographs.html.j2", shown))
    if made is not None:
        found.append(Section("Stickers", "evidence_stickers.html.j2", made))
    return [
        *found,
        blocks("What was asked", Facts(asked_facts(evidence)), _settings(evidence)),
        blocks("Computed by", Facts(_computed(evidence))),
        blocks("What the numbers mean", Definitions(DEFINITIONS)),
    ]


def summary(evidence: Evidence) -> Summary:
    """Give what came out of an evaluation."""
    suite = evidence.suite
    return Summary(
        passed=evidence.passed,
        verdict=verdict_words(evidence),
        outcome=outcome_words(evidence),
        fooled=fooled_words(evidence),
        bracket=bracket_of(evidence),
        conditions=evidence.conditions,
        ill_posed=ill_posed(evidence),
        quick=suite.describes if suite.name == "quick" else "",
    )


def asked_facts(evidence: Evidence) -> tuple[Fact, ...]:
    """Say what was asked."""
    channels, height, width = evidence.shape
    shown = [name for at, name in enumerate(evidence.classes) if at in set(evidence.labels)]
    names = ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
    suite = evidence.suite
    limits = [
        f"success at most {percent(suite.max_success)}" if suite.max_success is not None else "",
        f"accuracy at least {percent(suite.min_accuracy)}"
        if suite.min_accuracy is not None
        else "",
    ]
    return (
        Fact("Network", evidence.network),
        Fact("Hardened with", evidence.defense or "nothing that blurnet knows of"),
        Fact(
            "Images",
            f"{counted(len(evidence.labels), 'image')} of {width} × {height} pixels, "
            f"{counted(channels, 'channel')}",
        ),
        Fact("Classes shown", f"{len(shown)} of {len(evidence.classes)}: {names}"),
        Fact(
            "Place of the sticker",
            f"{counted(evidence.mask_pixels, 'pixel')}, {percent(evidence.mask_share)} of the "
            "image",
        ),
        Fact("Suite", f"{suite.name}: {', '.join(each.name for each in suite.attacks)}"),
        Fact(
            "Demanded", ", ".join(filter(None, limits)) or "nothing beyond the suite's own checks"
        ),
        Fact("Seed", str(evidence.seed)),
    )


def _settings(evidence: Evidence) -> Details:
    return Details("All settings of the suite", evidence.suite.model_dump_json(indent=1))


def _computed(evidence: Evidence) -> tuple[Fact, ...]:
    computed = evidence.computed
    told = [
        Fact("Finished", computed.finished),
        Fact("Took", f"{computed.seconds:.0f} s"),
        *provenance_facts(computed.by),
    ]
    return tuple(told)
