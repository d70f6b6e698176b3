"""Out of focus."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from torch import Tensor

from blurnet.attacks.transforms.base import View, clamp


@dataclass(frozen=True)
class Blur(View):
    """Blur with a Gaussian; beyond the border the outermost pixels repeat.

    Args:
        sigma: largest standard deviation, in pixels of what is blurred, in 0…100; each image's is
            drawn uniformly from 0 up to it.

    """

    sigma: float = 1.0

    limits: ClassVar[dict[str, tuple[float, float]]] = {"sigma": (0, 100)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the standard deviations, in pixels, N × 1."""
        return self.sigma * torch.rand(count, 1, generator=generator, device=generator.device)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Blur each image."""
        size = 2 * math.ceil(3 * self.sigma) + 1
        # of 0.001 pixels and less, a kernel is exactly 1 in its middle
        taps = get_gaussian_kernel1d(size, parameters.to(images).clamp(min=1e-3))
        return clamp(filter2d_separable(images, taps, taps, "replicate"))
