"""The bracket of several networks on one scene, between control and ceiling, as a table."""

from collections.abc import Sequence

from blurnet.evaluation import Rate
from blurnet.experiments.brackets import Bracketed, Covered
from blurnet.report.cells import NOTHING, Cell, Words, rate_cell
from blurnet.report.tables import Column, Row, Table
from blurnet.report.words import ACCURACY, percent

COLUMNS = (
    Column(ACCURACY.name, "accu-\nracy"),
    Column("under random colours", "random\ncolours", group="Accuracy with the place covered"),
    Column(
        "under the strongest sticker nobody searched for",
        "strong.\ncontrol",
        group="Accuracy with the place covered",
    ),
    Column("ceiling: the place filled in", "ceil-\ning", group="Accuracy with the place covered"),
    Column("under the worst case over attacks", "worst\ncase", interval=True, style="bold"),
    Column("the truth lies between", "the truth\nin between"),
    Column("well-posed", "well-\nposed"),
)


def bracket_table(title: str, rows: Sequence[tuple[str, Bracketed]]) -> Table:
    """Lay out brackets.

    Args:
        title: what they are about.
        rows: what each is called, and itself; at least one.

    """
    attacks = ", ".join(rows[0][1].attacks)
    return Table(
        title,
        COLUMNS,
        tuple(Row(name, _cells(bracket)) for name, bracket in rows),
        caption=f"Accuracies on {rows[0][1].images} views; small figures: 95\u00a0% interval. The "
        f"worst case is over: {attacks}, and the stickers of the control. Nothing was certified, "
        "so the lower end is 0. Ill-posed: "
        "random colours or filling the place in cost more than 5 points, so that success there "
        "measures covering rather than attacking: do not quote it.",
        below="ill-posed: random colours or filling the place in cost more than 5 points",
    )


def _cells(bracket: Bracketed) -> tuple[Cell, ...]:
    covered = bracket.covered
    low = 0.0 if bracket.certified is None else bracket.certified.value
    if covered is None:
        references: tuple[Cell, ...] = (NOTHING,) * 3
    else:
        references = (
            rate_cell(complement(covered.control)),
            rate_cell(complement(covered.strongest), note=strongest_words(covered)),
            rate_cell(covered.ceiling, note=", ".join(covered.fills)),
        )
    return (
        rate_cell(bracket.accuracy),
        *references,
        rate_cell(bracket.attacked),
        Words(
            f"{100 * low:.0f}–{100 * bracket.attacked.value:.1f}\u00a0%",
            short=f"{100 * low:.0f}–{100 * bracket.attacked.value:.1f}",
        ),
        NOTHING if covered is None else posed_cell(covered),
    )


def posed_cell(covered: Covered) -> Cell:
    """Say whether figures on a place measure attacking."""
    costs = (
        f"colours cost {100 * covered.colors_cost:.1f}, filling in "
        f"{100 * covered.covering_costs:.1f} points"
    ).replace("-", "−")
    return Words("yes", costs) if covered.well_posed else Words("ill-posed", costs, short="ILL")


def strongest_words(covered: Covered) -> str:
    """Name the control's strongest stickers."""
    names = covered.strongest_by
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def weak_words(success: Rate, covered: Covered | None) -> str:
    """Say that an attack does less than a sticker nobody searched for, if it does."""
    if covered is None or success.value >= covered.strongest.value - 1e-9:
        return ""
    return (
        f"A {strongest_words(covered)} sticker that nobody searched for is enough for "
        f"{percent(covered.strongest.value)}, more than the attack: it shows nothing of the "
        "network's robustness."
    )


def complement(rate: Rate) -> Rate:
    """Give the rate of what was not counted."""
    return Rate(1 - rate.value, 1 - rate.high, 1 - rate.low, rate.total - rate.count, rate.total)
