"""Random search for an opaque sticker, which asks for answers and for no gradient.

After Square Attack (Andriushchenko et al., arXiv 1912.00049), with its schedule, in the form that
Sparse-RS gives it for patches (Croce et al., arXiv 2006.12834).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, check_labels, checked_network, mask_of
from blurnet.errors import BlurnetError
from blurnet.models.memory import images_at_once
from blurnet.models.modes import evaluating

HALVED_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the area tried is halved (Square Attack, section 3.1)."""


@dataclass(frozen=True)
class RandomSearchSettings:
    """How random search searches.

    Args:
        queries: how often the network is asked about each image, at least 2.
        share: of the mask's area that is repainted at first, above 0 and at most 1.

    Examples:
        >>> settings = blurnet.RandomSearchSettings(queries=50)

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
    on_step: Callable[[int, int], None] | None = None,
) -> RandomSearchResult:
    """Paint an opaque sticker for each image, by trial: keep what lowers the margin.

    A try paints one square, cut by the mask, in one of the 2^C extreme colours. A defense that
    holds against gradients but not against this one has hidden its gradient.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes y, int64, N.
        mask: where the sticker is, in [0, 1], H × W, or N × H × W with one for each image; weights
            between are blended.
        settings: how to search.
        generator: of all chance, a CPU generator.
        on_step: called after each query of all images with the queries done and in all.

    Raises:
        BlurnetError: if images, labels and mask do not fit, or the network is none that takes them.

    Examples:
        >>> found = blurnet.random_search(
        ...     model,
        ...     images,
        ...     labels,
        ...     mask,
        ...     settings=blurnet.RandomSearchSettings(queries=50),
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> fooled = found.margin < 0

    """
    settings = settings or RandomSearchSettings()
    check_images(images)
    check_labels(labels, len(images))
    covered = mask_of(mask, images)
    network = checked_network(model, images[:1], labels, "labels")
    count, channels, height, width = images.shape
    places = [each.nonzero() for each in covered[:, 0].cpu()]
    rows, columns = torch.arange(height), torch.arange(width)

    def painted(sticker: Tensor, part: slice) -> Tensor:
        weights = covered if len(covered) == 1 else covered[part]
        return images[part] * (1 - weights) + sticker * weights

    def colours(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=generator).to(images)

    with evaluating(network):
        piece = images_at_once(network, images, gradients=False)
        parts = [slice(at, at + piece) for at in range(0, count, piece)]

        def margin_of(sticker: Tensor, part: slice) -> Tensor:
            return _margin(network(painted(sticker, part)), labels[part])

        sticker = colours(count, channels, 1, width).expand(images.shape).clone()
        margin = torch.cat([margin_of(sticker[part], part) for part in parts])
        for query in range(1, settings.queries):
            centre, area = _centres(places, count, generator)
            halved = sum(query >= share * settings.queries for share in HALVED_AT)
            side = (settings.share * 0.5**halved * area).sqrt().round().clamp(min=1)
            top, left = (centre - side[:, None] // 2).unbind(1)
            down, right = rows - top[:, None], columns - left[:, None]
            in_row = ((down >= 0) & (down < side[:, None])).to(images.device)
            in_column = ((right >= 0) & (right < side[:, None])).to(images.device)
            colour = colours(count, channels, 1, 1)
            for part in parts:
                square = in_row[part, None, :, None] & in_column[part, None, None, :]
                tried = torch.where(square, colour[part], sticker[part])
                its_margin = margin_of(tried, part)
                lower = its_margin <= margin[part]
                sticker[part] = torch.where(lower[:, None, None, None], tried, sticker[part])
                margin[part] = torch.where(lower, its_margin, margin[part])
            if on_step is not None:
                on_step(query + 1, settings.queries)
    if not margin.isfinite().all():
        raise BlurnetError("the network's logits are not finite on attacked images")
    return RandomSearchResult(torch.cat([painted(sticker[part], part) for part in parts]), margin)


def _centres(places: list[Tensor], count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a covered pixel for each image, N × 2; beside it, how many there are, float64, N."""
    areas = [len(each) for each in places]
    if len(set(areas)) == 1:
        drawn = torch.randint(areas[0], (count,), generator=generator)
    else:
        drawn = torch.cat([torch.randint(area, (1,), generator=generator) for area in areas])
    if len(places) == 1:
        centre = places[0][drawn]
    else:
        centre = torch.stack([each[at] for each, at in zip(places, drawn.tolist(), strict=True)])
    return centre, torch.tensor(areas, dtype=torch.float64).expand(count)


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])
    return (own - logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True))[:, 0]
