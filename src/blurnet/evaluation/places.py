"""Where a sticker goes: places that stay legible, found by greying training signs.

A place that hides what the network needs measures covering, and a place whose pixels the network
hardly looks at flatters it. So there are two kinds, both legible: greying changes at most 5 % of
the answers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from blurnet.attacks.masks import sign_outline
from blurnet.data.images import Box
from blurnet.errors import BlurnetError
from blurnet.models import as_classifier
from blurnet.models.modes import evaluating

Kind = Literal["quiet", "sensitive"]
KINDS: tuple[Kind, ...] = ("quiet", "sensitive")

GREY, LEGIBLE = 0.5, 0.05
"""What the place is filled with, and the share of answers that may change."""

SHAPES = (1.0, 0.3, 3.3)
"""Width over height of the rectangles that are tried."""

PIECE = 256


@dataclass(frozen=True, eq=False)
class Place:
    """A place for a sticker.

    Args:
        mask: float32, 0 or 1, H × W.
        box: left, top, right and bottom; the last row may not be full.
        confidence_lost: of the true class by greying it, the mean over images and networks.
        changed: the share of answers that greying it changes.
        legible: whether that is at most 5 %; of no place, if none was.

    """

    mask: Tensor
    box: Box
    confidence_lost: float
    changed: float

    @property
    def legible(self) -> bool:
        """Whether greying it changes at most 5 % of the answers."""
        return self.changed <= LEGIBLE


def find_place(
    networks: Sequence[nn.Module],
    images: Tensor,
    labels: Tensor,
    kind: Kind,
    pixels: int,
    *,
    on_step: Callable[[int, int], None] | None = None,
) -> Place:
    """Find where so many pixels, greyed, change confidence least, or most and yet no answer.

    Rectangles of three shapes are tried at places inside the circle that fills the picture, so
    that they lie on the sign.

    Args:
        networks: images in [0, 1] in, logits out; all decide together.
        images: of training signs, never of those that are attacked; float32 in [0, 1],
            N × C × H × W.
        labels: their classes, int64, N.
        kind: "quiet": where greying costs least confidence in the true class; "sensitive": where
            it costs most, among places that stay legible.
        pixels: of the sticker, at least 1.
        on_step: told of the progress.

    Returns:
        The place. If none is legible, the one where greying changes fewest answers.

    Raises:
        BlurnetError: if so many pixels fit nowhere, or there are no images or networks.

    """
    if not networks or not len(images):
        raise BlurnetError("a place is found with at least one network and one image")
    masks = list(_candidates((images.shape[2], images.shape[3]), pixels))
    if not masks:
        raise BlurnetError(
            f"{pixels} pixels fit nowhere inside the circle that fills an image of "
            f"{images.shape[3]} × {images.shape[2]} pixels"
        )
    before = [_asked(network, images, labels) for network in networks]
    tried = []
    for done, (mask, box) in enumerate(masks):
        lost, changed = [], []
        greyed = torch.where(mask > 0, torch.tensor(GREY), images)
        for network, (answers, confidence) in zip(networks, before, strict=True):
            its_answers, its_confidence = _asked(network, greyed, labels)
            lost.append(float((confidence - its_confidence).mean()))
            changed.append(float((answers != its_answers).double().mean()))
        count = len(networks)
        tried.append(Place(mask, box, sum(lost) / count, sum(changed) / count))
        if on_step is not None:
            on_step(done + 1, len(masks))
    legible = [place for place in tried if place.legible]
    if not legible:
        return min(tried, key=lambda place: place.changed)
    if kind == "quiet":
        return min(legible, key=lambda place: abs(place.confidence_lost))
    return max(legible, key=lambda place: place.confidence_lost)


def pixels_of_area(area: float, shape: tuple[int, int]) -> int:
    """Give how many pixels a share of an image is, at least 1.

    Raises:
        BlurnetError: unless the share lies above 0 and at most at 0.25.

    """
    if not 0 < area <= 0.25:
        raise BlurnetError(
            f"the area of a place is a share of the image, above 0, up to 0.25; found {area:g}"
        )
    return max(1, round(area * shape[0] * shape[1]))


def _candidates(shape: tuple[int, int], pixels: int) -> Iterator[tuple[Tensor, Box]]:
    height, width = shape
    circle = sign_outline(shape, "circle") > 0
    stride = max(1, min(shape) // 10)
    seen = set()
    for wide in SHAPES:
        columns = max(1, round(math.sqrt(pixels * wide)))
        rows = math.ceil(pixels / columns)
        if (rows, columns) in seen or rows > height or columns > width:
            continue
        seen.add((rows, columns))
        filled = (torch.arange(rows * columns) < pixels).view(rows, columns)
        for top in range(0, height - rows + 1, stride):
            for left in range(0, width - columns + 1, stride):
                if circle[top : top + rows, left : left + columns][filled].all():
                    mask = torch.zeros(shape)
                    mask[top : top + rows, left : left + columns] = filled.float()
                    yield mask, (left, top, left + columns, top + rows)


def _asked(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Give the answers, and the confidence in the true class."""
    model = as_classifier(network)
    with evaluating(model), torch.no_grad():
        shares = torch.cat([model(part).softmax(1) for part in torch.split(images, PIECE)])
    return shares.argmax(1), shares.gather(1, labels[:, None])[:, 0]
