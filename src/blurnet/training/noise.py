"""Training with Gaussian noise, the plainest baseline."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class GaussianNoise:
    """Harden by noise: x + σ ε, ε ∼ N(0, 1) for each value by itself, clipped to [0, 1].

    Args:
        sigma: σ, in units of image values (0 to 1), at least 0.

    """

    sigma: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < float("inf"):
            raise BlurnetError(f"noise: sigma is at least 0, in image units; found {self.sigma}")

    def __call__(
        self, _model: nn.Module, images: Tensor, _labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give noisy images; ``generator`` is a CPU generator."""
        noise = torch.randn(images.shape, generator=generator).to(images)
        return noise.mul_(self.sigma).add_(images).clamp_(0, 1)
