"""A step that finds a place for a sticker by greying training signs; see ``evaluation.places``."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from blurnet.data.scene import Scene
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.errors import BlurnetError
from blurnet.evaluation.places import Kind, find_place
from blurnet.experiments.sources import DataSource, Identity
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .values import PlaceValues

IMAGES = 40
"""So many training signs of the class are greyed, spread evenly over them."""

PlaceStep = Step[PlaceValues]


class PlaceConfig(Settings):
    """Of a place: the training signs, their class, how many, what kind of place, how large."""

    data: Identity
    true_class: str
    images: int = IMAGES
    kind: Kind
    pixels: int


def found_place(
    networks: Sequence[PlannedNetwork],
    source: DataSource,
    true_class: str,
    kind: Kind,
    pixels: int,
) -> PlaceStep:
    """Plan finding a place on the training signs of one class.

    Args:
        networks: undefended ones, whose confidence decides.
        source: the data; its test part is not looked at.
        true_class: one of its classes.
        kind: "quiet" or "sensitive".
        pixels: of the sticker.

    """
    return Step(
        kind="place",
        version=1,
        title=f"find a {kind} place of {pixels} pixels on {true_class}",
        config=PlaceConfig(data=source.identity(), true_class=true_class, kind=kind, pixels=pixels),
        values=PlaceValues,
        work=partial(_find, source, true_class, kind, pixels),
        needs={f"network {place}": each.step for place, each in enumerate(networks)},
    )


def placed_on(scene: Scene, needs: Needs) -> Scene:
    """Put a scene under the mask that a step found, if one is among those needed."""
    return replace(scene, mask=needs["place"].tensors["mask"]) if "place" in needs else scene


def _find(
    source: DataSource,
    true_class: str,
    kind: Kind,
    pixels: int,
    needs: Needs,
    on_step: OnStep,
    _folder: Path,
) -> Outcome[PlaceValues]:
    signs = source.load().train
    chosen = (signs.labels == signs.classes.index(true_class)).nonzero().flatten()
    if not len(chosen):
        raise BlurnetError(f"no training image of {true_class!r} to find a place on")
    spread = torch.linspace(0, len(chosen) - 1, min(IMAGES, len(chosen))).round().long()
    images = signs.select(chosen[spread]).floats
    outcomes = list(needs.values())
    networks = [network_of(each) for each in outcomes]
    labels = torch.full((len(images),), outcomes[0].values.classes.index(true_class))
    found = find_place(networks, images, labels, kind, pixels, on_step=on_step)
    values = PlaceValues(
        kind=kind,
        pixels=pixels,
        box=found.box,
        confidence_lost=found.confidence_lost,
        changed=found.changed,
        legible=found.legible,
        images=len(images),
    )
    return Outcome(values, {"mask": found.mask})
