"""How each kind of experiment is shown: registered here once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.experiments.results import AnyResults
from blurnet.report import blackbox, defenses, matrix, spectra
from blurnet.report.blocks import Block, Section
from blurnet.report.measures import Measured
from blurnet.report.run import Run


@dataclass(frozen=True)
class Shown:
    """How an experiment's results are shown.

    Args:
        sections: a run → the page's sections that it has something for, in their order.
        tables: results → what the terminal prints.
        measures: results → the rates that runs are compared by, in the tables' order.

    """

    sections: Callable[[Run[Any, Any]], Sequence[Section]]
    tables: Callable[[AnyResults], Sequence[Block]]
    measures: Callable[[AnyResults], Iterable[Measured]]


KINDS = {
    "blackbox": Shown(blackbox.sections, blackbox.tables, blackbox.measures),
    "defenses": Shown(defenses.sections, defenses.tables, defenses.measures),
    "matrix": Shown(matrix.sections, matrix.tables, matrix.measures),
    "spectra": Shown(spectra.sections, spectra.tables, spectra.measures),
}
"""By ``Results.kind``."""


def shown(kind: str) -> Shown:
    """Tell how results of a kind are shown.

    Raises:
        BlurnetError: if this version does not know the kind.

    """
    if kind not in KINDS:
        raise BlurnetError(
            f"results of an experiment of kind {kind!r}, which this version cannot show; it shows: "
            f"{', '.join(KINDS)}"
        )
    return KINDS[kind]
