"""Augmentation that a sign stays itself under: pose, light and focus, never a flip."""

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.filters import kernel


@dataclass(frozen=True)
class SignAugmentation:
    """How far images of signs are changed; every amount is drawn anew for each image.

    No flips: a mirrored "keep right" is another sign. 0 everywhere changes nothing. The defaults
    did best of a dozen choices for LISA-CNN on the last fifth of LISA's training block; larger
    turns, shifts and blurs did worse there than none.

    Args:
        rotation: largest turn either way, in degrees.
        scale: largest change of size: a factor between 1/(1 + scale) and 1 + scale.
        shift: largest shift along each axis, as a share of the image's width.
        perspective: largest difference of the scale at an image's edge from that in its middle.
        brightness: as scale, for the factor of all values.
        contrast: as scale, for the factor of the distance from the image's mean.
        gamma: as scale, for the exponent of all values.
        cast: as scale, for a factor of each channel by itself.
        grey: share of the images that lose some of their colour, between none and all; only RGB
            images have any.
        blur: share of the images that are blurred, between not at all and by a 5 × 5 binomial.

    """

    rotation: float = 3.0
    scale: float = 0.05
    shift: float = 0.03
    perspective: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    gamma: float = 0.3
    cast: float = 0.0
    grey: float = 0.3
    blur: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            amount = getattr(self, field.name)
            limit = {"rotation": 180, "perspective": 0.45, "grey": 1, "blur": 1}.get(field.name, 10)
            if not 0 <= amount <= limit:
                raise BlurnetError(f"augmentation: {field.name} lies in 0…{limit}; found {amount}")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change each image by itself.

        Args:
            images: float32 in [0, 1], N × C × H × W; left as they are. What comes into view from
                beyond their border repeats their outermost pixels.
            generator: where the amounts are drawn from, a CPU generator.

        Returns:
            The changed images, in [0, 1], of the same shape.

        """
        drawn = torch.rand(len(images), 16, generator=generator)
        draw = drawn.to(images.device)
        seen = F.grid_sample(
            images,
            self._grid(draw[:, :6], images.shape[2], images.shape[3]),
            padding_mode="border",
            align_corners=False,
        )
        if self.blur:
            taps = kernel("binomial", 5).to(images.device).expand(images.shape[1], 1, 5, 5)
            blurred = F.conv2d(F.pad(seen, (2,) * 4, mode="replicate"), taps, groups=len(taps))
            seen = seen.lerp(blurred, _some(draw[:, 6:8], self.blur))
        if self.grey and images.shape[1] == 3:
            # luma of ITU-R BT.601
            grey = torch.einsum("nchw,c->nhw", seen, torch.tensor([0.299, 0.587, 0.114]).to(seen))
            seen = seen.lerp(grey[:, None], _some(draw[:, 8:10], self.grey))
        mean = seen.mean(dim=(1, 2, 3), keepdim=True)
        casts = drawn[:, [11 + channel % 3 for channel in range(images.shape[1])]].to(draw.device)
        gain = _factor(casts, self.cast) * _factor(draw[:, 10:11], self.brightness)
        contrast = _factor(draw[:, 14:15], self.contrast)[..., None, None]
        gain = gain[..., None, None]
        seen = (seen * (gain * contrast)).add_(gain * mean * (1 - contrast)).clamp_(0, 1)
        return seen.pow_(_factor(draw[:, 15:16], self.gamma)[..., None, None])

    def _grid(self, draw: Tensor, height: int, width: int) -> Tensor:
        """Give where each pixel is read from, N × H × W × 2 in grid_sample's [−1, 1]."""
        signed = 2 * draw - 1
        angle = signed[:, 0] * math.radians(self.rotation)
        size = _factor(draw[:, 1], self.scale)
        turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), 1).view(-1, 2, 2)
        ys = torch.linspace(-1 + 1 / height, 1 - 1 / height, height, device=draw.device)
        xs = torch.linspace(-1 + 1 / width, 1 - 1 / width, width, device=draw.device)
        points = torch.stack(torch.meshgrid(xs, ys, indexing="xy")).view(2, -1)
        depth = 1 + (self.perspective * signed[:, None, 2:4]) @ points
        seen = (size[:, None, None] * turn) @ points / depth
        seen = seen + 2 * self.shift * signed[:, 4:6, None]
        return seen.transpose(1, 2).view(-1, height, width, 2)


def _factor(draw: Tensor, spread: float) -> Tensor:
    """Turn draws in [0, 1) into factors in 1/(1 + spread)…1 + spread, up as often as down."""
    return torch.exp((2 * draw - 1) * math.log1p(spread))


def _some(draw: Tensor, share: float) -> Tensor:
    """Turn two draws in [0, 1) into an amount: 0 for most, uniform in [0, 1) for a share."""
    return ((draw[:, 0] < share) * draw[:, 1])[:, None, None, None]
