"""One rectangle of any shape up to an area."""

from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from blurnet.errors import BlurnetError

from .family import Family, extent, whole_number
from .rectangle import Rectangle


class Area(Family):
    """Any upright rectangle of at most so many pixels, of whatever shape, anywhere.

    Args:
        pixels: height times width.

    """

    KIND: ClassVar[str] = "area"
    FORM: ClassVar[str] = "area:24, the most pixels of a rectangle"
    PER_AXIS: ClassVar[int] = 3

    pixels: int = Field(ge=1)

    @classmethod
    def read(cls, text: str, _mask: Tensor | None, /) -> Self:
        """Read "24"."""
        return cls(pixels=whole_number(cls.KIND, cls.FORM, text))

    @property
    def name(self) -> str:
        """Short."""
        return f"any rectangle of {self.pixels}"

    @property
    def describes(self) -> str:
        """In a sentence."""
        return (
            f"Any sticker that fits into an upright rectangle of at most {self.pixels} pixels, of "
            "whatever shape, in any colours, anywhere in the image."
        )

    def _shapes(self, height: int, width: int) -> list[Rectangle]:
        """List the rectangles that fit and that none contains."""
        tallest = {
            min(self.pixels // rows, width): rows for rows in range(1, min(self.pixels, height) + 1)
        }
        return [Rectangle(height=rows, width=columns) for columns, rows in tallest.items()]

    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Cover the largest rectangle of each shape."""
        if self.pixels > height * width:
            raise BlurnetError(
                f"{self.name}: images of {width} × {height} pixels have only {height * width}"
            )
        return [
            mask
            for shape in self._shapes(height, width)
            for mask in shape.covering(height, width, k)
        ]

    def has(self, pixels: Tensor) -> Tensor:
        """Compare the area of the rectangle around them."""
        rows, columns = extent(pixels)
        return rows * columns <= self.pixels

    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw the shape, then the corner."""
        shapes = self._shapes(height, width)
        chosen = torch.randint(len(shapes), (count,), generator=generator).tolist()
        return torch.cat([shapes[each].draw(1, height, width, generator) for each in chosen])
