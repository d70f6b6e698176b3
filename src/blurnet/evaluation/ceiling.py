"""The ceiling: what a defender who is told where the sticker is could get.

PatchCleanser (Xiang et al., USENIX Security 2022, arXiv 2108.09135) defends by masking the patch
out. A network that is given the place and still errs on the filled image has lost what the sticker
covers; what an attack takes beyond that is its own merit.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu
from torch import Tensor, nn

from blurnet.attacks.check import ABOVE

from .evidence import Ceiling, Fill
from .metrics import rate
from .predict import predict

GREY = 0.5

AT_ONCE = 64
"""So many images are inpainted together, in float64."""


def ceiling(model: nn.Module, images: Tensor, labels: Tensor, mask: Tensor) -> Ceiling:
    """Measure a network's accuracy where the sticker's pixels are filled in.

    Args:
        model: images in [0, 1] in, logits out.
        images: without a sticker, float32 in [0, 1], N × C × H × W.
        labels: their classes, int64, N.
        mask: H × W, or one for each image, N × H × W; a pixel above 0.5 is filled.

    Returns:
        The answers and the accuracy of each fill, and the best of them (the first of equals).

    """
    fills = []
    for name, filled in fillings(images, mask):
        answers = predict(model, filled).classes
        fills.append(
            Fill(
                name=name,
                answers=tuple(answers.tolist()),
                accuracy=rate(answers == labels),
            )
        )
    best = max(fills, key=lambda fill: fill.accuracy.count)
    return Ceiling(fills=tuple(fills), best=best.name, accuracy=best.accuracy)


def fillings(images: Tensor, mask: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Give images with the sticker's pixels filled, one way after the other.

    Args:
        images: float32 in [0, 1], N × C × H × W; left as they are.
        mask: H × W, or N × H × W; a pixel above 0.5 is filled.

    Yields:
        "grey": 0.5. "mean": each channel's mean over the rest of the image. "inpainted": see
        ``inpainted``. Each with the images, as given.

    """
    inside = (mask > ABOVE).expand(len(images), *images.shape[2:])[:, None]
    yield "grey", images.masked_fill(inside, GREY)
    outside = (~inside).to(images)
    count = outside.sum((2, 3), keepdim=True)
    mean = (images * outside).sum((2, 3), keepdim=True) / count.clamp(min=1)
    mean = torch.where(count > 0, mean, GREY)
    yield "mean", torch.where(inside, mean, images)
    yield "inpainted", inpainted(images, mask)


def inpainted(images: Tensor, mask: Tensor) -> Tensor:
    """Fill the sticker's pixels as smoothly as its surroundings allow: the harmonic function.

    Under the mask Laplace's equation holds: each pixel is the mean of its neighbours above, below,
    left and right; around it the image is the boundary. The image's own border reflects. In each
    channel by itself, solved exactly (a sparse LU).

    Args:
        images: float32 in [0, 1], N × C × H × W; left as they are.
        mask: H × W, or N × H × W; a pixel above 0.5 is filled. Where it is the whole image, grey.

    Returns:
        The images with the mask filled in.

    """
    inside = (mask > ABOVE).cpu().numpy()
    together = AT_ONCE if inside.ndim == 2 else 1
    filled = torch.empty_like(images)
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        exact = images[part].cpu().double().numpy().copy()
        _fill(exact, inside if inside.ndim == 2 else inside[start])
        filled[part] = torch.from_numpy(exact).to(images)
    return filled.clamp_(0, 1)


def _fill(images: NDArray[np.float64], inside: NDArray[np.bool_]) -> None:
    """Fill images, N × C × H × W, in place, all under one mask."""
    if inside.all():
        images[...] = GREY
    if inside.all() or not inside.any():
        return
    height, width = inside.shape
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    rows, columns = np.nonzero(inside)
    here = np.arange(len(rows))
    neighbours = np.zeros(len(rows))
    known = np.zeros((len(rows), images.shape[0] * images.shape[1]))
    flat = images.reshape(-1, height, width)
    places, values = [(here, here)], []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        row, column = rows + down, columns + right
        there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        neighbours += there
        unknown = here[there][number[row[there], column[there]] >= 0]
        places.append((unknown, number[row[unknown], column[unknown]]))
        values.append(np.full(len(unknown), -1.0))
        border = here[there][number[row[there], column[there]] < 0]
        known[border] += flat[:, row[border], column[border]].T
    from_, to = (np.concatenate(each) for each in zip(*places, strict=True))
    laplacian = coo_array(
        (np.concatenate([neighbours, *values]), (from_, to)), shape=(len(rows), len(rows))
    )
    flat[:, rows, columns] = splu(laplacian.tocsc()).solve(known).T
