"""The rates that runs are compared by."""

from dataclasses import dataclass

from blurnet.experiments.brackets import Fooled
from blurnet.report.words import Bounded, Measure


@dataclass(frozen=True)
class Measured:
    """One rate of one row; runs are compared where table, row and measure are called the same.

    Args:
        table: what the row's table is about.
        row: the row's name.
        measure: what was measured, and what that means; the table's leading one comes first.
        value: in [0, 1].
        limits: its 95 % interval.
        images: how many images it was measured on.
        counted: which of them count, so that the same ones can be compared as pairs; None if that
            is not known.
        struck: why an audit strikes it through; "" if it does not.

    """

    table: str
    row: str
    measure: Measure
    value: float
    limits: Bounded
    images: int
    counted: Fooled | None = None
    struck: str = ""
