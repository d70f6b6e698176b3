"""A given sticker's place, moved a little."""

import base64
from collections.abc import Iterator
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from blurnet.errors import BlurnetError

from .family import Family


class ShiftedMask(Family):
    """Any sticker in a given mask, moved along each axis by at most so many pixels.

    What is moved beyond the image's border is cut off.

    Args:
        shift: the most pixels along each axis, either way.
        height: of the mask.
        width: likewise.
        bits: its pixels row by row, packed eight to a byte, the first the highest; in base64.

    """

    KIND: ClassVar[str] = "mask"
    FORM: ClassVar[str] = "mask:2, by how many pixels the mask may be moved, from 0"

    shift: int = Field(ge=0)
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    bits: str

    @classmethod
    def of(cls, mask: Tensor, shift: int) -> Self:
        """Make the family of a mask, H × W: all pixels above 0, which is all that can change.

        Raises:
            BlurnetError: if there are none.

        """
        if mask.dim() != 2 or not (mask > 0).any():
            raise BlurnetError("family mask: one mask is needed, H × W, that is not 0 everywhere")
        packed = np.packbits((mask > 0).cpu().numpy())
        bits = base64.b64encode(packed.tobytes()).decode()
        return cls(shift=shift, height=mask.shape[0], width=mask.shape[1], bits=bits)

    @classmethod
    def read(cls, text: str, mask: Tensor | None, /) -> Self:
        """Read "2" or "±2"."""
        shift = text.removeprefix("±")
        if not shift.isdecimal():
            raise BlurnetError(f"family mask:{text}: write {cls.FORM}")
        if mask is None:
            raise BlurnetError(f"family mask:{text}: where is the sticker? Give the mask (--mask)")
        return cls.of(mask, int(shift))

    @property
    def mask(self) -> Tensor:
        """The mask, bool, H × W."""
        packed = np.frombuffer(base64.b64decode(self.bits), dtype=np.uint8)
        flat = np.unpackbits(packed, count=self.height * self.width)
        return torch.from_numpy(flat.reshape(self.height, self.width).astype(bool))

    @property
    def name(self) -> str:
        """Short."""
        return f"the mask ±{self.shift}"

    @property
    def describes(self) -> str:
        """In a sentence."""
        moved = (
            f"moved by at most {self.shift} pixels along each axis"
            if self.shift
            else "in its place"
        )
        return (
            f"Any sticker in the given mask ({int(self.mask.sum())} pixels), {moved}, in any "
            "colours."
        )

    def covering(self, height: int, width: int, k: int) -> list[Tensor]:
        """Join the shifts of at most k × k cells of neighbours."""
        self._check(height, width)
        mask, steps = self.mask, range(-self.shift, self.shift + 1)
        cell = -(-len(steps) // k)
        cells = [steps[start : start + cell] for start in range(0, len(steps), cell)]
        return [
            torch.stack([_moved(mask, down, right) for down in rows for right in columns]).any(0)
            for rows in cells
            for columns in cells
        ]

    def has(self, pixels: Tensor) -> Tensor:
        """Try all shifts."""
        self._check(*pixels.shape[1:])
        found = torch.zeros(len(pixels), dtype=torch.bool)
        for moved in self._all():
            found |= ~(pixels & ~moved).flatten(1).any(1)
        return found

    def draw(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Draw the shifts."""
        self._check(height, width)
        shifts = torch.randint(-self.shift, self.shift + 1, (count, 2), generator=generator)
        mask = self.mask
        return torch.stack([_moved(mask, down, right) for down, right in shifts.tolist()])

    def _all(self) -> Iterator[Tensor]:
        mask, steps = self.mask, range(-self.shift, self.shift + 1)
        return (_moved(mask, down, right) for down in steps for right in steps)

    def _check(self, height: int, width: int) -> None:
        if (height, width) != (self.height, self.width):
            raise BlurnetError(
                f"{self.name}: it is of {self.width} × {self.height} pixels, and the images are of "
                f"{width} × {height}"
            )


def _moved(mask: Tensor, down: int, right: int) -> Tensor:
    """Give a mask moved; nothing comes in from beyond the border."""
    height, width = mask.shape
    moved = torch.zeros_like(mask)
    rows = slice(max(0, down), max(0, min(height, height + down)))
    columns = slice(max(0, right), max(0, min(width, width + right)))
    source = mask[
        max(0, -down) : max(0, min(height, height - down)),
        max(0, -right) : max(0, min(width, width - right)),
    ]
    moved[rows, columns] = source
    return moved
