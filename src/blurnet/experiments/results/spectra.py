"""Rows of what a sticker does to the spectra of feature maps."""

from typing import Literal

from blurnet.defenses import Defense
from blurnet.evaluation import Rate
from blurnet.evaluation.effects import KernelEffects
from blurnet.settings import Settings

from .transfer import TransferRates


class Interval(Settings):
    """A mean over images and its 95 % interval; None where it is not a number."""

    mean: float | None
    low: float | None
    high: float | None


class Ring(Settings):
    """The power at one radial frequency, attacked over clean and over the control."""

    frequency: float
    over_clean: Interval
    over_control: Interval


class RaisedMaps(Settings):
    """How many of a layer's maps are brighter at high frequencies; see ``blurnet.spectra.Raised``.

    ``state`` is "attacked", or a sticker that needs no search: "random colours", "plain black" or
    "plain white".
    """

    state: str
    maps: int
    raised: int
    ratio: float | None


class LayerSpectra(Settings):
    """High frequencies in one layer's maps; see ``blurnet.spectra.Comparison`` for the terms.

    ``raised`` is the talk's own comparison: log magnitudes stretched to [0, 1], map by map.
    """

    maps: int
    clean: Interval
    attacked: Interval
    control: Interval
    attacked_minus_clean: Interval
    attacked_minus_control: Interval
    energy_over_clean: Interval
    energy_over_control: Interval
    difference: Interval
    control_difference: Interval
    rings: tuple[Ring, ...] | None
    raised: tuple[RaisedMaps, ...] = ()


class FewTargets(Settings):
    """A white-box attack at a few targets: mean, worst, and success at each."""

    mean: Rate
    worst: Rate
    worst_target: str
    targets: dict[str, float]


class SpectraSteps(Settings):
    """The keys of a row's records."""

    spectra: str
    transfer: str
    whitebox: str | None


class SpectraRow(Settings):
    """A network whose maps were looked into.

    ``attacker`` is "itself" if the sticker was made on this very network, "undefended" if it was
    carried over from the same network without the defense; ``layer`` is where in the network its
    filters stand, in an experiment that asks for each layer.
    """

    label: str
    trained: bool
    defense: Defense
    layer: str | None
    attacker: Literal["itself", "undefended"]
    rates: TransferRates
    layers: dict[str, LayerSpectra]
    kernels: KernelEffects | None
    whitebox: FewTargets | None
    steps: SpectraSteps
