"""A run: its typed results and its records, which the sections of a page are made from."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from torch import Tensor

from blurnet.engine import Outcome, Provenance, Recorded, Records
from blurnet.errors import BlurnetError
from blurnet.experiments.results import Results
from blurnet.report.blocks import Fact
from blurnet.report.words import counted
from blurnet.settings import check

Row = TypeVar("Row", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)
Values = TypeVar("Values", bound=BaseModel)
Config = TypeVar("Config", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Run(Generic[Asked, Row]):
    """A run: what ``results.json`` or ``unfinished.json`` holds, and its records."""

    results: Results[Asked, Row]
    records: Records

    def read(self, key: str, values: type[Values]) -> Outcome[Values]:
        """Read what a step found; see ``Records.read``."""
        return self.records.read(key, values)

    def tensors(self, key: str, found: Outcome[Any], *names: str) -> list[Tensor]:
        """Give tensors of a record that has to have them.

        Raises:
            BlurnetError: if it lacks one; the message says what to do.

        """
        missing = [name for name in names if name not in found.tensors]
        if missing:
            path = self.records.root / key
            raise BlurnetError(
                f"{path}: the record has no tensor {missing.pop(0)!r}; remove {path}, and the "
                "blurnet run that made it computes it again"
            )
        return [found.tensors[name] for name in names]

    def recorded(self, key: str) -> Recorded:
        """Read how a step is described; see ``Records.recorded``."""
        return self.records.recorded(key)

    def config(self, key: str, config: type[Config]) -> Config:
        """Give a step's configuration, typed."""
        return check(config, self.recorded(key).config)

    def need(self, key: str, role: str) -> str | None:
        """Give the key of the step whose outcome a step read in that role, if it read one."""
        return self.recorded(key).needs.get(role)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """When the results were put together, and with what their records were computed."""
        return (Fact("Created", self.results.created), *computed_facts(self.results.computed_by))


def computed_facts(by: tuple[Provenance, ...]) -> tuple[Fact, ...]:
    """Say with what records were computed.

    Args:
        by: each machine and set of versions once.

    """
    return tuple(
        Fact(f"{fact.name} ({place} of {len(by)})" if len(by) > 1 else fact.name, fact.text)
        for place, each in enumerate(by, start=1)
        for fact in provenance_facts(each)
    )


def provenance_facts(by: Provenance) -> tuple[Fact, ...]:
    """Say with what something was computed."""
    on = "" if by.device == "cpu" else f"; networks on {by.device}"
    cores, threads = counted(by.cores, "core"), counted(by.threads, "thread")
    return (
        Fact("Machine", f"{by.machine}, {cores}, {threads}{on}"),
        Fact("System", by.system),
        Fact("Versions", ", ".join(f"{name} {number}" for name, number in by.versions.items())),
    )
