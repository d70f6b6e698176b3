"""The control of an attack: opaque stickers of colours that nobody searched for."""

from collections.abc import Iterator

import torch
from torch import Tensor

from blurnet.attacks.check import check_images, mask_of, sticker_pixels

PLAIN = {"black": 0.0, "white": 1.0}
"""Plain stickers, by name."""


def random_colors(
    images: Tensor, mask: Tensor, *, stickers: int = 10, generator: torch.Generator
) -> Iterator[Tensor]:
    """Paste opaque stickers of random colors into the mask: s ∼ U[0, 1] on its pixels above 0.5.

    Each pixel of a sticker has a color of its own; all images get the same stickers.

    Args:
        images: float32 in [0, 1], N × C × H × W; left as they are.
        mask: float32 in [0, 1], H × W, or N × H × W with one for each image.
        stickers: how many.
        generator: where the colors are drawn from, at once.

    Returns:
        An iterator over the images under each sticker, each N × C × H × W.

    Raises:
        BlurnetError: if the images and the mask do not fit.

    Examples:
        >>> generator = torch.Generator().manual_seed(0)
        >>> for attacked in blurnet.random_colors(images, mask, stickers=2, generator=generator):
        ...     answers = model(attacked).argmax(1)

    """
    check_images(images)
    covered = _opaque(mask, images)
    colors = torch.rand(stickers, *images.shape[1:], generator=generator)
    return (images * (1 - covered) + each * covered for each in colors)


def plain_stickers(images: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Paste an opaque sticker of one color into the mask: what needs no search at all.

    Args:
        images: float32 in [0, 1], N × C × H × W; left as they are.
        mask: float32 in [0, 1], H × W, or N × H × W with one for each image.

    Returns:
        "black" and "white" → the images under it.

    Raises:
        BlurnetError: if the images and the mask do not fit.

    """
    check_images(images)
    covered = _opaque(mask, images)
    return {name: images * (1 - covered) + color * covered for name, color in PLAIN.items()}


def _opaque(mask: Tensor, images: Tensor) -> Tensor:
    return sticker_pixels(mask_of(mask, images)).to(images)
