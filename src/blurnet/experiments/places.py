"""Where the stickers are on scenes of other classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from blurnet.data.scene import Scene
from blurnet.evaluation.places import pixels_of_area

from .scenes import held_out_scene
from .sources import DataSource
from .steps.network import PlannedNetwork
from .steps.place import PlaceStep, found_place

Place = Literal["bars", "quiet", "sensitive"]


@dataclass(frozen=True, eq=False)
class Attackable:
    """A scene, and the place of the sticker on it.

    Args:
        scene: the views, and the mask where it is known.
        place: finds the mask, in place of the scene's.
        called: where that is, in words; "" for the scene's own mask.

    """

    scene: Scene
    place: PlaceStep | None = None
    called: str = ""

    @property
    def key(self) -> str:
        """What tells the scene and the place from any others."""
        return self.scene.fingerprint() + ("" if self.place is None else f" {self.place.key}")


def other_scenes(
    source: DataSource,
    true_class: str,
    views: int,
    networks: Sequence[PlannedNetwork],
    *,
    places: Sequence[Place],
    areas: Sequence[float],
    mask_scale: float,
) -> Iterator[Attackable]:
    """Give the scenes of one class: a place of each kind and area on the same held-out images.

    Args:
        source: the data.
        true_class: one of its classes.
        views: how many images.
        networks: undefended ones, which decide where places are.
        places: the kinds; "bars" has a size of its own.
        areas: of the others, as shares of the image.
        mask_scale: of the bars.

    """
    scene = held_out_scene(source, true_class, views, mask_scale)
    shape = (scene.images.shape[2], scene.images.shape[3])
    anywhere = replace(scene, mask=torch.ones(shape))
    for place in places:
        if place == "bars":
            yield Attackable(scene)
            continue
        for area in areas:
            pixels = pixels_of_area(area, shape)
            found = found_place(networks, source, true_class, place, pixels)
            yield Attackable(anywhere, found, f"{place} place, {pixels} pixels")
