"""What the geometric views share: a homography of pixels, and one resampling by it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.geometry.transform import get_affine_matrix2d, warp_perspective
from torch import Tensor

from blurnet.attacks.transforms.base import Of, View, clamp


@dataclass(frozen=True, kw_only=True)
class Warp(View):
    """A view that moves pixels. Those of a sticker by default: the photographs are views already.

    Neighbours in a list are multiplied and resampled once (``apply_views``), since each bilinear
    resampling also blurs. A sticker is transparent beyond its border; an image repeats its
    outermost pixels.
    """

    of: Of = "sticker"

    changes: ClassVar[tuple[Of, ...]] = ("sticker", "image")

    @abstractmethod
    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the homographies, from pixels (x, y, 1) to where they go, N × 3 × 3.

        Args:
            parameters: as ``draw`` gives them, N × k.
            height: of what is warped, in pixels.
            width: likewise.

        """

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Warp each image."""
        return warp([self], images, [parameters])


def warp(warps: Sequence[Warp], images: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Warp by one view after the other, resampling once; at least in float32."""
    if not warps:
        return images
    height, width = images.shape[2:]
    exact = images.to(torch.promote_types(images.dtype, torch.float32))
    matrix = torch.eye(3, dtype=exact.dtype, device=exact.device)
    for each, values in zip(warps, parameters, strict=True):
        matrix = each.matrix(values.to(exact), height, width) @ matrix
    if warps[0].of == "sticker":
        warped = warp_perspective(exact, matrix, (height, width), padding_mode="zeros")
    else:
        warped = clamp(warp_perspective(exact, matrix, (height, width), padding_mode="border"))
    return warped.to(images)


def about_centre(
    height: int, width: int, *, degrees: Tensor, factor: Tensor, shift: Tensor
) -> Tensor:
    """Give the homographies that turn, scale and shift about the image's centre, N × 3 × 3.

    Args:
        height: of the images, in pixels.
        width: likewise.
        degrees: clockwise, N.
        factor: of the size, N.
        shift: to the right and down, in pixels, N × 2.

    """
    centre = torch.stack(
        (torch.full_like(degrees, (width - 1) / 2), torch.full_like(degrees, (height - 1) / 2)), 1
    )
    return get_affine_matrix2d(shift, centre, factor[:, None].expand(-1, 2), degrees)
