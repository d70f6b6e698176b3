"""Training on noisy images."""

import torch
from torch import Tensor


def gaussian_noise(images: Tensor, *, sigma: float, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise and clip.

    Args:
        images: float32 in [0, 1], N × C × H × W.
        sigma: σ, the standard deviation, in units of image values.
        generator: where the noise is drawn from.

    Returns:
        The noisy images, in [0, 1].

    """
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    return (images + sigma * noise).clamp(0, 1)
