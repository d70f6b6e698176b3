"""Several runs and evaluations on one page: what was asked differently, the same rows together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

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
from blurnet.report.evidence import beside
from blurnet.report.figures.bars import compared_rates
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import Curve, Point, setting_curves
from blurnet.report.measures import Measured
from blurnet.report.page.page import REPORT
from blurnet.report.page.raw import flat
from blurnet.report.page.source import EvidenceSource, Source
from blurnet.report.tables import NOTHING, Cell, Column, Number, Row, Share, Table, Words
from blurnet.report.words import ABSENT, INTERVAL, Measure


@dataclass(frozen=True, eq=False)
class Compared:
    """A run or an evaluation beside others: what the page calls it, and its rates, read once."""

    name: str
    source: Source
    measures: tuple[Measured, ...]


@dataclass(frozen=True)
class Card:
    """What ``runs.html.j2`` shows of each: its name, a link to its own page, and facts."""

    name: str
    link: str | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class ComparedRow:
    """A row: its name, and what each of those compared has for it."""

    name: str
    rates: tuple[Measured | None, ...]


@dataclass(frozen=True)
class ComparedTable:
    """One measure of one table, for all rows of any of those compared."""

    about: str
    measure: Measure
    rows: tuple[ComparedRow, ...]

    @property
    def title(self) -> str:
        """What it shows."""
        return f"{self.about}: {self.measure.name}"


def named(sources: Sequence[Source]) -> list[Compared]:
    """Call each by the end of its folder's path, as much of it as tells them apart."""
    paths = [source.folder.resolve() for source in sources]
    names: list[str] = []
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return [
        Compared(name, source, tuple(source.measures()))
        for name, source in zip(names, sources, strict=True)
    ]


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


def differences(compared: Sequence[Compared]) -> dict[str, list[str]]:
    """Give the settings that are not the same in all: name → the value in each, as text.

    A row or an attack that some do not have is one line.
    """
    apart = [_apart(each.source.settings) for each in compared]
    shared = set.intersection(*(set(named) for _, named in apart))
    asked = [
        {"experiment": each.source.name}
        | dict(flat(plain))
        | {name: "asked for" for name in named if name not in shared}
        | dict(flat({name: inside for name, inside in named.items() if name in shared}))
        for each, (plain, named) in zip(compared, apart, strict=True)
    ]
    names = dict.fromkeys(name for each in asked for name in each)
    found = {name: [_text(each.get(name, ABSENT)) for each in asked] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def compared_tables(compared: Sequence[Compared]) -> list[ComparedTable]:
    """Lay the rates out: for each table and measure, rows by name, a rate for each compared."""
    found: dict[tuple[str, Measure], dict[str, dict[str, Measured]]] = {}
    called: dict[tuple[str, str], Measure] = {}
    for each in compared:
        for measured in each.measures:
            measure = called.setdefault((measured.table, measured.measure.name), measured.measure)
            rows = found.setdefault((measured.table, measure), {})
            rows.setdefault(measured.row, {}).setdefault(each.name, measured)
    return [
        ComparedTable(
            about,
            measure,
            tuple(
                ComparedRow(row, tuple(by.get(each.name) for each in compared))
                for row, by in rows.items()
            ),
        )
        for (about, measure), rows in found.items()
    ]


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
        "Small figures and whiskers: 95\u00a0% interval. Where two intervals overlap, so many "
        "images do not settle a difference.",
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
    return Share(measured.value, measured.limits, f"{measured.images} images", bar=True)


def _difference(rates: Sequence[Measured | None]) -> Iterator[Cell]:
    """Give the difference of two, in points; of more there is none."""
    if len(rates) == 2:
        first, second = rates
        if first is None or second is None:
            yield NOTHING
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


def _apart(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part settings into plain ones, and attacks and rows by their names, so that the same meet."""
    attacks = settings.get("attacks") or {}
    named: dict[str, Any] = {}
    if isinstance(attacks, Mapping):
        named |= {f"attack {name}": attack for name, attack in attacks.items()}
    else:
        named |= {f"attack {attack.get('name')}": attack for attack in attacks}
    for row in settings.get("rows", ()):
        name, count = f"row {row.get('label')}", 1
        while name in named:
            count += 1
            name = f"row {row.get('label')} ({count})"
        named |= {name: {key: value for key, value in row.items() if key != "published"}}
    plain = {key: value for key, value in settings.items() if key not in {"attacks", "rows"}}
    return _joined(plain), _joined(named)


def _joined(values: Any) -> Any:
    """Write lists without structure as one text."""
    if isinstance(values, dict):
        return {key: _joined(value) for key, value in values.items()}
    if isinstance(values, list) and not any(isinstance(value, dict | list) for value in values):
        return ", ".join(map(str, values)) or "none"
    return [_joined(value) for value in values] if isinstance(values, list) else values


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
