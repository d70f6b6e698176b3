"""A finished run: its typed results and its records, which the sections of a page are made from."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from blurnet.engine import Outcome, Provenance, Records
from blurnet.experiments.results import Results
from blurnet.report.blocks import Fact

Row = TypeVar("Row", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)
Values = TypeVar("Values", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Run(Generic[Asked, Row]):
    """A finished run: what ``results.json`` holds, and its records."""

    results: Results[Asked, Row]
    records: Records

    def read(self, key: str, values: type[Values]) -> Outcome[Values]:
        """Read what a step found; see ``Records.read``."""
        return self.records.read(key, values)

    def need(self, key: str, role: str) -> str | None:
        """Give the key of the step whose outcome a step read in that role, if it read one."""
        return self.records.recorded(key).needs.get(role)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """When, on what, and with what the run's records were computed."""
        by = self.results.computed_by
        told = [Fact("Created", self.results.created)]
        for place, each in enumerate(by, start=1):
            told += provenance_facts(each, f" ({place} of {len(by)})" if len(by) > 1 else "")
        return tuple(told)


def provenance_facts(by: Provenance, which: str = "") -> list[Fact]:
    """Say with what something was computed.

    Args:
        by: with what.
        which: added to the names, where there are several.

    """
    threads = f"{by.cores} cores, {by.threads} {'thread' if by.threads == 1 else 'threads'}"
    versions = ", ".join(f"{package} {version}" for package, version in by.versions.items())
    return [
        Fact(f"Machine{which}", f"{by.machine}, {threads}"),
        Fact(f"System{which}", by.system),
        Fact(f"Versions{which}", versions),
    ]
