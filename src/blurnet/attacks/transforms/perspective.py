"""The sticker seen from aside."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.geometry.transform import get_perspective_transform
from torch import Tensor

from blurnet.attacks.transforms.base import uniform
from blurnet.attacks.transforms.warp import Warp


@dataclass(frozen=True)
class Perspective(Warp):
    """Move each corner by itself.

    Args:
        displacement: largest move along each axis either way, as a share of the width and of the
            height, in 0…0.45.

    """

    displacement: float = 0.05

    limits: ClassVar[dict[str, tuple[float, float]]] = {"displacement": (0, 0.45)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the shares by which the corners move, clockwise from the top left: x, y of each."""
        return self.displacement * uniform(count, 8, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the homographies that move the corners."""
        near = torch.zeros_like(parameters[:, :1])
        far = near + 1
        x = torch.cat((near, far, far, near), 1)
        y = torch.cat((near, near, far, far), 1)
        corners = torch.stack((x * width, y * height), 2) - 0.5
        move = torch.stack((parameters[:, 0::2] * width, parameters[:, 1::2] * height), 2)
        return get_perspective_transform(corners, corners + move)
