"""How each kind of experiment is shown: on the page, and on a terminal."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rich.console import Console

from blurnet.errors import BlurnetError
from blurnet.report.blackbox import sections as blackbox_sections
from blurnet.report.blackbox.console import print_blackbox
from blurnet.report.defenses import sections as defense_sections
from blurnet.report.defenses.console import print_defenses
from blurnet.report.measures import (
    Measured,
    blackbox_measures,
    defense_measures,
    no_measures,
    spectra_measures,
)
from blurnet.report.run import Run, Sections
from blurnet.report.spectra import sections as spectra_sections
from blurnet.report.spectra.console import print_spectra


class Kind(NamedTuple):
    """How an experiment's results are shown.

    Args:
        sections: a run → the page's sections that it has something for.
        table: prints ``results.json`` on a terminal, in 80 columns.
        measures: results → the rates that runs are compared by, in the tables' order.

    """

    sections: Callable[[Run], Sections]
    table: Callable[[Mapping[str, Any], Console], None]
    measures: Callable[[Mapping[str, Any]], Iterable[Measured]] = no_measures


_DEFENSES = Kind(defense_sections.sections, print_defenses, defense_measures)
_SPECTRA = Kind(spectra_sections.sections, print_spectra, spectra_measures)

KINDS = {
    "blackbox": Kind(blackbox_sections.sections, print_blackbox, blackbox_measures),
    "train-defenses": _DEFENSES,
    "alphas": _DEFENSES,
    "whitebox": _DEFENSES,
    "spectra": _SPECTRA,
    "deeper": _SPECTRA,
}
"""By what ``results.json`` has as ``experiment``."""


def kind_of(results: Mapping[str, Any]) -> Kind:
    """Tell how results are shown.

    Raises:
        BlurnetError: if the experiment is of a kind that this version does not know.

    """
    name = results["experiment"]
    if name not in KINDS:
        raise BlurnetError(
            f"results of an experiment {name!r}, which this version cannot show; "
            f"it shows: {', '.join(KINDS)}"
        )
    return KINDS[name]
