"""The table on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS = {
    "accuracy": "accuracy",
    "attack_success_rate": "attack success",
    "prediction_altered_rate": "prediction altered",
    "target_reached_rate": "target reached",
}


def print_table(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an experiment's rows.

    Args:
        results: what ``results.json`` holds.
        console: where to; standard output by default.

    """
    console = console or Console()
    table = Table(title=results["experiment"])
    for row in results["rows"]:
        table.add_row(row["label"])
    console.print(table)
