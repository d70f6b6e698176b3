"""Large photographs, down to what the network takes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from blurnet.attacks.transforms.base import View, clamp
from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class Resize(View):
    """Resize bilinearly, antialiased where it shrinks. Nothing is drawn.

    The same filter as ``blurnet.data`` reads pictures with (Pillow's), so that what is attacked is
    what a resized file would be; kornia's antialiasing is a Gaussian, which is not.

    Args:
        height: what the network takes, in pixels, at least 1.
        width: likewise.

    """

    height: int = 32
    width: int = 32

    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "height": (1, 10_000),
        "width": (1, 10_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.height % 1 or self.width % 1:
            raise BlurnetError(
                f"Resize: height and width are whole numbers; found {self.height} and {self.width}"
            )

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw nothing, N × 0."""
        return torch.empty(count, 0, device=generator.device)

    def __call__(self, images: Tensor, _parameters: Tensor, /) -> Tensor:
        """Resize each image."""
        size = (self.height, self.width)
        # torch antialiases nothing less exact than float32
        exact = images.to(torch.promote_types(images.dtype, torch.float32))
        small = F.interpolate(exact, size, mode="bilinear", align_corners=False, antialias=True)
        return clamp(small).to(images)

    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Give C × ``height`` × ``width``."""
        return (image_shape[0], self.height, self.width)
