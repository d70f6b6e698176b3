"""A run's rows as they are, to be read by other programs."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def flat_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Flatten rows: nested names are joined with dots, entries of lists with their place.

    Rows with ``attacks`` (name → a result for each scene) become one for each attack and scene,
    with the columns ``attack`` and ``scene``, and the rest of the row repeated.
    """
    flattened = []
    for row in rows:
        rest = {name: value for name, value in row.items() if name != "attacks"}
        own = dict(flat(rest))
        scenes = [
            {"attack": attack, "scene": place, **dict(flat(scene))}
            for attack, its_scenes in (row.get("attacks") or {}).items()
            for place, scene in enumerate(its_scenes)
        ]
        flattened += [
            own | {f"attacked.{k}" if k in own else k: v for k, v in scene.items()}
            for scene in scenes or [{}]
        ]
    return flattened


def to_csv(rows: Sequence[Row]) -> bytes:
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
