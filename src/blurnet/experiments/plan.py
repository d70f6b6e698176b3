"""What an experiment needs done, and how its table follows from what was found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel

from blurnet.engine import Outcome, Records, Step, in_order

from .results import LackingRow

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

    @property
    def called(self) -> str:
        """What the row is called, also where it is not there yet."""

    @property
    def parts(self) -> Mapping[str, Sequence[Step[Any]]]:
        """Its parts, and the steps of each: a row may be read from some of several networks."""
        return {"": [step for stage in self.stages for step in stage]}

    def of(self, parts: Collection[str]) -> Self:  # noqa: ARG002
        """Give the row as read from some of its parts alone."""
        return self

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

    def rows(self, read: Read, made: dict[tuple[str, ...], Row] | None = None) -> tuple[Row, ...]:
        """Make the table's rows from the records.

        Args:
            read: reads a record.
            made: rows that were made before, by the keys of their steps; new ones are added.

        """
        made = {} if made is None else made
        for planned in self.planned:
            keys = _keys(planned)
            made[keys] = made[keys] if keys in made else planned.row(read)
        return tuple(made[_keys(planned)] for planned in self.planned)

    def there(self, records: Records) -> "Plan[Row]":
        """Give as much of the plan as can be read from the records that there are."""
        rows = []
        for planned in self.planned:
            parts = [name for name, steps in planned.parts.items() if _all(steps, records)]
            if parts:
                rows.append(planned.of(parts))
        return Plan(rows, self.true_class, self.target)

    def lacking(self, records: Records) -> tuple[LackingRow, ...]:
        """List the rows that cannot be read, and of rows with several parts those parts."""
        return tuple(
            LackingRow(
                label=planned.called, part=name, steps=tuple(step.key for step in in_order(steps))
            )
            for planned in self.planned
            for name, steps in planned.parts.items()
            if not _all(steps, records)
        )


def _keys(planned: PlannedRow[Any]) -> tuple[str, ...]:
    return tuple(step.key for stage in planned.stages for step in stage)


def _all(steps: Sequence[Step[Any]], records: Records) -> bool:
    return all(step.key in records for step in in_order(steps))
