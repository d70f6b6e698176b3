"""The audit of an evaluation: its table, and what it strikes through."""

from collections.abc import Iterator, Sequence

from blurnet.evaluation.audit import CHECKS
from blurnet.evaluation.evidence import AuditCheck, Evidence
from blurnet.report.blocks import Block, Paragraph, Verdict
from blurnet.report.cells import Struck
from blurnet.report.tables import NOTHING, Cell, Column, Row, Table, Words
from blurnet.report.words import counted, percent

MARKS = {"passed": "✓ passed", "failed": "✗ failed", "void": "void"}


def audit_blocks(evidence: Evidence) -> Iterator[Block]:
    """Give the blocks of the audit's section."""
    if not evidence.audit:
        yield Paragraph("No audit was made: nothing says whether the attacks did their work.")
        return
    failed = [check for check in evidence.audit if check.verdict == "failed"]
    yield Verdict(_title(evidence.audit, failed), _what_to_do(evidence, failed))
    yield audit_table(evidence.network, evidence.audit)


def audit_table(network: str, checks: Sequence[AuditCheck]) -> Table:
    """Give the checks one by one: measured, demanded, verdict, what to do."""
    return Table(
        f"Audit of {network}",
        (
            Column("measured", "meas-\nured"),
            Column("demanded", "demanded\n"),
            Column("verdict", "verdict\n"),
            Column("what was found, and what to do"),
        ),
        tuple(_row(check) for check in checks),
        labels="Check",
        unit="",
        words=True,
        caption="Void: the check could not tell, or does not apply. A failed check strikes figures "
        "through; they stay where they are.",
    )


def failed_words(checks: Sequence[AuditCheck]) -> Iterator[Paragraph]:
    """Give what the terminal says below the table: each failed check's sentence."""
    for check in checks:
        if check.verdict == "failed":
            yield Paragraph(f"{check.name}: {_told(check)}")


def struck_words(checks: Sequence[AuditCheck]) -> str:
    """Say why a figure is struck through, and what would attack harder; "" if it is not."""
    if not checks:
        return ""
    stronger = list(dict.fromkeys(check.stronger for check in checks if check.stronger))
    harder = f"; stronger: {', '.join(stronger)}" if stronger else ""
    return f"not to be quoted: {', '.join(check.name for check in checks)}{harder}"


def worst_struck(evidence: Evidence) -> str:
    """Say why the worst case is struck through: because every attack is; "" if it is not."""
    struck = [evidence.struck(found.attack.name) for found in evidence.attacks]
    if not all(struck):
        return ""
    checks = {check.name: check for each in struck for check in each}
    return struck_words(tuple(checks.values()))


def strike(cell: Cell, why: str) -> Cell:
    """Strike a cell through, if there is a reason and something in it."""
    return Struck(cell, why) if why and cell != NOTHING else cell


def _title(checks: Sequence[AuditCheck], failed: Sequence[AuditCheck]) -> str:
    void = sum(check.verdict == "void" for check in checks)
    beside = f", {void} void" if void else ""
    if not failed:
        return f"No check fails: {len(checks) - void} pass{beside}"
    return f"{len(failed)} of {counted(len(checks), 'check')} fail{beside}"


def _what_to_do(evidence: Evidence, failed: Sequence[AuditCheck]) -> str:
    if not failed:
        return (
            "As far as these checks see, the attacks did their work on this network. What they do "
            "not see, no attack of the suite has found either."
        )
    struck = [
        f"{found.attack.name} ({struck_words(why)})"
        for found in evidence.attacks
        if (why := evidence.struck(found.attack.name))
    ]
    if not struck:
        return "No figure is struck through; the table says what to do."
    return f"Struck through wherever they stand: the figures of {'; '.join(struck)}."


def _row(check: AuditCheck) -> Row:
    known = CHECKS.get(check.name)
    demanded = _number(check.name, check.threshold)
    if demanded and known is not None:
        demanded = f"{known.demands} {demanded}"
    return Row(
        check.name,
        (
            Words(_number(check.name, check.value) or "–"),
            Words(demanded or "–"),
            Words(MARKS[check.verdict], short=check.verdict),
            Words(_told(check)),
        ),
        "" if known is None else known.about,
    )


def _told(check: AuditCheck) -> str:
    told = check.sentence
    if check.strikes:
        told += f" Struck through: {', '.join(check.strikes)}."
    return f"{told} Stronger: {check.stronger}." if check.stronger else told


def _number(name: str, value: float | None) -> str:
    known = CHECKS.get(name)
    if value is None:
        return ""
    return percent(value) if known is not None and known.share else f"{value:.3g}"
