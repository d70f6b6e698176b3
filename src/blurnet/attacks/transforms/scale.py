"""The sticker nearer, or farther."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import factors
from blurnet.attacks.transforms.warp import Warp, about_centre


@dataclass(frozen=True)
class Scale(Warp):
    """Change the size about the centre.

    Args:
        share: largest change: a factor between 1/(1 + share) and 1 + share, up as often as down;
            in 0…3.

    """

    share: float = 0.1

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 3)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the factors, N × 1."""
        return factors(count, 1, self.share, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the scalings."""
        factor = parameters[:, 0]
        none, still = torch.zeros_like(factor), factor.new_zeros(len(factor), 2)
        return about_centre(height, width, degrees=none, factor=factor, shift=still)
