"""Pictures that an evaluation keeps; see ``Evidence``."""

import torch
from torch import Tensor

from blurnet.attacks.sticker import OPAQUE, sticker_mask


def bytes_of(images: Tensor) -> Tensor:
    """Give images as uint8."""
    return (images.clamp(0, 1) * 255).round().byte()


def sticker_pictures(
    images: Tensor, attacked: Tensor, mask: Tensor, answers: Tensor, place: int
) -> dict[str, Tensor]:
    """Give the pictures of an attack that makes a sticker for each image.

    Args:
        images: those shown, S × C × H × W.
        attacked: likewise, under their stickers.
        mask: H × W or S × H × W.
        answers: of the attacked images, int64, S.
        place: of the attack in the suite.

    """
    pictures = {f"attacked/{place}": bytes_of(attacked), f"answers/{place}": answers}
    weights = sticker_mask(mask, images)
    covered = (weights > 0).expand_as(images)
    if torch.equal(attacked[~covered], images[~covered]):  # else it was moved
        colours = (attacked - images * (1 - weights)) / weights.clamp(min=OPAQUE)
        pictures |= {
            f"target/{place}": torch.full_like(answers, -1),
            f"sticker/{place}": torch.where(covered, colours, 0).clamp(0, 1),
            f"sticker_of/{place}": torch.arange(len(images)),
        }
    return pictures
