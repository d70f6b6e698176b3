"""The black-box tables on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blurnet.report.tables import NUMBERS, number, table
from blurnet.report.words import (
    L2_DISSIMILARITY,
    MEASURES,
    TRANSFERS,
    by_transfer,
    comparable,
    published_words,
    span,
)


def print_blackbox(results: Mapping[str, Any], console: Console) -> None:
    """Print the rates in percent, a table for each way of transfer, and what they mean."""
    for transfer, rows in by_transfer(results["rows"]).items():
        console.print(Text(TRANSFERS[transfer] + " (in %)", style="bold"))
        settings = results["settings"]
        published = comparable(settings) and any(row["published"] for row in rows)
        console.print(_rates(rows, console.width - NUMBERS, published=published))
        if any(row["published"] for row in rows):
            console.print(Text(published_words(settings)))
        l2, images = rows[0]["l2_dissimilarity"], rows[0]["images"]
        console.print(Text(f"{L2_DISSIMILARITY.name} {l2:.3f}, {images} images\n"))
    tested = {row["label"]: row for row in results["rows"] if "test_accuracy" in row}
    if tested:
        console.print(Text("The same networks on clean test images (in %)", style="bold"))
        console.print(_test_accuracies(list(tested.values()), console.width - NUMBERS))
        console.print()
    for measure in (*MEASURES.values(), L2_DISSIMILARITY):
        console.print(Text.assemble((measure.name, "bold"), ": ", measure.meaning))


def _rates(rows: Sequence[Mapping[str, Any]], label_width: int, *, published: bool) -> Table:
    columns = ["accu-\nracy", "attack\nsuccess", "95 %\ninterval", "predict.\naltered"]
    columns += ["target\nreached", "con-\ntrol"]
    if published:
        columns.append("published\nacc/succ.")
    shown = table(label_width, columns)
    for row in rows:
        cells = [
            number(row["accuracy"]),
            number(row["attack_success_rate"]),
            span(row["intervals"]["attack_success_rate"]),
            number(row["prediction_altered_rate"]),
            number(row["target_reached_rate"]),
            number(row["control_success_rate"]),
        ]
        if published:
            given = row["published"] or {}
            pair = (given.get("accuracy"), given.get("attack_success_rate"))
            cells.append("/".join("–" if share is None else f"{100 * share:.3g}" for share in pair))
        shown.add_row(Text(row["label"]), *cells)
    return shown


def _test_accuracies(rows: Sequence[Mapping[str, Any]], label_width: int) -> Table:
    shown = table(label_width, ("test\naccuracy", "95 %\ninterval", "\nimages"))
    for row in rows:
        interval = span(row["intervals"]["test_accuracy"])
        images = str(row["test_images"])
        shown.add_row(Text(row["label"]), number(row["test_accuracy"]), interval, images)
    return shown
