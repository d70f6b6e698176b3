"""What spectra's numbers are called, and how they and their rows are named and written."""

from collections.abc import Callable, Sequence
from typing import Literal

from blurnet.experiments.results import Interval, Results, SpectraRow
from blurnet.experiments.spectra import Spectra
from blurnet.report.provenance import is_own
from blurnet.report.words import ABSENT, Measure
from blurnet.spectra import INPUT

SpectraResults = Results[Spectra, SpectraRow]

SHARE = Measure(
    "share of high frequencies",
    "the energy of a layer's maps at and above the cut-off over all their energy but the mean's, "
    "averaged over views; white noise has 80 % above 0.25 cycles per pixel",
)
MINUS_CLEAN = Measure(
    "attacked − clean",
    "the difference of the shares in points, paired by view, with Student's t interval at 95 %",
)
MINUS_RANDOM = Measure(
    "attacked − random",
    "likewise against ten opaque stickers of random colours in the same mask: what they add is no "
    "merit of the attack",
)
ENERGY = Measure(
    "energy of high frequencies",
    "the energy above the cut-off, attacked over clean, the geometric mean of the views' ratios: a "
    "share can fall while the energy rises, if more still is added below the cut-off",
)
CHANGE = Measure(
    "share of the change",
    "the share of high frequencies within what a sticker changed, the difference of the maps",
)
RAISED = Measure(
    "maps raised",
    "the talk's own comparison: the log magnitude of each map's spectrum stretched to [0, 1], "
    "averaged over its high frequencies and over views; so many maps have a higher value under "
    "the sticker than clean. Opaque stickers of random colours (the mean of ten), plain black and "
    "plain white stand beside the attack: what they raise as well is not a mark of the attack",
)
WHITEBOX = Measure(
    "white-box",
    "attack success of one who knows the network, filter included: the mean over a few targets, "
    "and the worst of them",
)

Side = Literal["higher", "lower", "no difference seen"]


def groups(results: SpectraResults) -> dict[str, list[SpectraRow]]:
    """Part rows into finished networks with filters put in, and networks trained here."""
    base = "RP2's own network" if is_own(results, "network") else "Finished network"
    named = {
        f"{base}, filters put in": [row for row in results.rows if not row.trained],
        "Networks trained with their defense": [row for row in results.rows if row.trained],
    }
    return {name: its for name, its in named.items() if its}


def undefended(rows: Sequence[SpectraRow]) -> SpectraRow | None:
    """Find the network without a defense."""
    return next((row for row in rows if not row.defense), None)


def deeper(rows: Sequence[SpectraRow]) -> bool:
    """Tell whether each layer in turn is filtered."""
    return any(row.layer is not None for row in rows)


def views_of(row: SpectraRow) -> int:
    """Give the number of views."""
    return row.rates.accuracy.total


def is_input(layer: str) -> bool:
    """Tell whether a layer's name stands for the images or one of their channels."""
    return layer == INPUT or layer.startswith(f"{INPUT} ")


def layers_of(row: SpectraRow) -> list[str]:
    """List the layers that were measured, the input left out."""
    return [layer for layer in row.layers if not is_input(layer)]


def name_of(row: SpectraRow) -> str:
    """Call a row by its label, apart from one of the same label that was not trained."""
    return f"{row.label} (trained)" if row.trained else row.label


def change(interval: Interval, unchanged: float = 0) -> Side | None:
    """Say on which side of no change an interval lies; None where there is no interval."""
    if interval.low is None or interval.high is None:
        return None
    if interval.low > unchanged:
        return "higher"
    return "lower" if interval.high < unchanged else "no difference seen"


def band(frequency: float, cutoff: float) -> str:
    """Name a frequency: high from the cut-off on, middle from half of it on, low below."""
    if frequency >= cutoff:
        return "high"
    return "middle" if frequency >= cutoff / 2 else "low"


def points(interval: Interval) -> str:
    """Write a difference of shares in points, with its interval."""
    return _with_bounds(interval, signed)


def ratio(interval: Interval) -> str:
    """Write a ratio with its interval."""
    return _with_bounds(interval, lambda value: f"{value:.2f}")


def signed(share: float) -> str:
    """Write a difference of shares in points."""
    return f"{100 * share:+.1f}".replace("-", "−")


def _with_bounds(interval: Interval, write: Callable[[float], str]) -> str:
    if interval.mean is None:
        return ABSENT
    if interval.low is None or interval.high is None:
        return write(interval.mean)
    return f"{write(interval.mean)} ({write(interval.low)} to {write(interval.high)})"
