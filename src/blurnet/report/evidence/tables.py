"""Tables of an evaluation: its attacks beside what they are compared with, and their targets."""

from blurnet.evaluation.evidence import AttackFound, Evidence
from blurnet.report.blocks import Folded
from blurnet.report.evidence.audit import strike, struck_words, worst_struck
from blurnet.report.evidence.bracket import complement
from blurnet.report.tables import (
    NOTHING,
    Cell,
    Column,
    Row,
    Table,
    Words,
    number_cell,
    rate_cell,
)
from blurnet.report.words import percent

COLUMNS = (
    Column("mean over targets", "success\nmean", group="Attack success", interval=True),
    Column("worst target", "worst\ntarget", group="Attack success", interval=True),
    Column("any target", "any\ntarget", group="Attack success"),
    Column("target reached", "target\nreached"),
    Column("L2 dissimilarity", "L2"),
    Column("seconds"),
)


def attacks_table(evidence: Evidence) -> Table:
    """Give what each attack found, below the control and the ceiling and above the worst case."""
    rows = [
        Row(
            "Random colours",
            (rate_cell(evidence.control.success), *[NOTHING] * 5),
            "the control: what covering alone does",
        ),
        *_strongest(evidence),
        Row(
            "The sticker's place known",
            (rate_cell(complement(evidence.ceiling.accuracy)), *[NOTHING] * 5),
            f"1 − the ceiling: wrong with the place filled in ({evidence.ceiling.best})",
        ),
    ]
    rows += [_attack(evidence, found) for found in evidence.attacks]
    worst = strike(rate_cell(evidence.worst.success), worst_struck(evidence))
    rows.append(
        Row(
            "Worst case over all attacks",
            (NOTHING, NOTHING, worst, *[NOTHING] * 3),
            "what the bracket's upper end is made of",
        )
    )
    return Table(
        f"{evidence.network}: {len(evidence.labels)} images under stickers",
        COLUMNS,
        tuple(rows),
        labels="Attack",
        caption="Success counts attacked images that are not classified as their class, whatever "
        "the network says without the sticker. Below each rate its 95 % interval.",
        below="success: attacked images not classified as their class",
    )


def _strongest(evidence: Evidence) -> list[Row]:
    control = evidence.control
    if control.strongest is None:
        return []
    plain = ", ".join(f"{each.name} {percent(each.success.value)}" for each in control.plain)
    cells = (NOTHING, rate_cell(control.strongest, note=control.strongest_by))
    return [
        Row(
            "Strongest sticker nobody searched for",
            (*cells, rate_cell(control.any_sticker), *[NOTHING] * 3),
            f"the control at its strongest, of random colours and plain ones: {plain}; under “any "
            "target”: by any of them",
        )
    ]


def _attack(evidence: Evidence, found: AttackFound) -> Row:
    several = len(found.targets) > 1
    worst = max(found.targets, key=lambda each: each.success.value)
    reached = [each.reached for each in found.targets if each.reached is not None]
    distances = [each.l2_dissimilarity for each in found.targets]
    known = [distance for distance in distances if distance is not None]
    share = sum(rate.value for rate in reached) / len(reached) if reached else None
    published = " RP2's published settings." if found.published else ""
    cells: tuple[Cell, ...] = (
        rate_cell(found.success),
        rate_cell(found.worst, note=_called(evidence, worst.target)) if several else NOTHING,
        rate_cell(found.any_target),
        NOTHING if share is None else rate_cell(reached[0]) if not several else _mean(share),
        number_cell(sum(known) / len(known) if known else None),
        number_cell(found.seconds, ".1f"),
    )
    why = struck_words(evidence.struck(found.attack.name))
    told = f"{found.attack.describes}{published}{f' ({why})' if why else ''}"
    figures = tuple(strike(cell, why) for cell in cells[:4])
    return Row(found.attack.name, (*figures, *cells[4:]), told)


def targets_tables(evidence: Evidence) -> tuple[Folded, ...]:
    """Give what was found at each target, for attacks at several."""
    return tuple(
        Folded(f"{found.attack.name}: each target", (_targets(evidence, found),))
        for found in evidence.attacks
        if len(found.targets) > 1
    )


def _targets(evidence: Evidence, found: AttackFound) -> Table:
    why = struck_words(evidence.struck(found.attack.name))
    in_order = sorted(found.targets, key=lambda each: -each.success.value)
    return Table(
        f"{found.attack.name} at each target, the worst first",
        (
            Column("attack success"),
            Column("target reached"),
            Column("L2 dissimilarity"),
            Column("dead gradient"),
            Column("objective, first and last step"),
        ),
        tuple(
            Row(
                _called(evidence, each.target),
                (
                    strike(rate_cell(each.success), why),
                    strike(rate_cell(each.reached), why),
                    number_cell(each.l2_dissimilarity),
                    NOTHING
                    if each.dead_gradient_share is None
                    else _mean(each.dead_gradient_share),
                    Words(_losses(each.loss_first, each.loss_last)),
                ),
            )
            for each in in_order
        ),
        labels="Target",
        caption="Images of the target's own class are not attacked and not counted. Dead gradient: "
        "the share of the sticker's values that the objective no longer moves.",
    )


def _called(evidence: Evidence, target: int | None) -> str:
    return "untargeted" if target is None else evidence.classes[target]


def _mean(share: float) -> Cell:
    return Words(f"{100 * share:.1f}\u00a0%")


def _losses(first: float | None, last: float | None) -> str:
    return " → ".join("–" if each is None else f"{each:.2f}" for each in (first, last))
