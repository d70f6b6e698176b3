"""All that a run found: what ``results.json`` holds."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from blurnet.engine import Provenance
from blurnet.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


class LackingRow(Settings):
    """A row of an unfinished run that cannot be read yet, or a part of it.

    Args:
        label: what the row is called.
        part: of a row that is a mean over networks: which of them, such as "seed 1"; "" for all.
        steps: the keys of all the records that it is read from, those that are there too.

    """

    label: str
    part: str
    steps: tuple[str, ...]


Row = TypeVar("Row", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)


class Results(Settings, Generic[Asked, Row]):
    """What a run found: all of it, or, where it is ``lacking`` rows, as much as there is.

    Args:
        kind: the kind of experiment, a key of ``blurnet.experiments.KINDS``.
        experiment: its name: a shipped one's, or that of its file.
        created: when the results were put together, ISO 8601, UTC.
        computed_by: with what the records were computed, each once; from the records themselves.
        settings: what was asked.
        true_class: what the attacked scene shows.
        target: what a transferred sticker aims at; None where there is none.
        rows: what was found.
        steps: the keys of the records that the rows were read from.
        lacking: what an unfinished run has not got; none in a finished one.
        rp2_differs: what of the folder ``rp2`` is not RP2's own: "network", "photographs", "mask",
            "noise"; None without such a folder, or where that was not compared.

    """

    kind: str
    experiment: str
    created: str
    computed_by: tuple[Provenance, ...]
    settings: Asked
    true_class: str
    target: str | None
    rows: tuple[Row, ...]
    steps: tuple[str, ...] = ()
    lacking: tuple[LackingRow, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether no row is lacking."""
        return not self.lacking

    def frame(self) -> "pd.DataFrame":
        """Lay out the rows as a table of pandas: a line for each measured number.

        Columns: what it was measured on (``experiment``, ``label``, and by kind such as
        ``transfer``, ``attack``, ``target``, ``seed``; missing where a number is over all of
        them), then ``measure``, called as in JSON, ``value``, ``low``, ``high``, ``count`` and
        ``total``; the last four are missing where a number has no interval or is no rate.

        Raises:
            BlurnetError: if pandas is not installed.

        """
        from blurnet.experiments.frames import frame  # noqa: PLC0415 - it reads this class

        return frame(self)

    rp2_differs: tuple[str, ...] | None = None


AnyResults = Results[Any, Any]
