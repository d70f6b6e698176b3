"""Geometric transforms: a homography of pixels, and one resampling by it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from kornia.geometry.transform import (
    get_affine_matrix2d,
    get_perspective_transform,
    warp_perspective,
)
from torch import Tensor

from blurnet.attacks.transforms.base import Of, Transform, clamp, factors, uniform


@dataclass(frozen=True, kw_only=True)
class Warp(Transform):
    """Moves pixels: those of the sticker by default, since each photograph is a view already.

    Neighbours in a list are multiplied and resampled once (``apply_transforms``), since each
    bilinear resampling also blurs. A sticker is transparent beyond its border; an image repeats
    its outermost pixels.
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


@dataclass(frozen=True)
class Perspective(Warp):
    """Move each corner by itself.

    Args:
        displacement: largest move along each axis either way, as a share of the width and of the
            height, in 0…0.45.

    """

    displacement: float = 0.05

    limits: ClassVar[dict[str, tuple[float, float]]] = {"displacement": (0, 0.45)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the shares by which the corners move, clockwise from the top left: x, y of each."""
        return self.displacement * uniform(count, 8, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the homographies that move the corners."""
        near = torch.zeros_like(parameters[:, :1])
        far = near + 1
        x = torch.cat((near, far, far, near), 1)
        y = torch.cat((near, near, far, far), 1)
        corners = torch.stack((x * width, y * height), 2) - 0.5
        move = torch.stack((parameters[:, 0::2] * width, parameters[:, 1::2] * height), 2)
        return get_perspective_transform(corners, corners + move)


@dataclass(frozen=True)
class Rotation(Warp):
    """Turn about the centre.

    Args:
        degrees: largest turn either way, in 0…180.

    """

    degrees: float = 5.0

    limits: ClassVar[dict[str, tuple[float, float]]] = {"degrees": (0, 180)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the turns, in degrees clockwise, N × 1."""
        return self.degrees * uniform(count, 1, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the rotations."""
        angle = parameters[:, 0]
        one = torch.ones_like(angle)
        still = angle.new_zeros(len(angle), 2)
        return about_centre(height, width, degrees=angle, factor=one, shift=still)


@dataclass(frozen=True)
class Scale(Warp):
    """Change the size about the centre.

    Args:
        share: largest change: a factor between 1/(1 + share) and 1 + share, up as often as down;
            in 0…3.

    """

    share: float = 0.1

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 3)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the factors, N × 1."""
        return factors(count, 1, self.share, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the scalings."""
        factor = parameters[:, 0]
        none, still = torch.zeros_like(factor), factor.new_zeros(len(factor), 2)
        return about_centre(height, width, degrees=none, factor=factor, shift=still)


@dataclass(frozen=True)
class Shift(Warp):
    """Move along both axes.

    Args:
        share: largest move either way, as a share of the width and of the height, in 0…1.

    """

    share: float = 0.03

    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 1)}

    def draw(
        self, count: int, _image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw the moves to the right and down, as shares, N × 2."""
        return self.share * uniform(count, 2, generator)

    def matrix(self, parameters: Tensor, height: int, width: int) -> Tensor:
        """Give the translations."""
        none = torch.zeros_like(parameters[:, 0])
        pixels = torch.stack((parameters[:, 0] * width, parameters[:, 1] * height), 1)
        return about_centre(height, width, degrees=none, factor=none + 1, shift=pixels)


def warp(warps: Sequence[Warp], images: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Warp by one transform after the other, resampling once; at least in float32."""
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
