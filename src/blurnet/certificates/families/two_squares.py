"""Two squares, anywhere."""

from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from .family import Family, extent, whole_number
from .square import Square


class TwoSquares(Family):
    """Any two stickers of at most so many rows and columns each, anywhere, apart or not.

    Args:
        size: the side of each, in pixels.

    """

    KIND: ClassVar[str] = "two"
    FORM: ClassVar[str] = "two:3, the side of each of two squares in pixels"
    PER_AXIS: ClassVar[int] = 3

    size: int = Field(ge=1)

    @classmethod
    def read(cls, text: str, _mask: Tensor | None, /) -> Self:
        """Read "3"."""
        return cls(size=whole_number(cls.KIND, cls.FORM, text))

    @property
    def name(self) -> str:
        """Short."""
        return f"any two {self.size}×{self.size}"

    @property
    def describes(self) -> str:
        """In a sentence."""
        return (
            f"Any two stickers at once, each of which fits into a square of {self.size} × "
            f"{self.size} pixels, in any colours, anywhere in the image."
        )

    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Join each two of the masks for one square: one covers the one, one the other."""
        one = Square(size=self.size).covering(height, width, k)
        return [first | second for place, first in enumerate(one) for second in one[place:]]

    def has(self, pixels: Tensor) -> Tensor:
        """Try the two pairs of opposite corners of the rectangle around the pixels.

        That is enough: each side of that rectangle is touched by one of the squares, and a square
        can be moved into the corner of the sides that it touches without losing a pixel.
        """
        rows, columns = extent(pixels)
        top = pixels.any(2).int().argmax(1)[:, None]
        left = pixels.any(1).int().argmax(1)[:, None]
        bottom, right = top + rows[:, None] - 1, left + columns[:, None] - 1
        row, column = torch.arange(pixels.shape[1]), torch.arange(pixels.shape[2])
        above, below = row < top + self.size, row > bottom - self.size
        before, after = column < left + self.size, column > right - self.size
        found = torch.zeros(len(pixels), dtype=torch.bool)
        for one, other in ((before, after), (after, before)):
            covered = above[:, :, None] & one[:, None] | below[:, :, None] & other[:, None]
            found |= ~(pixels & ~covered).flatten(1).any(1)
        return found

    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw both."""
        one = Square(size=self.size)
        return one.draw(count, height, width, generator) | one.draw(count, height, width, generator)
