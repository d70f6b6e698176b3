"""The network with masking: a table of what is certified, and its own brackets."""

from collections.abc import Sequence
from dataclasses import dataclass

from blurnet.evaluation import Rate
from blurnet.evaluation.evidence import Certified, Evidence
from blurnet.report.blocks import Section
from blurnet.report.evidence.bracket import Bracket, Rung
from blurnet.report.tables import NOTHING, Column, Row, Table, Words, rate_cell
from blurnet.report.words import counted, percent

COLUMNS = (
    Column("without a sticker", "without\na sticker"),
    Column("certified", "certified", interval=True),
    Column("attacked", "attacked"),
    Column("stickers tried, and certified images turned", "turned /\ntried"),
    Column("masks"),
    Column("seconds an image"),
)


@dataclass(frozen=True)
class Masking:
    """What ``evidence_masking.html.j2`` shows.

    Args:
        words: what masking is, and of which network the figures are.
        table: the families.
        brackets: of the network with masking, a family each, by its sentence.

    """

    words: str
    table: Table
    brackets: tuple[tuple[str, Bracket], ...]


def masking_sections(evidence: Evidence) -> list[Section]:
    """Make the section of the network with masking; none, if nothing was certified."""
    if not evidence.certificates:
        return []
    masking = Masking(
        words="No accuracy of the bare network is certified. These figures are of another: the "
        "same network behind double masking (blurnet.masked), which lays every mask of a family "
        "over the image and believes what stays the same. Its certified accuracy holds for every "
        "sticker of the family, whatever is painted on it.",
        table=certificates_table(evidence.certificates, evidence.accuracy),
        brackets=tuple((each.family, masked_bracket(each)) for each in evidence.certificates),
    )
    return [Section("The network with masking", "evidence_masking.html.j2", masking)]


def certificates_table(certificates: Sequence[Certified], bare: Rate) -> Table:
    """Give what is certified against each family.

    Args:
        certificates: at least one.
        bare: the accuracy without masking.

    """
    rows = [
        Row(
            "Without masking",
            (rate_cell(bare), Words("0\u00a0%", "nothing is certified"), *[NOTHING] * 4),
            "the bare network",
        )
    ]
    rows += [
        Row(
            f"Masked: {each.family}",
            (
                rate_cell(each.accuracy),
                rate_cell(each.rate),
                NOTHING if each.attacked is None else rate_cell(each.attacked),
                Words(f"{each.broken} of {each.tried:,}"),
                Words(str(each.masks)),
                Words(f"{each.seconds / len(each.answers):.2f}"),
            ),
            each.describes,
        )
        for each in certificates
    ]
    return Table(
        "Accuracy with masking, and how much of it is certified",
        COLUMNS,
        tuple(rows),
        labels="Stickers",
        bars="accuracy",
        caption="Certified: images that masking answers rightly whatever sticker of the family is "
        "put on. Attacked: images that it answers rightly under every sticker that was tried: "
        "those of the family that attacks made for the bare network, and an attack on the network "
        "with masking. The true robust accuracy with masking lies between the two.",
        below="the true accuracy with masking lies between certified and attacked",
    )


def masked_bracket(certified: Certified) -> Bracket:
    """Give the bracket of the network with masking, for one family."""
    upper = certified.attacked or certified.accuracy
    rungs = [Rung("Clean images, with masking", "no sticker", certified.accuracy, "reference")]
    if certified.attacked is not None:
        tried = counted(certified.tried, "sticker")
        rungs.append(Rung("Attacked, with masking", f"{tried} tried", upper, "worst"))
    return Bracket(tuple(rungs), upper, certified.rate)


def masked_words(certificates: Sequence[Certified]) -> str:
    """Say in a sentence what is certified; of the bare network nothing is."""
    if not certificates:
        return "No certificate was computed."
    said = ", ".join(f"{percent(each.rate.value)} against {each.family}" for each in certificates)
    return f"Of this bare network nothing is certified; with masking in front of it, {said}."
