"""A family of stickers, and the masks that cover it."""

from abc import abstractmethod
from typing import ClassVar, Self

import torch
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.settings import Settings

SMALL = 64 * 64
"""Images of more pixels get at most ``FEW`` masks along an axis: each pair of masks is a pass."""

FEW = 3


class Family(Settings):
    """All stickers that an attacker may choose from: in any colours, at any of their places.

    ``KIND`` is the name on a command line, as in ``any:5``, and in JSON.
    """

    KIND: ClassVar[str]
    FORM: ClassVar[str]
    """How it is written on a command line."""

    PER_AXIS: ClassVar[int] = 6
    """Masks along each axis by default."""

    @classmethod
    @abstractmethod
    def read(cls, text: str, mask: Tensor | None, /) -> Self:
        """Make the family that is written as ``KIND:text``.

        Args:
            text: what stands after the colon.
            mask: where the sticker is, H × W, if one is known.

        Raises:
            BlurnetError: if it does not say a family.

        """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short, such as "any 5×5"."""

    @property
    @abstractmethod
    def describes(self) -> str:
        """Which stickers these are, in one plain sentence."""

    @abstractmethod
    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Give masks such that each sticker of the family lies wholly inside one of them.

        Args:
            height: of the images.
            width: likewise.
            k: about so many masks along each axis, at least 1: more are smaller and cost more.

        Returns:
            bool, H × W each.

        Raises:
            BlurnetError: if no sticker of the family fits such images.

        """

    @abstractmethod
    def has(self, pixels: Tensor) -> Tensor:
        """Say whether changes of these pixels are within one sticker of the family.

        Args:
            pixels: bool, N × H × W.

        Returns:
            bool, N.

        """

    @abstractmethod
    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw where stickers are, as large as the family has them; bool, count × H × W."""

    def masks(self, height: int, width: int, k: int | None = None) -> Tensor:
        """Give the masks of ``covering``, those that lie inside another left out.

        Args:
            height: of the images.
            width: likewise.
            k: as there; None for ``PER_AXIS``, but at most 3 for images of more than 64 × 64.

        Returns:
            bool, K × H × W.

        Raises:
            BlurnetError: as there, and for a k below 1.

        """
        if k is None:
            k = self.PER_AXIS if height * width <= SMALL else min(FEW, self.PER_AXIS)
        if k < 1:
            raise BlurnetError(f"{self.name}: k, the masks along an axis, is at least 1, not {k}")
        return _outermost(torch.stack(self.covering(height, width, k)))


def _outermost(masks: Tensor) -> Tensor:
    """Leave out masks that lie inside another one, and all but the first of equals."""
    flat = masks.flatten(1).float()
    area = flat.sum(1)
    inside = flat @ flat.T == area[:, None]  # of row i all pixels are in column j
    place = torch.arange(len(masks))
    larger = (area[None] > area[:, None]) | (place[None] < place[:, None])
    return masks[~(inside & larger).any(1)]


def intervals(length: int, size: int, k: int) -> list[tuple[int, int]]:
    """Cut an axis into overlapping intervals, so that each run of ``size`` pixels lies in one.

    PatchCleanser (Xiang et al., arXiv 2108.09135), section 3.3: stride s = ⌈(n − p + 1) / k⌉, masks
    of m = p + s − 1 pixels at 0, s, 2s, … and at n − m.

    Args:
        length: n, of the axis.
        size: p, of the sticker, at most n.
        k: about how many intervals; fewer where fewer do.

    Returns:
        First and one past the last pixel of each.

    """
    stride = -(-(length - size + 1) // k)
    side = size + stride - 1
    starts = [*range(0, length - side, stride), length - side]
    return [(start, start + side) for start in starts]


def rectangles(rows: list[tuple[int, int]], columns: list[tuple[int, int]], like: Tensor) -> Tensor:
    """Give the rectangles of all pairs of intervals, bool, K × H × W as ``like``, H × W."""
    found = like.new_zeros((len(rows) * len(columns), *like.shape), dtype=torch.bool)
    for row, (top, bottom) in enumerate(rows):
        for column, (left, right) in enumerate(columns):
            found[row * len(columns) + column, top:bottom, left:right] = True
    return found


def extent(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Give the height and width of the smallest rectangle around pixels, int64, N each.

    Args:
        pixels: bool, N × H × W; where there are none, both are 0.

    """
    found = []
    for along in (pixels.any(2), pixels.any(1)):
        place = torch.arange(1, along.shape[1] + 1)
        last = (along * place).amax(1)
        first = (along * place.flip(0)).amax(1)  # counted from the end
        found.append((last + first - along.shape[1]).clamp(min=0))
    rows, columns = found
    return rows, columns


def whole_number(kind: str, form: str, text: str) -> int:
    """Read a whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise BlurnetError(f"family {kind}:{text}: write {form}")
    return int(text)
