"""Training under two masks, as double masking will ask: what makes a network certifiable."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError

GREY = 0.5


@dataclass(frozen=True)
class DoubleCutout:
    """Cover each image with two grey squares at random places (Xiang et al., arXiv 2108.09135).

    The masked predictor asks the network about every pair of its masks, so it learns from pairs.
    The squares lie wholly inside the image and may overlap. Grey 0.5, as masks of certificates are.

    Args:
        smallest: least side of a square, as a share of the image's shorter side, above 0.
        largest: most, at most 1; drawn uniformly, one side for both squares of an image. The
            default is what any 5 × 5 sticker of a 32 × 32 image needs: masks of 9 pixels.
        share: of the images that are covered, in 0…1.

    """

    smallest: float = 0.28
    largest: float = 0.28
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest <= 1 or not 0 <= self.share <= 1:
            raise BlurnetError(
                "double cutout: 0 < smallest ≤ largest ≤ 1 and share lies in 0…1; "
                f"found {self.smallest}, {self.largest} and {self.share}"
            )

    def __call__(
        self, _model: nn.Module, images: Tensor, _labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give covered images; ``generator`` is a CPU generator."""
        count, shorter = len(images), min(images.shape[2:])
        draw = torch.rand(count, generator=generator)
        side = (self.smallest + draw * (self.largest - self.smallest)) * shorter
        side = side.round().clamp(1, shorter)[:, None]
        covered = torch.rand(count, generator=generator) < self.share
        inside = torch.zeros(count, *images.shape[2:], dtype=torch.bool)
        for _ in range(2):
            along = []
            for length in images.shape[2:]:
                start = torch.rand(count, 1, generator=generator) * (length - side + 1)
                pixel = torch.arange(length)
                along.append((pixel >= start.floor()) & (pixel < start.floor() + side))
            inside |= along[0][:, :, None] & along[1][:, None, :]
        inside &= covered[:, None, None]
        return images.masked_fill(inside[:, None].to(images.device), GREY)
