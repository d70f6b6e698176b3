"""The wrapper that makes a sticker attack of any attack in an L∞ ball of radius 1."""

import torch
from torch import Tensor, nn

from blurnet.attacks.sticker import sticker_mask
from blurnet.errors import BlurnetError


class StickerModel(nn.Module):
    """δ ↦ f(x(1 − M) + M · δ): a network of stickers δ in [0, 1], for attacks of other libraries.

    An attack that may change its input by up to 1 in every value, such as L∞ PGD with ε = 1, then
    moves a sticker's colours freely, and nothing beside it: the gradient there is 0.

    Args:
        model: f, images in [0, 1] in, logits out; a ``Budgeted`` network counts and keeps the best.
        images: x, float32 in [0, 1], N × C × H × W.
        mask: H × W, or N × H × W with one for each image; see ``StickerAttack``.

    Raises:
        BlurnetError: if the mask is none for these images.

    Examples:
        >>> net = blurnet.attacks.StickerModel(model, images, mask)
        >>> logits = net(torch.rand_like(images))  # the images under stickers of random colours

    """

    images: Tensor
    weights: Tensor

    def __init__(self, model: nn.Module, images: Tensor, mask: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("images", images, persistent=False)
        self.register_buffer("weights", sticker_mask(mask, images), persistent=False)

    def forward(self, stickers: Tensor) -> Tensor:
        """Give the logits of the images under stickers.

        Args:
            stickers: δ, of all images in order, once or over and over.

        Raises:
            BlurnetError: for a batch of some images: which would they be?

        """
        if len(stickers) % len(self.images):
            raise BlurnetError(
                f"a sticker for each of the {len(self.images)} images, in order; found "
                f"{len(stickers)}: let the attack take all images at once, or one image alone"
            )
        rounds = len(stickers) // len(self.images)
        images = self.images.repeat(rounds, 1, 1, 1)
        weights = self.weights
        if len(weights) > 1:
            weights = weights.repeat(rounds, 1, 1, 1)
        pasted = images * (1 - weights) + stickers * weights
        logits: Tensor = self.model(torch.where(weights > 0, pasted, images))
        return logits
