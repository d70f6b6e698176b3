"""The pairs of masks that double masking asks about, each area once."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blurnet.errors import BlurnetError

from .families import Family

MOST = 20_000
"""So many passes an image at most: beyond, a certificate takes minutes an image."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Masks, and what two of them cover together.

    Different pairs often cover the same area, above all where the masks are unions themselves: it
    is asked about once.

    Args:
        masks: bool, K × H × W.
        areas: int64, A × 2: for each area a pair of masks that covers it; a mask twice is itself.
        area_of: int64, K × K: the area of each pair.

    """

    masks: Tensor
    areas: Tensor
    area_of: Tensor


def pairs_of(family: Family, height: int, width: int, k: int | None = None) -> Pairs:
    """Give a family's masks and their pairs.

    Args:
        family: of stickers.
        height: of the images.
        width: likewise.
        k: masks along each axis; see ``Family.masks``.

    Raises:
        BlurnetError: if the family does not fit such images, or there would be more than ``MOST``
            pairs.

    """
    masks = family.masks(height, width, k)
    count = len(masks)
    passes = count * (count + 1) // 2
    if passes > MOST:
        raise BlurnetError(
            f"{family.name}: {count} masks cover it on images of {width} × {height} pixels, "
            f"which takes {passes:,} passes an image, and {MOST:,} are the most; choose fewer "
            "masks along an axis, such as k=2 (--k 2), or a smaller family"
        )
    first, second = torch.triu_indices(count, count)
    packed = np.packbits(masks.flatten(1).numpy(), axis=1)
    joined = packed[first.numpy()] | packed[second.numpy()]
    _, one_of, area = np.unique(joined, axis=0, return_index=True, return_inverse=True)
    area_of = torch.empty(count, count, dtype=torch.int64)
    area_of[first, second] = area_of[second, first] = torch.from_numpy(area.reshape(-1))
    areas = torch.stack((first, second), 1)[torch.from_numpy(one_of)]
    return Pairs(masks, areas, area_of)
