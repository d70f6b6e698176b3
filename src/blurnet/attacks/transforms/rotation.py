"""The sticker turned with its sign."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import uniform
from blurnet.attacks.transforms.warp import Warp, about_centre


@dataclass(frozen=True)
class Rotation(Warp):
    """Turn about the centre.

    Args:
        degrees: largest turn either way, in 0…180.

    """

    degrees: float = 5.0

    limits: ClassVar[dict[str, tuple[float, float]]] = {"degrees": (0, 180)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the turns, in degrees clockwise, N × 1."""
        return self.degrees * uniform(count, 1, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the rotations."""
        angle = parameters[:, 0]
        one = torch.ones_like(angle)
        still = angle.new_zeros(len(angle), 2)
        return about_centre(height, width, degrees=angle, factor=one, shift=still)
