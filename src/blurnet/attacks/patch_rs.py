"""Patch-RS: random search for an opaque sticker, and for its place where that may move.

Sparse-RS for patches (Croce, Andriushchenko, Singh, Flammarion and Hein, arXiv 2006.12834, section
5), for a sticker of any shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.attacks.budget import Budgeted
from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.attacks.losses import margin_of
from blurnet.attacks.moving import Pattern
from blurnet.attacks.sticker import OnStep, StickerResult, sticker_mask
from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating

HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which the share α of the sticker that a try repaints is halved."""

_FIRST_SQUARES = 100
"""So many squares are painted on each other before the first query."""


@dataclass(frozen=True)
class PatchRSSettings:
    """How Patch-RS searches.

    Args:
        queries: how often the network is asked about each image (at each target), at least 2.
        targets: 0 for any other class, by the margin; so many, each in a search of its own, by the
            cross-entropy: those with the largest logits of the clean image; "all" of them.
        share: α, the share of the sticker that a try repaints at first; None for 0.4, or 0.1 at
            targets.
        shift: the sticker may move so many pixels up, down and to each side of the mask's place;
            0 where the place is fixed.
        until_fooled: leave an image alone as soon as it is fooled.

    Examples:
        >>> settings = blurnet.attacks.PatchRSSettings(queries=1000, shift=2)

    """

    queries: int = 10_000
    targets: Literal["all"] | int = 0
    share: float | None = None
    shift: int = 0
    until_fooled: bool = True

    def __post_init__(self) -> None:
        share = 0.4 if self.share is None else self.share
        if self.queries < 2 or not 0 < share <= 1 or self.shift < 0:
            raise BlurnetError(
                "Patch-RS settings: queries is at least 2, share above 0 and at most 1, shift at "
                f"least 0; found {self.queries}, {self.share} and {self.shift}"
            )
        if self.targets != "all" and (isinstance(self.targets, str) or self.targets < 0):
            raise BlurnetError(
                f'Patch-RS settings: targets is "all" or at least 0; found {self.targets!r}'
            )

    @property
    def first_share(self) -> float:
        """Give α at the start."""
        return self.share or (0.1 if self.targets else 0.4)

    @property
    def moves_every(self) -> int:
        """Give after how many queries the sticker is moved rather than painted."""
        return 10 if self.targets else 4

    def passes(self, classes: int) -> int:
        """Say how many passes an image costs at most; see ``StickerSettings``."""
        aims = classes - 1 if self.targets == "all" else min(self.targets, classes - 1)
        return bool(self.targets) + self.queries * max(1, aims)


def patch_rs(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    settings: PatchRSSettings | None = None,
    generator: torch.Generator,
    on_step: OnStep | None = None,
) -> StickerResult:
    """Paint an opaque sticker for each image by trial, and move it where its place is free.

    A try paints one square of the sticker in one of the 2^C extreme colours, late in the search one
    channel of one pixel; or, each fourth time, moves it by up to 0.75 (1 − t/T) of the image's
    height. It is kept if the loss falls.

    Args: those of ``blurnet.attacks.sticker.StickerAttack``.

    Raises:
        BlurnetError: likewise.

    Examples:
        >>> found = blurnet.attacks.patch_rs(
        ...     model,
        ...     images,
        ...     labels,
        ...     mask,
        ...     settings=blurnet.attacks.PatchRSSettings(queries=50, shift=3),
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> fooled = found.margin < 0

    """
    settings = settings or PatchRSSettings()
    check_images(images)
    check_labels(labels, len(images))
    pattern = Pattern.of(sticker_mask(mask, images), images, settings.shift)
    network = checked_network(model, images[:1], labels, "labels")
    with evaluating(network), torch.no_grad():
        budget = Budgeted(network, images, labels, pattern.reach())
        aims: Sequence[Tensor | None] = [None]
        if settings.targets:
            clean = budget.logits(images, torch.arange(len(images)))
            ranked = clean.scatter(1, labels[:, None], -torch.inf).argsort(1, descending=True)
            wanted = None if settings.targets == "all" else settings.targets
            aims = ranked[:, :-1][:, :wanted].unbind(1)
        for place, aim in enumerate(aims):
            progress = _shifted(on_step, place * settings.queries, len(aims) * settings.queries)
            _search(budget, pattern, aim, settings, generator, progress)
    return budget.result()


def side_at(query: int, queries: int, share: float, side: float) -> int:
    """Give the side of the square that a query repaints: max(1, ⌊√α · side⌋)."""
    halvings = sum(query * 10_000 > after * queries for after in HALVED_AFTER)
    return max(1, int((share * 0.5**halvings) ** 0.5 * side + 1e-9))


def _search(
    budget: Budgeted,
    pattern: Pattern,
    aim: Tensor | None,
    settings: PatchRSSettings,
    generator: torch.Generator,
    on_step: OnStep,
) -> None:
    images, queries = budget.images, settings.queries
    count, channels, height, _ = images.shape

    def loss_of(sticker: Tensor, place: Tensor, which: Tensor) -> Tensor:
        logits = budget.logits(pattern.on(images, sticker, place, which), which)
        if aim is None:
            return margin_of(logits, budget.labels[which])
        return F.cross_entropy(logits, aim[which], reduction="none")

    def bits(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=generator).to(images)

    sides = [side_at(at, queries, settings.first_share, pattern.side) for at in range(queries)]
    single = next((at for at, side in enumerate(sides) if side == 1), queries)
    flips_from = single + (queries - single) // 2
    sticker = bits(count, channels, 1, 1).expand(count, channels, *pattern.size).clone()
    for _ in range(_FIRST_SQUARES):
        block = pattern.block(sides[0], generator)
        sticker = torch.where(block, bits(count, channels, 1, 1), sticker)
    place = pattern.any_place(generator)
    every = left = torch.arange(count)
    best = loss_of(sticker, place, every)
    for query in range(1, queries):
        most = int(0.75 * (1 - query / queries) * height)
        tried, moved = sticker, place
        if settings.shift and query % settings.moves_every == 0 and most > 0:
            by = torch.randint(-most, most + 1, (count, 2), generator=generator)
            moved = pattern.inside(place + by)
        else:
            block = pattern.block(sides[query], generator)
            if query >= flips_from:
                channel = torch.randint(channels, (count, 1, 1, 1), generator=generator)
                chosen = torch.arange(channels).view(1, -1, 1, 1) == channel
                tried = torch.where(block & chosen.to(block.device), 1 - sticker, sticker)
            elif sides[query] == 1:
                tried = torch.where(block, (sticker - _some(bits(count, channels))).abs(), sticker)
            else:
                tried = torch.where(block, bits(count, channels, 1, 1), sticker)
        if settings.until_fooled:
            left = every[~budget.fooled.cpu()]
            if not len(left):
                break
        loss = loss_of(tried[left], moved[left], left)
        lower = torch.zeros(count, dtype=torch.bool, device=images.device)
        lower[left] = loss < best[left]
        best[left] = torch.minimum(loss, best[left])
        sticker = torch.where(lower[:, None, None, None], tried, sticker)
        place = torch.where(lower.cpu()[:, None], moved, place)
        on_step(query + 1, queries)
    on_step(queries, queries)


def _some(bits: Tensor) -> Tensor:
    """Give bits N × C as N × C × 1 × 1, all of them 1 where none was: another colour is another."""
    none = bits.sum(1, keepdim=True) == 0
    return torch.where(none, 1, bits)[:, :, None, None]


def _shifted(on_step: OnStep | None, before: int, in_all: int) -> OnStep:
    return lambda done, _: None if on_step is None else on_step(before + done, in_all)
