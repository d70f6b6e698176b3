"""Random search for an opaque sticker, which asks for answers and for no gradient.

After Square Attack (Andriushchenko et al., arXiv 1912.00049), with its schedule, in the form that
Sparse-RS gives it for patches (Croce et al., arXiv 2006.12834).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating

HALVED_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the area tried is halved (Square Attack, section 3.1)."""


@dataclass(frozen=True)
class RandomSearchSettings:
    """How random search searches.

    Args:
        queries: how often the network is asked about each image, at least 2.
        share: of the mask's area that is repainted at first, above 0 and at most 1.

    """

    queries: int = 2000
    share: float = 0.8

    def __post_init__(self) -> None:
        if self.queries < 2 or not 0 < self.share <= 1:
            raise BlurnetError(
                "random search settings: queries is at least 2 and share above 0 and at most 1; "
                f"found {self.queries} and {self.share}"
            )


@dataclass(frozen=True, eq=False)
class RandomSearchResult:
    """What the search found.

    Args:
        adversarial: the attacked images, in [0, 1], N × C × H × W.
        margin: z_y − max_{k ≠ y} z_k of each; below 0 the image is no longer taken for y.

    """

    adversarial: Tensor
    margin: Tensor


@torch.no_grad()
def random_search(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    settings: RandomSearchSettings | None = None,
    generator: torch.Generator,
) -> RandomSearchResult:
    """Paint an opaque sticker for each image, by trial: keep what lowers the margin.

    A try paints one square, cut by the mask, in one of the 2^C extreme colours. A defense that
    holds against gradients but not against this one has hidden its gradient.

    Args:
        model: images in [0, 1] in, logits out. Run in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes y, int64, N.
        mask: where the sticker is, in [0, 1], H × W; weights between are blended.
        settings: how to search.
        generator: of all chance, a CPU generator.

    Raises:
        BlurnetError: if the mask is of another size, or empty.

    """
    settings = settings or RandomSearchSettings()
    count, channels, height, width = images.shape
    if mask.shape != images.shape[2:] or not mask.any():
        raise BlurnetError(
            f"the mask is {tuple(mask.shape)}; it must be {height} × {width} and not empty"
        )
    places = mask.cpu().nonzero()
    rows, columns = torch.arange(height), torch.arange(width)

    def painted(sticker: Tensor) -> Tensor:
        return images * (1 - mask) + sticker * mask

    def colours(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=generator).to(images)

    with evaluating(model):
        sticker = colours(count, channels, 1, width).expand(images.shape)
        margin = _margin(model(painted(sticker)), labels)
        for query in range(1, settings.queries):
            halved = sum(query >= share * settings.queries for share in HALVED_AT)
            side = max(1, round((settings.share * 0.5**halved * len(places)) ** 0.5))
            centre = places[torch.randint(len(places), (count,), generator=generator)]
            top, left = (centre - side // 2).unbind(1)
            down, right = rows - top[:, None], columns - left[:, None]
            square = ((down >= 0) & (down < side))[:, None, :, None] & (
                (right >= 0) & (right < side)
            )[:, None, None, :]
            tried = torch.where(square.to(images.device), colours(count, channels, 1, 1), sticker)
            its_margin = _margin(model(painted(tried)), labels)
            lower = its_margin <= margin
            sticker = torch.where(lower[:, None, None, None], tried, sticker)
            margin = torch.where(lower, its_margin, margin)
    return RandomSearchResult(painted(sticker), margin)


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])
    return (own - logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True))[:, 0]
