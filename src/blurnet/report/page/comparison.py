"""Several runs on one page: what was asked differently, and the same rows side by side."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from blurnet.report.figures.bars import compared_rates
from blurnet.report.figures.images import interval_bar
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import setting_curves
from blurnet.report.kinds import kind_of
from blurnet.report.measures import Measured
from blurnet.report.page.page import REPORT, Section
from blurnet.report.page.raw import flat
from blurnet.report.run import Run, Values
from blurnet.report.words import INTERVAL

Runs = Mapping[str, Run]
"""Runs by the names that the page calls them."""

ABSENT = "–"


def named_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """Call each run by the end of its folder's path, as much of it as tells them apart."""
    paths = [run.records.folder.resolve() for run in runs]
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, runs, strict=True))


def sections(runs: Runs, out: Path) -> list[Section]:
    """Make the sections of a comparison.

    Args:
        runs: at least two.
        out: the folder that the page goes to; it links to the runs' own pages from there.

    """
    tables = compared_tables(runs)
    asked = differences(runs)
    made = [
        Section(
            "The runs", "runs", {"runs": [_told(name, run, out) for name, run in runs.items()]}
        ),
        Section("What was asked differently", "differences", {"names": [*runs], "asked": asked}),
    ]
    curves = list(_curves(asked, tables))
    if curves:
        made.append(Section("Over what differs", "curves", {"drawings": curves}))
    made.append(
        Section(
            "Side by side",
            "side_by_side",
            {"tables": tables, "names": [*runs], "axes": ["Table", "Measure"]},
        )
    )
    every = (m.measure for r in runs.values() for m in kind_of(r.results).measures(r.results))
    meaning = {"measures": list({each.name: each for each in every}.values()), "interval": INTERVAL}
    return [*made, Section("What the numbers mean", "definitions", meaning)]


def differences(runs: Runs) -> dict[str, list[str]]:
    """Give the settings that are not the same in all runs: name → each run's value, as text.

    A row or an attack that some of the runs do not have is one line.
    """
    apart = [_apart(run.results["settings"]) for run in runs.values()]
    shared = set.intersection(*(set(named) for _, named in apart))
    asked = [
        {"experiment": run.results["experiment"]}
        | dict(flat(plain))
        | {name: "asked for" for name in named if name not in shared}
        | dict(flat({name: named[name] for name in named if name in shared}))
        for run, (plain, named) in zip(runs.values(), apart, strict=True)
    ]
    names = dict.fromkeys(name for each in asked for name in each)
    found = {name: [_text(each.get(name, ABSENT)) for each in asked] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def compared_tables(runs: Runs) -> list[dict[str, Any]]:
    """Lay the runs' rates out: for each table and measure, rows by name, a rate for each run."""
    found: dict[tuple[str, str], dict[str, dict[str, Measured]]] = {}
    for name, run in runs.items():
        for measured in kind_of(run.results).measures(run.results):
            rows = found.setdefault((measured.table, measured.measure.name), {})
            rows.setdefault(measured.row, {})[name] = measured
    return [_table(table, measure, rows, [*runs]) for (table, measure), rows in found.items()]


def _table(
    table: str, measure: str, rows: Mapping[str, Mapping[str, Measured]], names: Sequence[str]
) -> dict[str, Any]:
    title = f"{table}: {measure}"
    shown = [{"name": row, "rates": [by.get(name) for name in names]} for row, by in rows.items()]
    points = {
        name: [
            None if (rate := by.get(name)) is None else (rate.value, rate.interval)
            for by in rows.values()
        ]
        for name in names
    }
    return {
        "for": {"Table": table, "Measure": measure},
        "title": title,
        "rows": shown,
        "bars": [
            [
                interval_bar(f"{row}, {name}", by[name].value, by[name].interval)
                if name in by
                else ""
                for name in names
            ]
            for row, by in rows.items()
        ],
        "success": "accuracy" not in measure,
        "drawing": Drawing(
            title,
            f"{title}, a mark with its interval for each run; the figures are in the table",
            partial(compared_rates, title, list(rows), points),
        ),
    }


def _curves(
    asked: Mapping[str, Sequence[str]], tables: Sequence[Mapping[str, Any]]
) -> Iterator[Drawing]:
    """Draw each table's leading measure over the one number in which the runs differ, if so."""
    if len(asked) != 1:
        return
    ((setting, texts),) = asked.items()
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return
    leading = {table["for"]["Table"]: table for table in reversed(tables)}
    for table in reversed(leading.values()):
        series = {
            row["name"]: [
                (value, rate.value, *rate.interval)
                for value, rate in zip(values, row["rates"], strict=True)
                if rate is not None
            ]
            for row in table["rows"]
        }
        series = {name: points for name, points in series.items() if len(points) > 1}
        if series:
            title = f"{table['title']} over {setting}"
            alt = f"{title}, a curve for each row; the figures are in the tables"
            yield Drawing(title, alt, partial(setting_curves, table["title"], setting, series))


def _told(name: str, run: Run, out: Path) -> Values:
    page = run.records.folder / REPORT
    link = Path(os.path.relpath(page, out)).as_posix() if page.is_file() else None
    return {
        "name": name,
        "link": link,
        "facts": {
            "Experiment": run.results["experiment"],
            "Folder": str(run.records.folder),
            **run.facts,
            "Rows": str(len(run.results["rows"])),
        },
    }


def _apart(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part settings into plain ones, and attacks and rows by their names, so that the same meet."""
    named = {f"attack {name}": attack for name, attack in (settings.get("attacks") or {}).items()}
    for row in settings.get("rows", ()):
        name, count = f"row {row['label']}", 1
        while name in named:
            count += 1
            name = f"row {row['label']} ({count})"
        named[name] = {key: value for key, value in row.items() if key != "published"}
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
