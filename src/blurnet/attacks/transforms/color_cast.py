"""Light with a colour, or a camera that balances white wrongly."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import View, clamp, factors


@dataclass(frozen=True)
class ColorCast(View):
    """Multiply each channel by a factor of its own, and clip straight through.

    Args:
        share: largest change: a factor between 1/(1 + share) and 1 + share, up as often as down;
            in 0…10.

    """

    share: float = 0.1

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 10)}

    def draw(
        self, count: int, image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the factors, N × C."""
        return factors(count, image_shape[0], self.share, generator)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Tint each image."""
        return clamp(images * parameters.to(images)[..., None, None])
