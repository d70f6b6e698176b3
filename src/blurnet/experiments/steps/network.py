"""Networks as steps give them: read from a file, or given filters when they are finished."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.data.tensors import hash_tensors
from blurnet.defenses import Blur, Defense, defense_of
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.errors import BlurnetError
from blurnet.models import MODELS, load_weights, read_network
from blurnet.settings import Settings

from .building import build_network, inner, put_in
from .values import NetworkValues


@dataclass(frozen=True, eq=False)
class PlannedNetwork:
    """A network that a step gives, and what is known of it before.

    ``defense`` is what hardens it, the places of filters filled in.
    """

    step: Step[NetworkValues]
    model: str
    classes: tuple[str, ...]
    size: int
    channels: int
    defense: Defense

    @property
    def example(self) -> Tensor:
        """An image that it takes."""
        return torch.zeros(1, self.channels, self.size, self.size)

    def undefended(self) -> nn.Module:
        """Build it without its defense, untrained."""
        return build_network(
            self.model, self.classes, size=self.size, channels=self.channels, seed=0
        )


class ReadConfig(Settings):
    """Of a network that is read from a file: what it is, and the hash of its weights."""

    model: str
    classes: tuple[str, ...]
    weights: str


class FilterConfig(Settings):
    """Of a finished network that filters are put into."""

    filters: tuple[Blur, ...]


def read_from_file(path: Path, model: str, *, size: int) -> PlannedNetwork:
    """Plan reading the network in a weights file.

    Args:
        path: a safetensors file, as ``read_network`` takes it; read here.
        model: its architecture, a key of ``MODELS``.
        size: of its images.

    Raises:
        BlurnetError: if the file does not hold such a network.

    """
    network = read_network(path, MODELS[model])
    weights = network.model.state_dict()
    classes = network.classes
    values = NetworkValues(model=model, size=size, channels=3, classes=classes)
    step = Step(
        kind="network",
        version=1,
        title=f"read the network {path.name}",
        config=ReadConfig(model=model, classes=classes, weights=hash_tensors(weights)),
        values=NetworkValues,
        work=partial(_read, values, weights),
    )
    return PlannedNetwork(step, model, classes, size, 3, Defense())


def filtered(network: PlannedNetwork, filters: Sequence[Blur]) -> PlannedNetwork:
    """Plan putting filters into a finished network, without training it again.

    Args:
        network: the finished one.
        filters: what to put where; with none the network itself is given back.

    Raises:
        BlurnetError: if a filter does not fit, or is to be trained.

    """
    if not filters:
        return network
    if any(blur.trainable for blur in filters):
        raise BlurnetError("a trainable filter is put into a network that is trained with it")
    made = put_in(network.undefended(), filters, example=network.example)
    defense = defense_of(made)
    filters = defense.filters
    step = Step(
        kind="filter",
        version=1,
        title=f"put {len(filters)} {'filter' if len(filters) == 1 else 'filters'} into a network",
        config=FilterConfig(filters=filters),
        values=NetworkValues,
        work=partial(_filter, filters),
        needs={"network": network.step},
    )
    return replace(network, step=step, defense=defense)


def network_of(outcome: Outcome[NetworkValues]) -> nn.Module:
    """Make the network that a step gave, in evaluation mode."""
    values = outcome.values
    network = build_network(
        values.model,
        values.classes,
        size=values.size,
        channels=values.channels,
        filters=values.filters,
        seed=0,
    )
    load_weights(inner(network), outcome.tensors, "a record of this run")
    return network.eval()


def _read(
    values: NetworkValues,
    weights: dict[str, Tensor],
    _needs: Needs,
    _on_step: OnStep,
    _folder: Path,
) -> Outcome[NetworkValues]:
    return Outcome(values, weights)


def _filter(
    filters: tuple[Blur, ...], needs: Needs, _on_step: OnStep, _folder: Path
) -> Outcome[NetworkValues]:
    network: Outcome[NetworkValues] = needs["network"]
    before = network.values
    example = torch.zeros(1, before.channels, before.size, before.size)
    made = put_in(network_of(network), filters, example=example)
    values = NetworkValues(
        model=before.model,
        size=before.size,
        channels=before.channels,
        classes=before.classes,
        filters=(*before.filters, *filters),
    )
    return Outcome(values, inner(made).state_dict())
