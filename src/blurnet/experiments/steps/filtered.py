"""A cell that gives a finished network with filters put in, not trained again."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from blurnet.defenses.blur import FilterDescription, defend
from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.experiments.steps.network import IMAGE, network_of


def filtered_network(network: Cell, filters: Sequence[FilterDescription]) -> Cell:
    """Describe putting filters into a finished network, without training it again.

    Args:
        network: the cell that gives it.
        filters: what to put where; with none the network's own cell is given back.

    """
    if not filters:
        return network
    described = [description.model_dump() for description in filters]
    return Cell(
        kind="filtered",
        title=f"put {len(filters)} {'filter' if len(filters) == 1 else 'filters'} into a network",
        config={"filters": described},
        work=partial(_filter, filters),
        needs={"network": network},
    )


def _filter(
    filters: Sequence[FilterDescription],
    needs: Mapping[str, Outcome],
    _on_step: OnStep,
    _folder: Path,
) -> Outcome:
    network = needs["network"]
    model = defend(network_of(network), filters, example=torch.zeros(1, *IMAGE))
    values = {
        "model": network.values["model"],
        "filters": [*network.values["filters"], *(f.model_dump() for f in filters)],
        "classes": network.values["classes"],
    }
    return Outcome(values, model.state_dict())
