"""What a camera adds by itself."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import View, clamp


@dataclass(frozen=True)
class SensorNoise(View):
    """Add Gaussian noise to each value by itself, and clip straight through.

    The noise is what is drawn, so kept parameters (``redraw`` off) take the room of the images.

    Args:
        sigma: its standard deviation, in image values (0 to 1), in 0…1.

    """

    sigma: float = 0.02

    limits: ClassVar[dict[str, tuple[float, float]]] = {"sigma": (0, 1)}

    def draw(
        self, count: int, image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the noise, N × C·H·W."""
        channels, height, width = image_shape
        shape = (count, channels * height * width)
        return self.sigma * torch.randn(shape, generator=generator, device=generator.device)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Add each image's noise."""
        return clamp(images + parameters.to(images).view(images.shape))
