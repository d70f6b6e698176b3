"""Transforms of light. kornia's clip, and what is clipped has no gradient; these keep it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from blurnet.attacks.transforms.base import Transform, clamp, factors


@dataclass(frozen=True)
class Brightness(Transform):
    """Multiply all values, and clip straight through.

    Args:
        share: largest change: a factor between 1/(1 + share) and 1 + share, up as often as down;
            in 0…10. Of the stored values: a stop more light is about 0.37 (2^(1/2.2) − 1).

    """

    share: float = 0.3

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 10)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the factors, N × 1."""
        return factors(count, 1, self.share, generator)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Brighten or darken each image."""
        return clamp(images * parameters.to(images)[..., None, None])


@dataclass(frozen=True)
class Contrast(Transform):
    """Multiply each value's distance from its image's mean, and clip straight through.

    Args:
        share: largest change: a factor between 1/(1 + share) and 1 + share, up as often as down;
            in 0…10.

    """

    share: float = 0.3

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 10)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the factors, N × 1."""
        return factors(count, 1, self.share, generator)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Flatten or harden each image."""
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return clamp(mean + (images - mean) * parameters.to(images)[..., None, None])


@dataclass(frozen=True)
class ColorCast(Transform):
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
