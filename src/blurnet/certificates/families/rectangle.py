"""One rectangle, anywhere."""

from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from blurnet.errors import BlurnetError

from .family import Family, extent, intervals, rectangles


class Rectangle(Family):
    """Any sticker of at most so many rows and columns, upright, anywhere in the image.

    Args:
        height: in pixels.
        width: likewise.

    """

    KIND: ClassVar[str] = "rect"
    FORM: ClassVar[str] = "rect:4x7, height and width in pixels"

    height: int = Field(ge=1)
    width: int = Field(ge=1)

    @classmethod
    def read(cls, text: str, _mask: Tensor | None, /) -> Self:
        """Read "4x7"."""
        height, cross, width = text.replace("×", "x").partition("x")
        if not cross or not all(each.isdecimal() and int(each) for each in (height, width)):
            raise BlurnetError(f"family rect:{text}: write {cls.FORM}")
        return cls(height=int(height), width=int(width))

    @property
    def name(self) -> str:
        """Short."""
        return f"any {self.height}×{self.width}"

    @property
    def describes(self) -> str:
        """In a sentence."""
        return (
            f"Any sticker that fits into {self.height} rows of {self.width} pixels, in any "
            "colours, anywhere in the image."
        )

    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Cut both axes as PatchCleanser does."""
        if self.height > height or self.width > width:
            raise BlurnetError(
                f"{self.name}: no such sticker fits images of {width} × {height} pixels"
            )
        rows, columns = intervals(height, self.height, k), intervals(width, self.width, k)
        return list(rectangles(rows, columns, torch.empty(height, width)))

    def has(self, pixels: Tensor) -> Tensor:
        """Compare the rectangle around them."""
        rows, columns = extent(pixels)
        return (rows <= self.height) & (columns <= self.width)

    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw the corner."""
        top = torch.randint(height - self.height + 1, (count, 1), generator=generator)
        left = torch.randint(width - self.width + 1, (count, 1), generator=generator)
        row, column = torch.arange(height), torch.arange(width)
        in_row = (row >= top) & (row < top + self.height)
        in_column = (column >= left) & (column < left + self.width)
        return in_row[:, :, None] & in_column[:, None, :]
