"""From the records of spectra, answers and attacks to the rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from blurnet.defenses import Defense
from blurnet.engine import Outcome, Step
from blurnet.spectra import INPUT, MeanInterval, compare_rings, comparison_of, raised

from .plan import PlannedRow, Read
from .rates import few_targets, transfer_rates
from .results import Interval, LayerSpectra, RaisedMaps, Ring, SpectraRow, SpectraSteps
from .steps.network import PlannedNetwork
from .steps.spectra import measured_of, profiles_of, stretched_of
from .steps.values import SpectraValues, TransferValues, WhiteboxValues


@dataclass(frozen=True)
class PlannedSpectra(PlannedRow[SpectraRow]):
    """A network and the steps that look into it.

    Args:
        label: what it is called.
        trained: whether it was trained here with its defense; else filters were put into a finished
            network.
        network: itself.
        layer: where in the network its filters stand, in an experiment that asks for each layer.
        attacker: "itself" if the sticker was made on this very network, "undefended" if it was
            carried over from the same network without the defense.
        spectra: measures it.
        transfer: asks for its answers.
        whitebox: attacks it at a few targets, if the experiment does.

    """

    label: str
    trained: bool
    network: PlannedNetwork
    layer: str | None
    attacker: Literal["itself", "undefended"]
    spectra: Step[SpectraValues]
    transfer: Step[TransferValues]
    whitebox: Step[WhiteboxValues] | None

    @property
    def called(self) -> str:
        """Its label."""
        return self.label

    @property
    def stages(self) -> Sequence[Sequence[Step[Any]]]:
        """Its steps."""
        return ([s for s in (self.transfer, self.spectra, self.whitebox) if s is not None],)

    @property
    def defense(self) -> Defense:
        """What hardens the network."""
        return self.network.defense

    def row(self, read: Read) -> SpectraRow:
        """Make the table's row from the records."""
        spectra = read(self.spectra)
        whitebox = None if self.whitebox is None else read(self.whitebox).values
        layers = (INPUT, *spectra.values.channels)
        return SpectraRow(
            label=self.label,
            trained=self.trained,
            defense=self.defense,
            layer=self.layer,
            attacker=self.attacker,
            rates=transfer_rates(read(self.transfer).values),
            layers={
                layer: _layer(spectra, layer)
                for layer in dict.fromkeys((*layers, *spectra.values.layers))
            },
            kernels=spectra.values.kernels,
            whitebox=None if whitebox is None else few_targets(whitebox),
            steps=SpectraSteps(
                spectra=self.spectra.key,
                transfer=self.transfer.key,
                whitebox=None if self.whitebox is None else self.whitebox.key,
            ),
        )


def _layer(spectra: Outcome[SpectraValues], layer: str) -> LayerSpectra:
    described = spectra.values.layers.get(layer)
    compared = comparison_of(measured_of(spectra, layer))
    rings = None
    if described is not None:
        rings = tuple(
            Ring(
                frequency=ring.frequency,
                over_clean=_interval(ring.over_clean),
                over_control=_interval(ring.over_control),
            )
            for ring in compare_rings(described.frequencies, profiles_of(spectra, layer))
        )
    return LayerSpectra(
        maps=1 if described is None else described.maps,
        clean=_interval(compared.clean),
        attacked=_interval(compared.attacked),
        control=_interval(compared.control),
        attacked_minus_clean=_interval(compared.attacked_minus_clean),
        attacked_minus_control=_interval(compared.attacked_minus_control),
        energy_over_clean=_interval(compared.energy_over_clean),
        energy_over_control=_interval(compared.energy_over_control),
        difference=_interval(compared.difference),
        control_difference=_interval(compared.control_difference),
        rings=rings,
        raised=raised_maps(stretched_of(spectra, layer)),
    )


def raised_maps(stretched: Mapping[str, Tensor]) -> tuple[RaisedMaps, ...]:
    """Count the maps that each sticker raises.

    Args:
        stretched: ``stretched_high`` by state, N × K, "clean" among them.

    """
    called = {
        "attacked": "attacked",
        "control": "random colours",
        "black": "plain black",
        "white": "plain white",
    }
    return tuple(
        RaisedMaps(state=name, **vars(raised(stretched["clean"], stretched[state])))
        for state, name in called.items()
        if state in stretched
    )


def _interval(found: MeanInterval | None) -> Interval:
    if found is None:
        return Interval(mean=None, low=None, high=None)
    return Interval(**found.plain())
