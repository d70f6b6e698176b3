"""One square, anywhere."""

from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from .family import Family, whole_number
from .rectangle import Rectangle


class Square(Family):
    """Any sticker of at most so many rows and columns, anywhere in the image.

    Args:
        size: its side, in pixels.

    """

    KIND: ClassVar[str] = "any"
    FORM: ClassVar[str] = "any:5, the side of a square in pixels"

    size: int = Field(ge=1)

    @classmethod
    def read(cls, text: str, _mask: Tensor | None, /) -> Self:
        """Read "5"."""
        return cls(size=whole_number(cls.KIND, cls.FORM, text))

    @property
    def name(self) -> str:
        """Short."""
        return self._rectangle.name

    @property
    def describes(self) -> str:
        """In a sentence."""
        return (
            f"Any sticker that fits into a square of {self.size} × {self.size} pixels, in any "
            "colours, anywhere in the image."
        )

    @property
    def _rectangle(self) -> Rectangle:
        return Rectangle(height=self.size, width=self.size)

    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Cut both axes as PatchCleanser does."""
        return self._rectangle.covering(height, width, k)

    def has(self, pixels: Tensor) -> Tensor:
        """Compare the rectangle around them."""
        return self._rectangle.has(pixels)

    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw the corner."""
        return self._rectangle.draw(count, height, width, generator)
