"""What all attacks that make an opaque sticker for each image share: arguments and result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from blurnet.attacks.check import ABOVE, mask_of
from blurnet.errors import BlurnetError

OnStep = Callable[[int, int], None]
"""(steps done, steps in all)"""


class StickerSettings(Protocol):
    """Settings of such an attack."""

    def passes(self, classes: int) -> int:
        """Say how many passes through the network an image costs at most.

        A gradient costs a pass forward and two more backward.

        Args:
            classes: how many logits the network has.

        """
        ...


@dataclass(frozen=True, eq=False)
class StickerResult:
    """What such an attack found: of each image the best point that it met.

    Args:
        adversarial: the attacked images, in [0, 1], N × C × H × W.
        margin: z_y − max_{k ≠ y} z_k of each; below 0 the image is no longer taken for y.
        history: the margin at each query, N × queries; not a number after an image's last.
        queries: how often the network was asked about each image, int64, N.
        gradients: how many of these gave a gradient too, int64, N.
        dead_gradient_share: of the values under the mask of all these gradients, those that were 0;
            None where no gradient was asked for.

    """

    adversarial: Tensor
    margin: Tensor
    history: Tensor
    queries: Tensor
    gradients: Tensor
    dead_gradient_share: float | None

    @property
    def fooled(self) -> Tensor:
        """Which images are no longer taken for y, bool, N."""
        return self.margin < 0


class StickerAttack(Protocol):
    """An attack that makes an opaque sticker for each image: a plain function.

    Args of the call:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes y, int64, N.
        mask: where the sticker is, in [0, 1], H × W, or N × H × W with one for each image. Pixels
            above ``ABOVE`` belong to the sticker, with the mask's weight: x(1 − M) + M · s.
        settings: how to search.
        generator: of all chance, a CPU generator.
        on_step: called with the steps done and in all.

    Raises:
        BlurnetError: if images, labels and mask do not fit, or the network is none that takes them.

    """

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        mask: Tensor,
        *,
        settings: Any,
        generator: torch.Generator,
        on_step: OnStep | None = None,
    ) -> StickerResult:
        """Attack."""
        ...


def sticker_mask(mask: Tensor, images: Tensor) -> Tensor:
    """Give the weights of an opaque sticker, 1 × 1 × H × W or N × 1 × H × W: 0 up to ``ABOVE``.

    Args:
        mask: in [0, 1], H × W or N × H × W.
        images: N × C × H × W.

    Raises:
        BlurnetError: if it is none for these images, or has no such pixel for one of them.

    """
    weights = mask_of(mask, images)
    weights = torch.where(weights > ABOVE, weights, 0).to(images)
    empty = ~(weights > 0).flatten(1).any(1)
    if empty.any():
        of = "" if mask.dim() == 2 else f" of image {int(empty.int().argmax())}"
        raise BlurnetError(
            f"the mask{of} has no pixel above {ABOVE} (its largest is {mask.max():.3g}); 1 is "
            "where the sticker is"
        )
    return weights
