"""The table on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from blurnet.report.kinds import kind_of


def print_table(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an experiment's rows.

    Args:
        results: what ``results.json`` holds.
        console: where to; standard output by default. From 80 columns on no row is wrapped; a label
            that is too long is cut.

    Raises:
        BlurnetError: if the experiment is of a kind that this version does not know.

    """
    kind_of(results).table(results, console or Console())
