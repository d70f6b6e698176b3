"""What the page's sections are made from: a run, and functions from it to what a template shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from blurnet.engine import Records
from blurnet.report.words import by_transfer

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished run: what ``results.json`` holds, and its records."""

    results: Values
    records: Records

    @cached_property
    def groups(self) -> dict[str, list[Values]]:
        """The rows by transfer."""
        return by_transfer(self.results["rows"])

    @cached_property
    def stickers(self) -> dict[str, str]:
        """The key of the sticker's cell that the rows of each transfer share."""
        return {
            transfer: self.needs(rows[0]["cell"])["sticker"]
            for transfer, rows in self.groups.items()
        }

    def needs(self, key: str) -> dict[str, str]:
        """Give the keys of the cells that a cell read, by role."""
        needs: dict[str, str] = self.records.description(key)["needs"]
        return needs

    @property
    def facts(self) -> dict[str, str]:
        """When, on what, and with what the run was made."""
        versions = self.results["versions"]
        apart = {"machine": "Machine", "system": "System"}
        return {
            "Created": self.results["created"],
            **{name: versions[key] for key, name in apart.items() if key in versions},
            "Versions": ", ".join(f"{k} {v}" for k, v in versions.items() if k not in apart),
        }


Sections = Mapping[str, Callable[[Run], Values]]
"""Title → section, in the page's order; ``templates/<function's name>.html.j2`` shows it."""
