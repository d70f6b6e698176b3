"""The T_i of RP2's formula: how a camera may see the sticker, differentiable, by name.

Geometry and blur go through kornia's functions. Its functions for light clip, and what is clipped
there has no gradient; each is one multiplication, written out here with a straight-through clip.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import Transform as Transform
from blurnet.attacks.transforms.camera import JPEG as JPEG
from blurnet.attacks.transforms.camera import GaussianBlur as GaussianBlur
from blurnet.attacks.transforms.camera import Resize as Resize
from blurnet.attacks.transforms.camera import SensorNoise as SensorNoise
from blurnet.attacks.transforms.geometry import Perspective as Perspective
from blurnet.attacks.transforms.geometry import Rotation as Rotation
from blurnet.attacks.transforms.geometry import Scale as Scale
from blurnet.attacks.transforms.geometry import Shift as Shift
from blurnet.attacks.transforms.geometry import Warp as Warp
from blurnet.attacks.transforms.geometry import warp as warp
from blurnet.attacks.transforms.light import Brightness as Brightness
from blurnet.attacks.transforms.light import ColorCast as ColorCast
from blurnet.attacks.transforms.light import Contrast as Contrast
from blurnet.errors import BlurnetError
from blurnet.settings import make

TRANSFORMS: dict[str, type[Transform]] = {
    "perspective": Perspective,
    "rotation": Rotation,
    "scale": Scale,
    "shift": Shift,
    "resize": Resize,
    "brightness": Brightness,
    "contrast": Contrast,
    "color_cast": ColorCast,
    "blur": GaussianBlur,
    "sensor_noise": SensorNoise,
    "jpeg": JPEG,
}


def transform(name: str, /, **settings: object) -> Transform:
    """Make the transform of that name.

    Args:
        name: a key of ``TRANSFORMS``.
        settings: the transform's own, and ``of`` and ``redraw`` (see ``Transform``).

    Raises:
        BlurnetError: for an unknown name or setting, the message lists those that there are, and
            for a value out of its range.

    """
    if name not in TRANSFORMS:
        raise BlurnetError(f"no transform {name!r}; there are: {', '.join(sorted(TRANSFORMS))}")
    return make(f"transform {name}", TRANSFORMS[name], settings)


def draw_transforms(
    transforms: Sequence[Transform],
    count: int,
    image_shape: tuple[int, int, int],
    generator: torch.Generator,
) -> list[Tensor]:
    """Draw the parameters of transforms that follow each other, one tensor N × k for each.

    Args:
        transforms: in the order in which they are applied.
        count: how many images will be changed, N.
        image_shape: C × H × W of what the first one will change.
        generator: where they are drawn from; they lie on its device.

    """
    parameters = []
    for each in transforms:
        parameters.append(each.draw(count, image_shape, generator))
        image_shape = each.output_shape(image_shape)
    return parameters


def apply_transforms(
    transforms: Sequence[Transform], images: Tensor, parameters: Sequence[Tensor]
) -> Tensor:
    """Apply transforms one after the other; neighbours that warp are one resampling.

    Args:
        transforms: all of the sticker, or all of the image.
        images: N × C × H × W.
        parameters: one tensor N × k for each transform, as ``draw_transforms`` gives them.

    """
    warps: list[Warp] = []
    waiting: list[Tensor] = []
    for each, values in zip(transforms, parameters, strict=True):
        if isinstance(each, Warp):
            warps.append(each)
            waiting.append(values)
        else:
            images = each(warp(warps, images, waiting), values)
            warps, waiting = [], []
    return warp(warps, images, waiting)
