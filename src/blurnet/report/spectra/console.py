"""The tables of spectra on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blurnet.report.spectra.depth import depth_verdict
from blurnet.report.spectra.words import (
    RATES,
    SHARE_MEASURES,
    change,
    defended,
    groups,
    smoothest,
    verdicts,
)
from blurnet.report.tables import number, table
from blurnet.report.words import span

Row = Mapping[str, Any]

ANSWERS, SHARES, DEPTH = 50, 58, 57
"""Columns of the terminal that the numbers take."""


def print_spectra(results: Mapping[str, Any], console: Console) -> None:
    """Print each group's answers, its share of high frequencies by layer, and what they say."""
    settings = results["settings"]
    for name, rows in groups(results["rows"], settings).items():
        deeper = any(row["layer"] for row in rows)
        console.print(Text(f"{name}: {rows[0]['images']} views, in %", style="bold"))
        if deeper:
            console.print(_depth(rows, console.width - DEPTH))
        else:
            console.print(_answers(rows, console.width - ANSWERS))
        looked_at = [row for row in rows if not deeper or not defended(row)]
        for layer in looked_at[0]["layers"] if looked_at else ():
            if not layer.startswith("input "):
                console.print(Text(f"\nHigh frequencies in {layer}, share in %", style="bold"))
                console.print(_shares(looked_at, layer, console.width - SHARES))
        if deeper:
            console.print(Text(f"\n{depth_verdict(rows)}"))
        for question, answer in verdicts(rows, settings).items():
            console.print(Text.assemble(f"\n{question}\n", (answer, "")))
        if not deeper and any(defended(row) for row in rows):
            console.print(Text(f"\n{smoothest(rows)}"))
        console.print()
    for measure in (*SHARE_MEASURES.values(), *RATES.values()):
        console.print(Text.assemble((measure.name, "bold"), ": ", measure.meaning))


def _answers(rows: Sequence[Row], label_width: int) -> Table:
    columns = ["accu-\nracy", "test\naccuracy", "attack\nsuccess", "95 %\ninterval"]
    columns += ["target\nreached", "con-\ntrol"]
    shown = table(label_width, columns)
    for row in rows:
        shown.add_row(
            Text(row["label"]),
            number(row["accuracy"]),
            number(row.get("test_accuracy")),
            number(row["attack_success_rate"]),
            span(row["intervals"]["attack_success_rate"]),
            number(row["target_reached_rate"]),
            number(row["control_success_rate"]),
        )
    return shown


def _shares(rows: Sequence[Row], layer: str, label_width: int) -> Table:
    columns = ["clean", "at-\ntacked", "random\ncolours", "att. −\nclean", "95 %\ninterval"]
    columns += ["att. −\nrandom", "95 %\ninterval"]
    shown = table(label_width, columns)
    for row in rows:
        if layer not in row["layers"]:
            continue
        found = row["layers"][layer]
        shown.add_row(
            Text(row["label"]),
            *(number(found[state]["mean"]) for state in ("clean", "attacked", "control")),
            *_difference(found["attacked_minus_clean"]),
            *_difference(found["attacked_minus_control"]),
        )
    return shown


def _depth(rows: Sequence[Row], label_width: int) -> Table:
    plain = next((row for row in rows if not defended(row)), None)
    columns = ["accu-\nracy", "test\naccuracy", "attack\nsuccess", "con-\ntrol"]
    columns += ["white-box\nmean/worst", "high freq.\nthere", "\nfiltered"]
    shown = table(label_width, columns)
    for row in rows:
        whitebox, layer = row["whitebox"], row["layer"]
        before = None if plain is None else plain["layers"].get(layer)
        after = row["layers"].get(layer)
        shown.add_row(
            Text(row["label"]),
            number(row["accuracy"]),
            number(row.get("test_accuracy")),
            number(row["attack_success_rate"]),
            number(row["control_success_rate"]),
            "–"
            if whitebox is None
            else f"{number(whitebox['mean']['value'])}/{number(whitebox['worst']['value'])}",
            number(None if before is None else before["clean"]["mean"]),
            number(None if after is None else after["clean"]["mean"]),
        )
    return shown


def _difference(interval: Mapping[str, float | None]) -> tuple[str, str]:
    mean = interval["mean"]
    if mean is None:
        return "–", "–"
    bounds = "–"
    if change(interval) is not None:
        bounds = "…".join(_points(interval[bound]) for bound in ("low", "high"))
    return _points(mean), bounds


def _points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.1f}".replace("-", "−")
