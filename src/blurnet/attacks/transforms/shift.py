"""The sticker put on a little beside its place, or the sign cropped so."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import uniform
from blurnet.attacks.transforms.warp import Warp, about_centre


@dataclass(frozen=True)
class Shift(Warp):
    """Move along both axes.

    Args:
        share: largest move either way, as a share of the width and of the height, in 0…1.

    """

    share: float = 0.03

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 1)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the moves to the right and down, as shares, N × 2."""
        return self.share * uniform(count, 2, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the translations."""
        none = torch.zeros_like(parameters[:, 0])
        pixels = torch.stack((parameters[:, 0] * width, parameters[:, 1] * height), 1)
        return about_centre(height, width, degrees=none, factor=none + 1, shift=pixels)
