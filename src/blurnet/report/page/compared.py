"""What several runs and evaluations have in common, and in what they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blurnet.report.measures import Measured
from blurnet.report.page.raw import flat
from blurnet.report.page.source import Source
from blurnet.report.words import ABSENT, Measure


@dataclass(frozen=True, eq=False)
class Compared:
    """A run or an evaluation beside others: what the page calls it, and its rates, read once."""

    name: str
    source: Source
    measures: tuple[Measured, ...]


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


def differences(compared: Sequence[Compared]) -> dict[str, list[str]]:
    """Give the settings that are not the same in all: name → the value in each, as text.

    A row or an attack that some do not have is one line.
    """
    apart = [_apart(each.source.settings) for each in compared]
    shared = set.intersection(*(set(named) for _, named in apart))
    asked = [
        {"network" if each.source.what == "evidence" else "experiment": each.source.name}
        | dict(flat(plain))
        | {name: "asked for" for name in named if name not in shared}
        | dict(flat({name: inside for name, inside in named.items() if name in shared}))
        for each, (plain, named) in zip(compared, apart, strict=True)
    ]
    names = dict.fromkeys(name for each in asked for name in each)
    found = {name: [_text(each.get(name, ABSENT)) for each in asked] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


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
