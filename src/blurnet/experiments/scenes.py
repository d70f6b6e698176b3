"""The scene that is attacked: drawn, or held-out images of a data set in place of photographs."""

import torch

from blurnet.data import SYNTHETIC, synthetic
from blurnet.data.scene import Scene
from blurnet.data.synthetic import sticker_mask
from blurnet.errors import BlurnetError

from .sources import DataSource


def scene_of(source: DataSource, true_class: str, count: int, mask_scale: float = 1.0) -> Scene:
    """Give the views of one class that are attacked: of drawn signs, drawn ones."""
    if source.spec == SYNTHETIC and source.channels == 3:
        return synthetic.draw_scene(true_class, count, size=source.side())
    return held_out_scene(source, true_class, count, mask_scale)


def held_out_scene(
    source: DataSource, true_class: str, count: int, mask_scale: float = 1.0
) -> Scene:
    """Take images of one class from the part that a data set is tested on.

    Args:
        source: the data set.
        true_class: one of its classes.
        count: how many, at least 1; fewer if there are fewer. They are spread evenly over the
            class, because neighbours are often frames of one passing.
        mask_scale: of the mask's bars; see ``sticker_mask``.

    Returns:
        The images, under a mask of two bars above and below the legend of a sign.

    Raises:
        BlurnetError: if the class is unknown, or has no image in that part.

    """
    if true_class not in source.names():
        raise BlurnetError(
            f"no class {true_class!r} in the data {source.spec}; "
            f"it has: {', '.join(source.names())}"
        )
    signs = source.load().test
    places = (signs.labels == signs.classes.index(true_class)).nonzero().flatten()
    if count < 1 or not len(places):
        raise BlurnetError(
            f"a scene needs at least one image; {count} of {true_class!r} are asked for, and the "
            f"data {source.spec} hold out {len(places)}"
        )
    spread = torch.linspace(0, len(places) - 1, min(count, len(places))).round().long()
    images = signs.images[places[spread]]
    names = tuple(f"{true_class}-{place}" for place in places[spread].tolist())
    mask = sticker_mask(true_class, images.shape[-1], mask_scale)
    return Scene(images, mask, true_class, names)
