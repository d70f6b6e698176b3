"""A cell: one unit of work, known by the hash of its own description."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

FORMAT = 1
"""Part of every description; raised when a change makes the records of before worthless."""


class OnStep(Protocol):
    """Told after each step of a cell's work how far it is."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Take the steps done, the steps in all, and how it goes in a few words."""


@dataclass(frozen=True)
class Outcome:
    """What a cell found.

    Args:
        values: what JSON can hold.
        tensors: the rest, by name.

    """

    values: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)


Work = Callable[[Mapping[str, Outcome], OnStep, Path], Outcome]


@dataclass(frozen=True, eq=False)
class Cell:
    """One unit of work, such as training one network or attacking another.

    Args:
        kind: names the work, for people and in the cell's folder.
        title: one line for the progress display.
        config: the whole description, as JSON can hold it: settings, seeds, and the content hashes
            of what is read from disk.
        work: does it. Called with the outcomes of ``needs``, by role, a callback for its progress,
            and a folder of its own for what a killed cell goes on from.
        needs: the cells whose outcomes the work reads, by role.

    """

    kind: str
    title: str
    config: Mapping[str, Any]
    work: Work
    needs: Mapping[str, "Cell"] = field(default_factory=dict)

    @property
    def description(self) -> dict[str, Any]:
        """All that the cell's outcome depends on."""
        needs = {role: cell.key for role, cell in self.needs.items()}
        return {"format": FORMAT, "kind": self.kind, "config": dict(self.config), "needs": needs}

    @cached_property
    def key(self) -> str:
        """The cell's name: its kind and a hash of its description."""
        canonical = json.dumps(self.description, sort_keys=True, ensure_ascii=False)
        return f"{self.kind}-{hashlib.sha256(canonical.encode()).hexdigest()[:20]}"


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """List the cells and all they need, each once, each after what it needs."""
    ordered: dict[str, Cell] = {}

    def add(cell: Cell) -> None:
        if cell.key not in ordered:
            for need in cell.needs.values():
                add(need)
            ordered[cell.key] = cell

    for cell in cells:
        add(cell)
    return list(ordered.values())
