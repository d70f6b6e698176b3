"""A run's rows as they are, to be read by other programs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from blurnet.experiments.results import DefenseRow


def flat_rows(rows: Sequence[BaseModel]) -> list[dict[str, Any]]:
    """Flatten rows: nested names are joined with dots, entries of lists with their place.

    A row of defenses becomes one for each attack and scene, with the columns ``attack`` and
    ``scene``, and the rest of the row repeated.
    """
    return [line for row in rows for line in _lines(row)]


def to_csv(rows: Sequence[BaseModel]) -> bytes:
    """Write rows as CSV: a line for each of ``flat_rows``, the columns in order of appearance."""
    flattened = flat_rows(rows)
    columns = list(dict.fromkeys(name for row in flattened for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flattened)
    return text.getvalue().encode()


def flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Give what is inside, each with its dotted name; numbers and truth values as JSON has them."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from flat(value, f"{name}.{key}" if name else key)
    elif isinstance(values, list):
        for place, value in enumerate(values):
            yield from flat(value, f"{name}.{place}")
    elif isinstance(values, str | None):
        yield name, values
    else:
        yield name, json.dumps(values)


def _lines(row: BaseModel) -> Iterator[dict[str, Any]]:
    if not isinstance(row, DefenseRow):
        yield dict(flat(row.model_dump(mode="json")))
        return
    own = dict(flat(row.model_dump(mode="json", exclude={"attacks"})))
    if not row.attacks:
        yield own
    for attack, scenes in row.attacks.items():
        for place, scene in enumerate(scenes):
            found = {"attack": attack, "scene": place} | dict(flat(scene.model_dump(mode="json")))
            yield own | {f"attacked.{k}" if k in own else k: v for k, v in found.items()}
