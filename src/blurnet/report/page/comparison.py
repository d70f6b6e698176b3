"""Several runs and evaluations on one page: what was asked differently, the same rows together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from blurnet.report.blocks import (
    Block,
    Definitions,
    Fact,
    Paragraph,
    Part,
    Plots,
    Section,
    Switch,
    blocks,
)
from blurnet.report.cells import Struck
from blurnet.report.evidence import beside
from blurnet.report.figures.bars import compared_rates
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import Curve, Point, setting_curves
from blurnet.report.measures import Measured
from blurnet.report.page.compared import (
    Compared,
    ComparedTable,
    compared_tables,
    differences,
)
from blurnet.report.page.page import REPORT
from blurnet.report.page.source import EvidenceSource
from blurnet.report.pairs import difference_cell, difference_of
from blurnet.report.tables import NOTHING, Cell, Column, Number, Row, Share, Table, Words
from blurnet.report.words import INTERVAL


@dataclass(frozen=True)
class Card:
    """What ``runs.html.j2`` shows of each: its name, a link to its own page, and facts."""

    name: str
    link: str | None
    facts: tuple[Fact, ...]


def sections(compared: Sequence[Compared], out: Path) -> list[Section]:
    """Make the sections of a comparison.

    Args:
        compared: at least two.
        out: the folder that the page goes to; it links to the others' own pages from there.

    """
    tables, asked = compared_tables(compared), differences(compared)
    cards = tuple(_card(each, out) for each in compared)
    made = [
        Section("The runs", "runs.html.j2", cards),
        *_evaluations(compared),
        blocks("What was asked differently", _asked(compared, asked)),
    ]
    curves = tuple(_curves(asked, tables))
    if curves:
        made.append(blocks("Over what differs", Plots(curves)))
    made.append(blocks("Side by side", *_side_by_side(compared, tables)))
    measures = {m.measure.name: m.measure for each in compared for m in each.measures}
    meaning = Definitions((*measures.values(), INTERVAL))
    return [*made, blocks("What the numbers mean", meaning)]


def _evaluations(compared: Sequence[Compared]) -> Sequence[Section]:
    """Make the sections that evaluations have of their own beside each other."""
    found = {
        each.name: each.source.evidence
        for each in compared
        if isinstance(each.source, EvidenceSource)
    }
    return beside(found) if len(found) > 1 else ()


def _side_by_side(compared: Sequence[Compared], tables: Sequence[ComparedTable]) -> Iterator[Block]:
    if not tables:
        yield Paragraph("These kinds of experiments have no rates to compare.")
        return
    names = [each.name for each in compared]
    parts = tuple(
        Part(
            {"Table": table.about, "Measure": table.measure.name},
            (_table(table, names), _drawing(table, names)),
        )
        for table in tables
    )
    yield Switch(("Table", "Measure"), parts)
    yield Paragraph(
        "Small figures and whiskers: 95\u00a0% interval. Where two runs looked at the same images, "
        "these are compared as pairs: the difference has an interval of its own and the exact "
        "McNemar test, whatever the two intervals do. On different images, or where it is not "
        "known which ones count, intervals that overlap settle nothing.",
        "caption",
    )


def _table(table: ComparedTable, names: Sequence[str]) -> Table:
    columns = [Column(name) for name in names]
    if len(names) == 2:
        columns.append(Column("second − first, points"))
    kind: Literal["success", "accuracy"] = (
        "accuracy" if "accuracy" in table.measure.name else "success"
    )
    rows = tuple(
        Row(row.name, (*map(_cell, row.rates), *_difference(row.rates))) for row in table.rows
    )
    return Table(table.title, tuple(columns), rows, labels="Row", bars=kind)


def _cell(measured: Measured | None) -> Cell:
    if measured is None:
        return NOTHING
    note = "; ".join(filter(None, [f"{measured.images} images", measured.struck]))
    cell = Share(measured.value, measured.limits, note, bar=True)
    return Struck(cell, measured.struck) if measured.struck else cell


def _difference(rates: Sequence[Measured | None]) -> Iterator[Cell]:
    """Give the difference of two, in points; of more there is none."""
    if len(rates) == 2:
        first, second = rates
        if first is None or second is None:
            yield NOTHING
        elif (paired := difference_of(first.counted, second.counted)) is not None:
            yield difference_cell(paired)
        else:
            yield Number(100 * (second.value - first.value), "+.1f")


def _drawing(table: ComparedTable, names: Sequence[str]) -> Drawing:
    marks = {
        name: [
            None if (rate := row.rates[place]) is None else (rate.value, rate.limits)
            for row in table.rows
        ]
        for place, name in enumerate(names)
    }
    rows = [row.name for row in table.rows]
    alt = f"{table.title}, a mark with its interval for each run; the figures are in the table"
    return Drawing(table.title, alt, partial(compared_rates, table.title, rows, marks))


def _curves(
    asked: Mapping[str, Sequence[str]], tables: Sequence[ComparedTable]
) -> Iterator[Drawing]:
    """Draw each table's leading measure over the one number in which the runs differ, if so."""
    if len(asked) != 1:
        return
    ((setting, texts),) = asked.items()
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return
    leading: dict[str, ComparedTable] = {}
    for table in tables:
        leading.setdefault(table.about, table)
    for table in leading.values():
        curves = [
            Curve(
                row.name,
                tuple(
                    Point(value, rate.value, rate.limits.low, rate.limits.high)
                    for value, rate in zip(values, row.rates, strict=True)
                    if rate is not None
                ),
            )
            for row in table.rows
        ]
        curves = [curve for curve in curves if len(curve.points) > 1]
        if curves:
            title = f"{table.title} over {setting}"
            alt = f"{title}, a curve for each row; the figures are in the tables"
            yield Drawing(title, alt, partial(setting_curves, table.title, setting, curves))


def _asked(compared: Sequence[Compared], asked: Mapping[str, Sequence[str]]) -> Block:
    if not asked:
        return Paragraph("Nothing: all settings are the same.")
    return Table(
        "Settings that are not the same in all runs",
        tuple(Column(each.name) for each in compared),
        tuple(Row(name, tuple(map(Words, values))) for name, values in asked.items()),
        labels="Setting",
        unit="",
        words=True,
    )


def _card(each: Compared, out: Path) -> Card:
    own = each.source.folder / REPORT
    link = Path(os.path.relpath(own, out)).as_posix() if own.is_file() else None
    return Card(each.name, link, (*each.source.facts, Fact("Folder", str(each.source.folder))))
