"""The tables of spectra, for the page and the terminal."""

from collections.abc import Sequence

from blurnet.experiments.results import FewTargets, SpectraRow
from blurnet.report.blocks import Block, Definitions, Heading, Paragraph, Verdict
from blurnet.report.spectra.depth import depth_verdict
from blurnet.report.spectra.high_frequency_tables import by_layer, raised_table, share_table
from blurnet.report.spectra.verdicts import smoothest, verdicts
from blurnet.report.spectra.words import (
    CHANGE,
    ENERGY,
    MINUS_CLEAN,
    MINUS_RANDOM,
    RAISED,
    SHARE,
    WHITEBOX,
    SpectraResults,
    deeper,
    groups,
    undefended,
    views_of,
)
from blurnet.report.tables import (
    NOTHING,
    Cell,
    Column,
    Row,
    Table,
    Words,
    number_cell,
    rate_cell,
    share_cell,
)
from blurnet.report.words import (
    ACCURACY,
    CONTROL,
    L2_DISSIMILARITY,
    REACHED,
    SUCCESS,
    TEST_ACCURACY,
    number,
)

MADE_ON = {"itself": "this network", "undefended": "the undefended one"}


def tables(results: SpectraResults) -> list[Block]:
    """Give what the terminal prints: each group's tables, what they say, and what they mean."""
    shown: list[Block] = []
    for name, rows in groups(results).items():
        shown.append(Heading(f"{name}: {views_of(rows[0])} views"))
        shown.append(
            depth_table("Answers", rows) if deeper(rows) else answers_table("Answers", rows)
        )
        looked_at = [row for row in rows if not deeper(rows) or not row.defense]
        for layer, its in by_layer(looked_at).items():
            if not layer.startswith("input "):
                shown.append(share_table(f"High frequencies in {layer}, share", its))
                shown.append(raised_table(f"In the talk's terms, {layer}", its))
        if deeper(rows):
            shown.append(Paragraph(depth_verdict(rows)))
        said = verdicts(rows, results.settings.cutoff)
        shown += [Verdict(question, answer) for question, answer in said.items()]
        if not deeper(rows) and any(row.defense for row in rows):
            shown.append(Paragraph(smoothest(rows)))
    return [*shown, definitions(results.rows)]


def definitions(rows: Sequence[SpectraRow]) -> Definitions:
    """Define every number."""
    whitebox = any(row.whitebox for row in rows)
    measures = [SHARE, MINUS_CLEAN, MINUS_RANDOM, ENERGY, CHANGE, RAISED, SUCCESS, ACCURACY]
    measures += [REACHED, CONTROL, *[TEST_ACCURACY] * tested(rows), *[WHITEBOX] * whitebox]
    return Definitions((*measures, L2_DISSIMILARITY))


def answers_table(title: str, rows: Sequence[SpectraRow]) -> Table:
    """Lay out what the networks answer, clean and attacked."""
    columns = [
        Column(ACCURACY.name, "accu-\nracy"),
        *[Column(TEST_ACCURACY.name, "test\naccuracy")] * tested(rows),
        Column(SUCCESS.name, "attack\nsuccess", interval=True, style="bold"),
        Column(REACHED.name, "target\nreached"),
        Column(CONTROL.name, "con-\ntrol"),
        Column(L2_DISSIMILARITY.name),
    ]
    return Table(
        title,
        tuple(columns),
        tuple(
            Row(
                row.label,
                (
                    rate_cell(row.rates.accuracy),
                    *[rate_cell(row.rates.test_accuracy)] * tested(rows),
                    rate_cell(row.rates.attack_success_rate),
                    rate_cell(row.rates.target_reached_rate),
                    rate_cell(row.rates.control_success_rate),
                    number_cell(row.rates.l2_dissimilarity),
                ),
                f"sticker made on {MADE_ON[row.attacker]}",
            )
            for row in rows
        ),
        labels="Network",
        caption=_images(rows),
    )


def depth_table(title: str, rows: Sequence[SpectraRow]) -> Table:
    """Lay out what a filter after each layer in turn costs and does."""
    plain = undefended(rows)
    there = {} if plain is None else plain.layers
    high = "high frequencies there, clean"
    columns = [
        Column("without", "high fr.\nthere", group=high),
        Column("with the filter", "\nfiltered", group=high),
        *[Column(TEST_ACCURACY.name, "test\naccuracy")] * tested(rows),
        Column("clean views right", "accu-\nracy"),
        Column(SUCCESS.name, "attack\nsuccess"),
        Column("random colours", "con-\ntrol"),
        Column("white-box, mean"),
        Column("worst target"),
        Column("", "white-box\nmean/worst"),
    ]

    def cells(row: SpectraRow) -> tuple[Cell, ...]:
        layer = row.layer or ""
        return (
            share_cell(there[layer].clean.mean) if layer in there else NOTHING,
            share_cell(row.layers[layer].clean.mean) if layer in row.layers else NOTHING,
            *[rate_cell(row.rates.test_accuracy)] * tested(rows),
            rate_cell(row.rates.accuracy),
            rate_cell(row.rates.attack_success_rate),
            rate_cell(row.rates.control_success_rate),
            *_whitebox(row.whitebox),
        )

    return Table(
        title,
        tuple(columns),
        tuple(Row(row.label, cells(row)) for row in rows),
        labels="Filter",
        caption=f"{_images(rows)} “–” under high frequencies: the maps are too small for the "
        "cut-off to part their frequencies.",
    )


def tested(rows: Sequence[SpectraRow]) -> bool:
    """Tell whether networks were asked about test images."""
    return any(row.rates.test_accuracy is not None for row in rows)


def _whitebox(found: FewTargets | None) -> tuple[Cell, Cell, Cell]:
    if found is None:
        return NOTHING, NOTHING, NOTHING
    both = f"{number(found.mean.value)}/{number(found.worst.value)}"
    worst = rate_cell(found.worst, note=found.worst_target, interval=False)
    return rate_cell(found.mean), worst, Words("", short=both)


def _images(rows: Sequence[SpectraRow]) -> str:
    test = next((r.rates.test_accuracy for r in rows if r.rates.test_accuracy is not None), None)
    more = "" if test is None else f", {test.total} test images"
    return f"{views_of(rows[0])} views{more}. Small figures: 95\u00a0% interval."
