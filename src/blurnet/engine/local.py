"""Run cells here, one after the other."""

from collections.abc import Callable, Iterable

from blurnet.engine.records import Records
from blurnet.engine.step import Cell, OnStep, Outcome, in_order

OnCell = Callable[[Cell, int, int], OnStep]


def run_cells(cells: Iterable[Cell], records: Records, on_cell: OnCell | None = None) -> None:
    """Do what is missing of the cells and all that they need.

    Args:
        cells: the cells whose records are wanted.
        records: where finished cells are found and new ones kept; lock it first.
        on_cell: called before each missing cell with the cell, its place (from 1) among the missing
            cells and their number; gives the callback for the cell's own steps.

    Raises:
        BlurnetError: what a cell raises. Cells finished before it are kept.

    """
    missing = [cell for cell in in_order(cells) if cell.key not in records]
    for place, cell in enumerate(missing, start=1):
        on_step: OnStep = _ignore if on_cell is None else on_cell(cell, place, len(missing))
        needs: dict[str, Outcome] = {role: records[need.key] for role, need in cell.needs.items()}
        with records.scratch(cell) as folder:
            records.write(cell, cell.work(needs, on_step, folder))


def _ignore(_done: int, _total: int, _note: str = "", /) -> None:
    pass
