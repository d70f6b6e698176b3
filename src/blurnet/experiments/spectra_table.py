"""From the records of spectra, answers and attacks to the rows of results.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from blurnet.engine.step import Cell, Outcome
from blurnet.evaluation import rates_over_targets
from blurnet.experiments.steps.spectra import measured_of
from blurnet.experiments.steps.transfer import transfer_rates
from blurnet.spectra import INPUT, claim_of, mean_ratio, plain_intervals

Outcomes = Mapping[str, Outcome]


@dataclass(frozen=True)
class PlannedRow:
    """A network and the cells that look into it.

    Args:
        label: what it is called.
        trained: whether it was trained here with its defense; else filters were put into a finished
            network.
        defense: its description.
        layer: where in the network its filters stand, in an experiment that asks for each layer.
        attacker: "itself" if the sticker was made on this very network, "undefended" if it was
            carried over from the same network without the defense.
        spectra: the cell that measures it.
        transfer: the cell that asks for its answers.
        whitebox: the cell that attacks it at a few targets, if the experiment does.

    """

    label: str
    trained: bool
    defense: dict[str, Any]
    layer: str | None
    attacker: str
    spectra: Cell
    transfer: Cell
    whitebox: Cell | None


@dataclass(frozen=True)
class Plan:
    """What the experiment needs done, and how its table follows from it."""

    planned: tuple[PlannedRow, ...]
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """The cells whose records the table reads."""
        each = [(row.transfer, row.spectra, row.whitebox) for row in self.planned]
        return [cell for cells in each for cell in cells if cell is not None]

    def rows(self, outcomes: Outcomes) -> list[dict[str, Any]]:
        """Make the table's rows from the records.

        Args:
            outcomes: cell key → what the cell found.

        """
        return [_table_row(row, outcomes) for row in self.planned]


def _table_row(row: PlannedRow, outcomes: Outcomes) -> dict[str, Any]:
    spectra = outcomes[row.spectra.key]
    return {
        "label": row.label,
        "trained": row.trained,
        "defense": row.defense,
        "layer": row.layer,
        "attacker": row.attacker,
        **transfer_rates(outcomes[row.transfer.key].values),
        "layers": {layer: _layer(spectra, layer) for layer in _layers(spectra)},
        "kernels": spectra.values["kernels"],
        "whitebox": None if row.whitebox is None else _whitebox(outcomes[row.whitebox.key].values),
        "cells": {
            "spectra": row.spectra.key,
            "transfer": row.transfer.key,
            "whitebox": None if row.whitebox is None else row.whitebox.key,
        },
    }


def _layers(spectra: Outcome) -> list[str]:
    """List what was measured: the input, its channels, the layers."""
    names = [name.split("/")[1] for name in spectra.tensors if name.startswith("measured/")]
    layers = spectra.values["layers"]
    channels = sorted(set(names) - set(layers), key=lambda name: "RGB".index(name[-1]))
    return [INPUT, *channels, *(layer for layer in layers if layer != INPUT)]


def _layer(spectra: Outcome, layer: str) -> dict[str, Any]:
    described = spectra.values["layers"].get(layer)
    claim = plain_intervals(vars(claim_of(measured_of(spectra, layer))))
    return {
        "maps": 1 if described is None else described["maps"],
        **claim,
        "rings": None if described is None else _rings(spectra, layer, described["frequencies"]),
    }


def _rings(spectra: Outcome, layer: str, frequencies: list[float]) -> list[dict[str, Any]]:
    """Give the power in each ring but zero, attacked over clean and over the control.

    The geometric mean of the images' ratios.
    """
    logs = {
        state: spectra.tensors[f"profile/{layer}/{state}"].log()
        for state in ("clean", "attacked", "control")
    }
    ratios = {
        f"over_{other}": mean_ratio(logs["attacked"] - logs[other])
        for other in ("clean", "control")
    }
    return [
        {"frequency": frequency}
        | plain_intervals(
            {name: type(r)(*(bound[ring] for bound in r)) for name, r in ratios.items()}
        )
        for ring, frequency in enumerate(frequencies)
        if ring
    ]


def _whitebox(values: Mapping[str, Any]) -> dict[str, Any]:
    true, targets, classes = values["true"], values["targets"], values["classes"]
    clean, attacked = torch.tensor(values["clean"]), torch.tensor(values["attacked"])
    rates = rates_over_targets(clean, attacked, true, targets)
    mean, worst = rates.mean.attack_success_rate, rates.worst.attack_success_rate
    return {
        "mean": {"value": mean.value, "interval": [mean.low, mean.high]},
        "worst": {"value": worst.value, "interval": [worst.low, worst.high]},
        "worst_target": classes[rates.worst_target],
        "targets": {
            classes[target]: rate.attack_success_rate.value
            for target, rate in rates.targets.items()
        },
    }
