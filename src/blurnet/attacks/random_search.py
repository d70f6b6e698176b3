"""Random search for an opaque sticker, which asks for answers and for no gradient.

After Square Attack (Andriushchenko et al., arXiv 1912.00049), with its schedule, in the form that
Sparse-RS gives it for patches (Croce et al., arXiv 2006.12834).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.attacks.budget import Budgeted
from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.attacks.losses import margin_of
from blurnet.attacks.sticker import OnStep, StickerResult, sticker_mask
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
        until_fooled: leave an image alone as soon as it is fooled.

    Examples:
        >>> settings = blurnet.RandomSearchSettings(queries=50)

    """

    queries: int = 2000
    share: float = 0.8
    until_fooled: bool = True

    def __post_init__(self) -> None:
        if self.queries < 2 or not 0 < self.share <= 1:
            raise BlurnetError(
                "random search settings: queries is at least 2 and share above 0 and at most 1; "
                f"found {self.queries} and {self.share}"
            )

    def passes(self, classes: int) -> int:  # noqa: ARG002 - others need it
        """Say how many passes an image costs at most; see ``StickerSettings``."""
        return self.queries


def random_search(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    settings: RandomSearchSettings | None = None,
    generator: torch.Generator,
    on_step: OnStep | None = None,
) -> StickerResult:
    """Paint an opaque sticker for each image, by trial: keep what lowers the margin.

    A try paints one square, cut by the mask, in one of the 2^C extreme colours. A defense that
    holds against gradients but not against this one has hidden its gradient.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes y, int64, N.
        mask: where the sticker is, in [0, 1], H × W, or N × H × W with one for each image. Pixels
            above 0.5 belong to the sticker, those with a weight below 1 are blended.
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
    weights = sticker_mask(mask, images)
    network = checked_network(model, images[:1], labels, "labels")
    with evaluating(network):
        budget = Budgeted(network, images, labels, weights)
        random_search_in(budget, settings, generator, on_step)
    return budget.result()


@torch.no_grad()
def random_search_in(
    budget: Budgeted,
    settings: RandomSearchSettings,
    generator: torch.Generator,
    on_step: OnStep | None,
) -> Tensor:
    """Attack within a budget, which keeps what is found; see ``random_search``.

    Returns:
        Where the search ended, N × C × H × W.

    """
    images, weights = budget.images, budget.weights
    count, channels, height, width = images.shape
    places = [each.nonzero() for each in (weights[:, 0] > 0).cpu()]
    rows, columns = torch.arange(height), torch.arange(width)

    def painted(sticker: Tensor, which: Tensor) -> Tensor:
        weight = weights if len(weights) == 1 else weights[which]
        return images[which] * (1 - weight) + sticker * weight

    def colours(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=generator).to(images)

    every = left = torch.arange(count, device=images.device)
    sticker = colours(count, channels, 1, width).expand(images.shape).clone()
    margin = margin_of(budget.logits(painted(sticker, every), every), budget.labels)
    for query in range(1, settings.queries):
        centre, area = _centres(places, count, generator)
        halved = sum(query >= share * settings.queries for share in HALVED_AT)
        side = (settings.share * 0.5**halved * area).sqrt().round().clamp(min=1)
        colour = colours(count, channels, 1, 1)
        if settings.until_fooled:
            left = every[margin >= 0]
        if not len(left):
            if on_step is not None:
                on_step(settings.queries, settings.queries)
            break
        here = left.cpu()
        top, start = (centre - side[:, None] // 2)[here].unbind(1)
        down, right, its_side = rows - top[:, None], columns - start[:, None], side[here, None]
        in_row = ((down >= 0) & (down < its_side)).to(images.device)
        in_column = ((right >= 0) & (right < its_side)).to(images.device)
        square = in_row[:, None, :, None] & in_column[:, None, None, :]
        tried = torch.where(square, colour[left], sticker[left])
        its_margin = margin_of(budget.logits(painted(tried, left), left), budget.labels[left])
        lower = its_margin <= margin[left]
        sticker[left] = torch.where(lower[:, None, None, None], tried, sticker[left])
        margin[left] = torch.where(lower, its_margin, margin[left])
        if on_step is not None:
            on_step(query + 1, settings.queries)
    return painted(sticker, every)


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
