"""A sticker's shape, which may move over the image."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pattern:
    """A mask cut out of its image, with where it may go.

    Args:
        weights: of the sticker's pixels, 1 or N × 1 × h × w; masks of their own are padded at the
            bottom and the right to one size.
        lowest: the top and left pixel of each image's sticker at the least, int64, N × 2.
        highest: likewise at the most.
        shape: H and W of the images.

    """

    weights: Tensor
    lowest: Tensor
    highest: Tensor
    shape: tuple[int, int]
    _places: dict[int, list[Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, mask: Tensor, images: Tensor, shift: int) -> "Pattern":
        """Cut out a mask.

        Args:
            mask: 1 or N × 1 × H × W.
            images: N × C × H × W.
            shift: pixels that it may move up, down and to each side, as far as it stays on the
                image.

        """
        height, width = images.shape[2:]
        corners, ends = [], []
        for each in mask[:, 0]:
            at = each.nonzero().cpu()
            corners.append(at.amin(0))
            ends.append(at.amax(0) + 1)
        corner, end = torch.stack(corners), torch.stack(ends)
        most = (end - corner).amax(0).tolist()
        padded = F.pad(mask, (0, most[1], 0, most[0]))
        weights = torch.stack(
            [
                each[:, top : top + most[0], left : left + most[1]]
                for each, (top, left) in zip(padded, corner.tolist(), strict=True)
            ]
        )
        room = torch.tensor([height, width]) - (end - corner)
        lowest, highest = (corner - shift).clamp(min=0), torch.minimum(corner + shift, room)
        count = len(images)
        return cls(weights, lowest.expand(count, 2), highest.expand(count, 2), (height, width))

    @property
    def size(self) -> tuple[int, int]:
        """Give h and w."""
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def side(self) -> float:
        """Give the side of a square of as many pixels; of several masks, of the largest."""
        return math.sqrt(int((self.weights > 0).flatten(1).sum(1).max()))

    def reach(self) -> Tensor:
        """Give where the sticker can come to be: not 0 there, N × 1 × H × W."""
        reached = []
        for which in range(len(self.lowest)):
            here = self.weights[0 if len(self.weights) == 1 else which]
            (top, left), (bottom, right) = self.lowest[which], self.highest[which]
            rows, columns = int(bottom - top) + 1, int(right - left) + 1
            spread = F.max_pool2d(
                F.pad(here, (columns - 1, columns - 1, rows - 1, rows - 1)), (rows, columns), 1
            )
            beyond = (self.shape[0] + self.size[0], self.shape[1] + self.size[1])
            canvas = here.new_zeros(1, *beyond)
            canvas[:, top : top + spread.shape[1], left : left + spread.shape[2]] = spread
            reached.append(canvas[:, : self.shape[0], : self.shape[1]])
        return torch.stack(reached)

    def inside(self, place: Tensor) -> Tensor:
        """Give the nearest places that the sticker may have, N × 2 or N × P × 2."""
        if place.dim() == 3:
            return place.clamp(self.lowest[:, None], self.highest[:, None])
        return place.clamp(self.lowest, self.highest)

    def any_place(self, generator: torch.Generator) -> Tensor:
        """Draw a place for each image."""
        room = self.highest - self.lowest + 1
        return self.lowest + (torch.rand(room.shape, generator=generator) * room).long()

    def block(self, side: int, generator: torch.Generator) -> Tensor:
        """Draw for each image a square of the sticker, cut at its edges, bool, N × 1 × h × w.

        All squares that hold some of the sticker's pixels are alike.
        """
        sides = (min(side, self.size[0]), min(side, self.size[1]))
        if side not in self._places:
            held = F.max_pool2d((self.weights > 0).float(), sides, 1)[:, 0].cpu()
            self._places[side] = [each.nonzero() for each in held]
        places, count = self._places[side], len(self.lowest)
        share = torch.rand(count, generator=generator)
        if len(places) == 1:
            corner = places[0][(share * len(places[0])).long()]
        else:
            corner = torch.stack(
                [each[int(at * len(each))] for each, at in zip(places, share, strict=True)]
            )
        rows, columns = torch.arange(self.size[0]), torch.arange(self.size[1])
        down, right = rows - corner[:, :1], columns - corner[:, 1:]
        in_row, in_column = (down >= 0) & (down < sides[0]), (right >= 0) & (right < sides[1])
        block = in_row[:, None, :, None] & in_column[:, None, None, :]
        return block.to(self.weights.device)

    def on(self, images: Tensor, sticker: Tensor, place: Tensor, which: Tensor) -> Tensor:
        """Paste stickers on images at their places: x(1 − M) + M · s.

        Args:
            images: all N of them.
            sticker: n × C × h × w.
            place: n × 2.
            which: of the images they are on, int64, n.

        """
        own = self.weights.expand(len(images), -1, -1, -1)[which]
        rows = torch.arange(self.shape[0]) - place[:, :1]
        columns = torch.arange(self.shape[1]) - place[:, 1:]
        in_row, in_column = (
            (rows >= 0) & (rows < self.size[0]),
            (columns >= 0) & (columns < self.size[1]),
        )
        inside = (in_row[:, :, None] & in_column[:, None, :])[:, None].to(images)
        row = rows.clamp(0, self.size[0] - 1)[:, :, None]
        column = columns.clamp(0, self.size[1] - 1)[:, None, :]
        image = torch.arange(len(which))[:, None, None]
        moved = torch.cat([sticker, own], 1)[image, :, row, column].permute(0, 3, 1, 2)
        weight = moved[:, -1:] * inside
        return images[which] * (1 - weight) + moved[:, :-1] * weight
