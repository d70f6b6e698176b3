"""Training with random rectangles pasted on, the cheap control of attacks that place them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError

FILLS = ("colour", "grey", "noise")


@dataclass(frozen=True)
class RandomOcclusion:
    """Harden by pasting opaque rectangles at random places, wholly inside the image.

    Args:
        smallest: least width and height, as a share of the image's, above 0.
        largest: most, at most 1; each is drawn by itself, uniformly.
        most: up to so many rectangles on an image, at least 1; as often 1 as any other number.
        share: of the images that get any, in 0…1.
        fills: what they are filled with, each as often: one "colour", one "grey", or "noise" that
            is drawn for each value.

    """

    smallest: float = 0.1
    largest: float = 0.4
    most: int = 2
    share: float = 1.0
    fills: tuple[str, ...] = FILLS

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest <= 1 or self.most < 1 or not 0 <= self.share <= 1:
            raise BlurnetError(
                "occlusion: 0 < smallest ≤ largest ≤ 1, most is at least 1 and share lies in 0…1; "
                f"found {self.smallest}, {self.largest}, {self.most} and {self.share}"
            )
        if not self.fills or set(self.fills) - set(FILLS):
            raise BlurnetError(f"occlusion: fills are of {', '.join(FILLS)}; found {self.fills}")

    def __call__(
        self, _model: nn.Module, images: Tensor, _labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give occluded images; ``generator`` is a CPU generator."""
        count = len(images)
        numbers = torch.randint(1, self.most + 1, (count,), generator=generator)
        numbers *= torch.rand(count, generator=generator) < self.share
        for place in range(self.most):
            inside = self._rectangles(images, generator) & (numbers > place)[:, None, None]
            images = torch.where(
                inside[:, None].to(images.device), self._filling(images, generator), images
            )
        return images

    def _rectangles(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one rectangle for each image, bool, N × H × W."""
        along = []
        for length in images.shape[2:]:
            draw = torch.rand(2, len(images), 1, generator=generator)
            size = (self.smallest + draw[0] * (self.largest - self.smallest)) * length
            size = size.round().clamp(1, length)
            start = (draw[1] * (length - size + 1)).floor()
            pixel = torch.arange(length)
            along.append((pixel >= start) & (pixel < start + size))
        return along[0][:, :, None] & along[1][:, None, :]

    def _filling(self, images: Tensor, generator: torch.Generator) -> Tensor:
        count, colours = images.shape[:2]
        kind = torch.randint(len(self.fills), (count, 1, 1, 1), generator=generator)
        colour = torch.rand(count, colours, 1, 1, generator=generator)
        filling = {
            "colour": colour,
            "grey": colour[:, :1],
            "noise": torch.rand(images.shape, generator=generator),
        }
        drawn = torch.zeros(images.shape)
        for place, name in enumerate(self.fills):
            drawn = torch.where(kind == place, filling[name], drawn)
        return drawn.to(images)
