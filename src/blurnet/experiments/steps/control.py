"""A step that covers a scene's place without an attack: the control and the ceiling."""

from functools import partial
from pathlib import Path

import torch

from blurnet.data.scene import Scene
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation.ceiling import ceiling
from blurnet.evaluation.control import control_of
from blurnet.evaluation.predict import predict
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .place import PlaceStep, placed_on
from .values import ControlConfig, ControlValues, NetworkValues


class ControlStepConfig(Settings):
    """Of a control: the scene's hash, and what the stickers are drawn from."""

    scene: str
    control: ControlConfig = ControlConfig()


def covered(
    network: PlannedNetwork, scene: Scene, *, called: str, place: PlaceStep | None = None
) -> Step[ControlValues]:
    """Plan asking a network what covering a scene's place does.

    Args:
        network: who is asked.
        scene: the views and the mask.
        called: what the network is to the experiment, for the progress display.
        place: finds the mask, in place of the scene's.

    """
    return Step(
        kind="control",
        version=1,
        title=f"control and ceiling of {called} on {len(scene)} views of {scene.true_class}",
        config=ControlStepConfig(scene=scene.fingerprint()),
        values=ControlValues,
        work=partial(_ask, scene),
        needs={"network": network.step} | ({} if place is None else {"place": place}),
    )


def _ask(scene: Scene, needs: Needs, _on_step: OnStep, _folder: Path) -> Outcome[ControlValues]:
    network: Outcome[NetworkValues] = needs["network"]
    model, classes = network_of(network), network.values.classes
    scene = placed_on(scene, needs)
    labels = torch.full((len(scene),), classes.index(scene.true_class))
    control = control_of(model, scene.floats, labels, scene.mask)
    filled = ceiling(model, scene.floats, labels, scene.mask)
    values = ControlValues(
        classes=classes,
        true=int(labels[0]),
        clean=tuple(predict(model, scene.floats).classes.tolist()),
        random=control.answers,
        plain={each.name: each.answers for each in control.plain},
        fills={each.name: each.answers for each in filled.fills},
    )
    return Outcome(values)
