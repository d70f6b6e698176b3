"""Views, the T_i of RP2's formula: how a camera may see the sticker, differentiable, by name.

Geometry and blur go through kornia's functions. Its functions for light clip, and what is clipped
there has no gradient; each is one multiplication, written out here with a straight-through clip.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import View as View
from blurnet.attacks.transforms.blur import Blur as Blur
from blurnet.attacks.transforms.brightness import Brightness as Brightness
from blurnet.attacks.transforms.color_cast import ColorCast as ColorCast
from blurnet.attacks.transforms.contrast import Contrast as Contrast
from blurnet.attacks.transforms.jpeg import JPEG as JPEG
from blurnet.attacks.transforms.perspective import Perspective as Perspective
from blurnet.attacks.transforms.resize import Resize as Resize
from blurnet.attacks.transforms.rotation import Rotation as Rotation
from blurnet.attacks.transforms.scale import Scale as Scale
from blurnet.attacks.transforms.sensor_noise import SensorNoise as SensorNoise
from blurnet.attacks.transforms.shift import Shift as Shift
from blurnet.attacks.transforms.warp import Warp as Warp
from blurnet.attacks.transforms.warp import warp as warp
from blurnet.errors import BlurnetError

VIEWS: dict[str, type[View]] = {
    "perspective": Perspective,
    "rotation": Rotation,
    "scale": Scale,
    "shift": Shift,
    "resize": Resize,
    "brightness": Brightness,
    "contrast": Contrast,
    "color_cast": ColorCast,
    "blur": Blur,
    "sensor_noise": SensorNoise,
    "jpeg": JPEG,
}


def view(name: str, /, **settings: object) -> View:
    """Make the view of that name.

    Args:
        name: a key of ``VIEWS``.
        settings: the view's own, and ``of`` and ``redraw`` (see ``View``).

    Raises:
        BlurnetError: for an unknown name, the message lists the choices, an unknown setting, or a
            value out of its range.

    """
    if name not in VIEWS:
        raise BlurnetError(f"no view {name!r}; there are: {', '.join(sorted(VIEWS))}")
    try:
        return VIEWS[name](**settings)  # type: ignore[arg-type]
    except TypeError as error:
        raise BlurnetError(f"view {name}: {error}") from None


def draw_views(
    views: Sequence[View],
    count: int,
    image_shape: tuple[int, int, int],
    generator: torch.Generator,
) -> list[Tensor]:
    """Draw the parameters of views that follow each other, one tensor N × k for each.

    Args:
        views: in the order in which they are applied.
        count: how many images will be changed, N.
        image_shape: C × H × W of what the first one will change.
        generator: where they are drawn from; they lie on its device.

    """
    parameters = []
    for each in views:
        parameters.append(each.draw(count, image_shape, generator))
        image_shape = each.output_shape(image_shape)
    return parameters


def apply_views(views: Sequence[View], images: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Apply views one after the other; neighbours that warp are one resampling.

    Args:
        views: all of the sticker, or all of the image.
        images: N × C × H × W.
        parameters: one tensor N × k for each view, as ``draw_views`` gives them.

    """
    warps: list[Warp] = []
    waiting: list[Tensor] = []
    for each, values in zip(views, parameters, strict=True):
        if isinstance(each, Warp):
            warps.append(each)
            waiting.append(values)
        else:
            images = each(warp(warps, images, waiting), values)
            warps, waiting = [], []
    return warp(warps, images, waiting)
