"""Where the sticker goes: places ranked by the gradient, then tried one by one.

After the mask search of GRAPHITE (Feng et al., arXiv 2002.07088) and of the rectangular occlusion
attack (Wu et al., arXiv 1909.09552), for a sticker of any shape.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.attacks.apgd import APGDSettings, apgd_in
from blurnet.attacks.budget import Budgeted
from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.attacks.losses import margin_of, untargeted
from blurnet.attacks.moving import Pattern
from blurnet.attacks.sticker import OnStep, StickerResult, sticker_mask
from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating


@dataclass(frozen=True)
class PlacedSettings:
    """How the place is searched, and the sticker painted there.

    Args:
        shift: the sticker may move so many pixels up, down and to each side of the mask's place, at
            least 1.
        candidates: so many places are tried with the network, those where the squared gradient of
            the loss, summed under the sticker, is largest; 0 for every place.
        apgd: how the sticker is painted at the place that was found.

    """

    shift: int = 4
    candidates: int = 10
    apgd: APGDSettings = field(default_factory=lambda: APGDSettings(restarts=1))

    def __post_init__(self) -> None:
        if self.shift < 1 or self.candidates < 0:
            raise BlurnetError(
                "placed settings: shift is at least 1 and candidates at least 0; "
                f"found {self.shift} and {self.candidates}"
            )

    def passes(self, classes: int) -> int:
        """Say how many passes an image costs at most; see ``StickerSettings``."""
        return 3 + (self.candidates or (2 * self.shift + 1) ** 2) + self.apgd.passes(classes)


def placed_apgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    settings: PlacedSettings | None = None,
    generator: torch.Generator,
    on_step: OnStep | None = None,
) -> StickerResult:
    """Find where each image's sticker does most, and paint it there by APGD.

    A place is tried with a sticker of one sign step: each value black or white, whichever the
    gradient of the clean image says.

    Args: those of ``blurnet.attacks.sticker.StickerAttack``.

    Raises:
        BlurnetError: likewise.

    Examples:
        >>> found = blurnet.attacks.placed_apgd(
        ...     model,
        ...     images,
        ...     labels,
        ...     mask,
        ...     settings=blurnet.attacks.PlacedSettings(shift=2),
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> fooled = found.margin < 0

    """
    settings = settings or PlacedSettings()
    check_images(images)
    check_labels(labels, len(images))
    pattern = Pattern.of(sticker_mask(mask, images), images, settings.shift)
    network = checked_network(model, images[:1], labels, "labels")
    with evaluating(network):
        budget = Budgeted(network, images, labels, pattern.reach())
        budget.weights = best_places(budget, pattern, settings.candidates)
        apgd_in(budget, settings.apgd, generator, on_step)
    return budget.result()


def best_places(budget: Budgeted, pattern: Pattern, candidates: int) -> Tensor:
    """Give each image's mask at the place where one sign step leaves the lowest margin.

    Args:
        budget: what is asked.
        pattern: the sticker, and where it may be.
        candidates: see ``PlacedSettings``.

    Returns:
        N × 1 × H × W.

    """
    images, labels = budget.images, budget.labels
    every = torch.arange(len(images))

    def objective(logits: Tensor, rows: Tensor) -> Tensor:
        return untargeted(logits, labels[rows], "cross_entropy")

    _, gradient = budget.gradient(images, objective, every)
    corners = (gradient > 0).to(images)
    places = _ranked(gradient, pattern)
    places = places[:, :candidates] if candidates else places
    best, lowest = places[:, 0], torch.full_like(budget.margin, torch.inf)
    for place in places.unbind(1):
        weights = mask_at(pattern, place, images)
        points = torch.where(weights > 0, images * (1 - weights) + corners * weights, images)
        margin = margin_of(budget.logits(points, every), labels)
        best = torch.where((margin < lowest).cpu()[:, None], place, best)
        lowest = torch.minimum(lowest, margin)
    return mask_at(pattern, best, images)


def mask_at(pattern: Pattern, place: Tensor, images: Tensor) -> Tensor:
    """Give the sticker's mask at a place of each image, N × 1 × H × W."""
    every = torch.arange(len(images))
    black = torch.zeros_like(images[:, :1])
    white = black.new_ones(len(images), 1, *pattern.size)
    return pattern.on(black, white, place, every)


def _ranked(gradient: Tensor, pattern: Pattern) -> Tensor:
    """Give all places, N × P × 2, those under which the squared gradient is largest first.

    An image whose sticker has fewer places has some of them more than once.
    """
    count = len(gradient)
    power = gradient.square().sum(1, keepdim=True)
    padded = F.pad(power, (0, pattern.size[1], 0, pattern.size[0]))
    own = pattern.weights.expand(count, -1, -1, -1)
    under = F.conv2d(padded.transpose(0, 1), own, groups=count)[0]
    room = (pattern.highest - pattern.lowest).amax(0)
    shifts = torch.cartesian_prod(*(torch.arange(int(side) + 1) for side in room))
    places = pattern.inside(pattern.lowest[:, None] + shifts).long()
    rows = torch.arange(count)[:, None]
    its_power = under.cpu()[rows, places[..., 0], places[..., 1]]
    order = (-its_power).sort(dim=1, stable=True).indices
    return places[rows, order]
