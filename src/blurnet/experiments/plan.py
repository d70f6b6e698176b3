"""What an experiment needs done, and how its table follows from what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from blurnet.engine import Outcome, Step

Row = TypeVar("Row", bound=BaseModel)
Row_co = TypeVar("Row_co", bound=BaseModel, covariant=True)
Values = TypeVar("Values", bound=BaseModel)


class Read(Protocol):
    """Gives what a step found, such as ``Records.outcome``."""

    def __call__(self, step: Step[Values], /) -> Outcome[Values]:
        """Read it."""


class PlannedRow(Protocol[Row_co]):
    """A row of the table, and the steps whose records it is read from."""

    @property
    def stages(self) -> Sequence[Sequence[Step[Any]]]:
        """Its steps. All rows' first stages are done before any row's second."""

    def row(self, read: Read, /) -> Row_co:
        """Make the row from the records."""


@dataclass(frozen=True)
class Plan(Generic[Row]):
    """What an experiment needs done.

    Args:
        planned: its rows.
        true_class: what the attacked scene shows.
        target: what a transferred sticker aims at; None where there is none.
        rp2_differs: what of the folder ``rp2`` is not RP2's own; None without such a folder.

    """

    planned: Sequence[PlannedRow[Row]]
    true_class: str
    target: str | None
    rp2_differs: tuple[str, ...] | None = None

    @property
    def steps(self) -> list[Step[Any]]:
        """The steps whose records the table is read from, each once."""
        stages = max((len(row.stages) for row in self.planned), default=0)
        listed = [
            step
            for stage in range(stages)
            for row in self.planned
            if stage < len(row.stages)
            for step in row.stages[stage]
        ]
        return list({step.key: step for step in listed}.values())

    def rows(self, read: Read) -> tuple[Row, ...]:
        """Make the table's rows from the records."""
        return tuple(planned.row(read) for planned in self.planned)
