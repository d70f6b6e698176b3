"""A step that evaluates a network on clean images: its answers, its maps and its kernels."""

from functools import partial
from pathlib import Path

import torch

from blurnet.defenses import layers
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.errors import BlurnetError
from blurnet.evaluation import predict
from blurnet.evaluation.effects import kernel_effects, learned_kernels, map_effects
from blurnet.experiments.sources import DataSource, Identity
from blurnet.penalties import Penalty, penalty_terms
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .values import EvaluateValues, NetworkValues


class EvaluateConfig(Settings):
    """Of an evaluation: the images, and the layer whose maps are measured."""

    data: Identity
    layer: str


def evaluated(
    network: PlannedNetwork, source: DataSource, layer: str, *, called: str
) -> Step[EvaluateValues]:
    """Plan asking for a network's answers on the part of the data that it is tested on.

    Args:
        network: who is asked.
        source: the data; its classes are among the network's.
        layer: whose maps are measured; see ``map_effects``.
        called: what the network is to the experiment, for the progress display.

    """
    data = source.identity()
    return Step(
        kind="evaluate",
        version=1,
        title=f"evaluate {called} on clean signs",
        config=EvaluateConfig(data=data, layer=layer),
        values=EvaluateValues,
        work=partial(_evaluate, source, data, layer),
        needs={"network": network.step},
    )


def measured_layer(network: PlannedNetwork, layer: str | None) -> str:
    """Give the layer whose maps are measured.

    Args:
        network: the network that is to be evaluated.
        layer: a layer's name; None for the first convolution.

    Raises:
        BlurnetError: if there is no such layer; the message lists those that there are.

    """
    model = network.undefended()
    if layer is None:
        ran = layers(model, network.example)
        first = [each.name for each in ran if each.first_convolution]
        if not first:
            raise BlurnetError(
                f"no convolution in {network.model}; name the layer whose maps are measured, as in "
                "layer: features.3"
            )
        return first[0]
    with penalty_terms(model, [Penalty("total_variation", 0, (layer,))]):
        return layer


def _evaluate(
    source: DataSource, data: Identity, layer: str, needs: Needs, _on_step: OnStep, _folder: Path
) -> Outcome[EvaluateValues]:
    network: Outcome[NetworkValues] = needs["network"]
    model, classes = network_of(network), network.values.classes
    signs = source.load_same(data).test
    labels = torch.tensor([classes.index(name) for name in signs.classes])[signs.labels]
    kernels = learned_kernels(model)
    values = EvaluateValues(
        classes=classes,
        labels=tuple(labels.tolist()),
        answers=tuple(predict(model, signs.images).classes.tolist()),
        maps=map_effects(model, layer, signs.floats),
        kernels=None if kernels is None else kernel_effects(kernels),
        tracks=None if signs.tracks is None else tuple(signs.tracks.tolist()),
    )
    return Outcome(values, {} if kernels is None else {"kernels": kernels})
