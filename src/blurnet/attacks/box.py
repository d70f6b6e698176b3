"""Where the points of a sticker attack lie, and where its runs start."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Start = Literal["random", "corners", "black", "white", "clean"]


@dataclass(frozen=True, eq=False)
class Box:
    """Where the points of a sticker attack lie: from ``lowest`` to ``highest``, N × C × H × W.

    Args:
        images: x.
        weights: M, 1 or N × 1 × H × W.
        lowest: x(1 − M) + M · max(x − ε, 0).
        highest: x(1 − M) + M · min(x + ε, 1).

    """

    images: Tensor
    weights: Tensor
    lowest: Tensor
    highest: Tensor

    @classmethod
    def of(cls, images: Tensor, weights: Tensor, epsilon: float) -> "Box":
        """Give the box of an ε, under a mask."""
        kept = images * (1 - weights)
        lowest = kept + weights * (images - epsilon).clamp(min=0)
        highest = kept + weights * (images + epsilon).clamp(max=1)
        covered = (weights > 0).expand_as(images)  # elsewhere x is kept to the last bit
        return cls(
            images,
            weights,
            torch.where(covered, lowest, images),
            torch.where(covered, highest, images),
        )

    def inside(self, points: Tensor) -> Tensor:
        """Give the nearest points inside."""
        return points.clamp(self.lowest, self.highest)

    def start(self, kind: Start, generator: torch.Generator) -> Tensor:
        """Give where a run starts, N × C × H × W; random kinds draw from the generator."""
        if kind == "clean":
            return self.images
        if kind == "black":
            return self.lowest
        if kind == "white":
            return self.highest
        share = torch.rand(self.images.shape, generator=generator).to(self.images)
        if kind == "corners":
            share = share.round()
        return self.inside(self.lowest + share * (self.highest - self.lowest))
