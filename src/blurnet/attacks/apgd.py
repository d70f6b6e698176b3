"""Masked APGD: sign steps with momentum, halved where they stop helping (Croce and Hein 2020).

arXiv 2003.01690, algorithm 1 and section 4. The box is [0, 1] under the mask: an opaque sticker.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from blurnet.attacks.box import Box, Start
from blurnet.attacks.budget import Budgeted, Objective
from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.attacks.losses import StickerLoss, targeted, untargeted
from blurnet.attacks.random_search import RandomSearchSettings, random_search_in
from blurnet.attacks.sticker import OnStep, StickerResult, sticker_mask
from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating

MOMENTUM, SHARE = 0.75, 0.75
"""The weight of the step beside the last move, and the share of steps that are to help, ρ."""


@dataclass(frozen=True)
class APGDSettings:
    """How masked APGD searches.

    Args:
        steps: of each run, at least 1.
        loss: "cross_entropy", "margin" or "dlr", the difference of logits ratio.
        targets: 0 for any other class; so many, each in a run of its own: those with the largest
            logits of the clean image; "all" of them.
        restarts: runs (of each target), at least 1, of images that are not fooled yet.
        starts: what the runs start from, in turn: "random" colours, random "corners" of [0, 1]^C,
            "black", "white", or the "clean" image.
        search: queries of random search before the first run, which then starts from what that
            found; 0 for none.
        epsilon: the largest change of a value under the mask, in image units (0 to 1); at 1 any
            colour can be reached.
        draws: passes that each gradient averages, for a randomised network.
        until_fooled: leave an image alone as soon as it is fooled.

    Examples:
        >>> settings = blurnet.attacks.APGDSettings(steps=20, loss="dlr", targets=9, restarts=1)

    """

    steps: int = 100
    loss: StickerLoss = "cross_entropy"
    targets: Literal["all"] | int = 0
    restarts: int = 5
    starts: tuple[Start, ...] = ("random",)
    search: int = 0
    epsilon: float = 1
    draws: int = 1
    until_fooled: bool = True

    def __post_init__(self) -> None:
        if min(self.steps, self.restarts, self.draws) < 1 or not 0 <= self.epsilon <= 1:
            raise BlurnetError(
                "APGD settings: steps, restarts and draws are at least 1, epsilon is in [0, 1]; "
                f"found {self.steps}, {self.restarts}, {self.draws} and {self.epsilon}"
            )
        if self.loss not in get_args(StickerLoss):
            raise BlurnetError(
                f"APGD settings: no loss {self.loss!r}: {', '.join(get_args(StickerLoss))}"
            )
        if not self.starts or any(each not in get_args(Start) for each in self.starts):
            raise BlurnetError(
                f"APGD settings: starts are some of {', '.join(get_args(Start))}; "
                f"found {self.starts}"
            )
        many = self.targets != "all" and (isinstance(self.targets, str) or self.targets < 0)
        if many or self.search < 0 or self.search == 1:
            raise BlurnetError(
                'APGD settings: targets is "all" or at least 0, search 0 or at least 2; '
                f"found {self.targets!r} and {self.search}"
            )

    def passes(self, classes: int) -> int:
        """Say how many passes an image costs at most; see ``StickerSettings``."""
        runs = self.restarts * max(1, self._aims(classes))
        return self.search + bool(self.targets) + runs * 3 * (self.steps + 1) * self.draws

    def _aims(self, classes: int) -> int:
        return classes - 1 if self.targets == "all" else min(self.targets, classes - 1)


def apgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    settings: APGDSettings | None = None,
    generator: torch.Generator,
    on_step: OnStep | None = None,
) -> StickerResult:
    """Make an opaque sticker for each image with the network's gradient.

    From x⁰ = x, steps of z = Π(xᵏ + η sign ∇L(xᵏ)) and xᵏ⁺¹ = Π(xᵏ + 0.75 (z − xᵏ) + 0.25
    (xᵏ − xᵏ⁻¹)), η = 2ε at first. At the steps that ``checkpoints`` names, η is halved and the best
    point returned to, where not more than 0.75 of the steps since the last of them helped, or where
    η was not halved there and nothing better was found since.

    Args: those of ``blurnet.attacks.sticker.StickerAttack``.

    Raises:
        BlurnetError: likewise.

    Examples:
        >>> found = blurnet.attacks.apgd(
        ...     model,
        ...     images,
        ...     labels,
        ...     mask,
        ...     settings=blurnet.attacks.APGDSettings(steps=10, restarts=1),
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> bool((found.adversarial - images)[:, :, mask == 0].abs().max() == 0)
        True

    """
    settings = settings or APGDSettings()
    check_images(images)
    check_labels(labels, len(images))
    weights = sticker_mask(mask, images)
    network = checked_network(model, images[:1], labels, "labels")
    with evaluating(network):
        budget = Budgeted(network, images, labels, weights)
        apgd_in(budget, settings, generator, on_step)
    return budget.result()


def apgd_in(
    budget: Budgeted, settings: APGDSettings, generator: torch.Generator, on_step: OnStep | None
) -> None:
    """Attack within a budget, which keeps what is found; see ``apgd``."""
    box = Box.of(budget.images, budget.weights, settings.epsilon)
    every = torch.arange(len(budget.labels))
    found = None
    if settings.search:
        asked = RandomSearchSettings(settings.search, until_fooled=settings.until_fooled)
        found = box.inside(random_search_in(budget, asked, generator, None))
    aims: Sequence[Tensor | None] = [None]
    if settings.targets:
        clean = budget.logits(budget.images, every).scatter(1, budget.labels[:, None], -torch.inf)
        ranked = clean.argsort(1, descending=True)[:, :-1]
        aims = (ranked if settings.targets == "all" else ranked[:, : settings.targets]).unbind(1)
    in_all, done = settings.restarts * len(aims) * settings.steps, 0
    for restart, kind in enumerate(islice(cycle(settings.starts), settings.restarts)):
        for aim in aims:
            start = box.start(kind, generator)
            if found is not None and restart == 0:
                start = found

            def objective(logits: Tensor, rows: Tensor, aim: Tensor | None = aim) -> Tensor:
                labels = budget.labels[rows]
                if aim is None:
                    return untargeted(logits, labels, settings.loss)
                return targeted(logits, labels, aim[rows], settings.loss)

            left = every[~budget.fooled.cpu()] if settings.until_fooled else every
            ascend(budget, start, left, objective, box, settings)
            done += settings.steps
            if on_step is not None:
                on_step(done, in_all)


def checkpoints(steps: int) -> tuple[int, ...]:
    """Give after which steps the step size is looked at: ⌈p_j · steps⌉.

    p_1 = 0.22, and p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06), up to 1.
    """
    found, share, interval = [], 0.22, 0.22
    while share <= 1:
        found.append(math.ceil(round(share * steps, 6)))
        interval = max(interval - 0.03, 0.06)
        share += interval
    return tuple(sorted({each for each in found if each <= steps}))


def ascend(
    budget: Budgeted,
    start: Tensor,
    rows: Tensor,
    objective: Objective,
    box: Box,
    settings: APGDSettings,
) -> None:
    """Raise an objective by one run of APGD; the budget keeps what is met.

    Args:
        budget: of N images.
        start: N × C × H × W.
        rows: which images take part, int64, n.
        objective: of their logits.
        box: of all N.
        settings: steps, draws and so on.

    """
    if not len(rows):
        return
    run = Run(budget, start, rows, objective, box, settings)
    checks = set(checkpoints(settings.steps))
    for step in range(1, settings.steps + 1):
        if settings.until_fooled and not run.drop_fooled():
            return
        run.step(1 if step == 1 else MOMENTUM)
        if step in checks:
            run.check()


class Run:
    """The state of one run, of those images that still take part."""

    def __init__(
        self,
        budget: Budgeted,
        start: Tensor,
        rows: Tensor,
        objective: Objective,
        box: Box,
        settings: APGDSettings,
    ) -> None:
        self.budget, self.objective, self.box, self.settings = budget, objective, box, settings
        self.rows, self.point = rows, start[rows]
        self.value, self.gradient = self._look()
        self.before = self.best = self.point
        self.best_value, self.best_gradient = self.value, self.gradient
        self.size = torch.full_like(self.value, 2 * settings.epsilon)
        self.helped = torch.zeros_like(rows)
        self.since = 0
        self.halved = torch.ones_like(rows, dtype=torch.bool)
        self.value_at_check = self.value

    def step(self, alpha: float) -> None:
        """Move every image once."""
        lowest, highest = self.box.lowest[self.rows], self.box.highest[self.rows]
        weights = self.box.weights
        weights = weights if len(weights) == 1 else weights[self.rows]
        point, last_move = self.point, self.point - self.before
        towards = point + self.size[:, None, None, None] * weights * self.gradient.sign()
        towards = towards.clamp(lowest, highest)
        moved = point + alpha * (towards - point) + (1 - alpha) * last_move
        self.before, self.point = point, moved.clamp(lowest, highest)
        value, self.gradient = self._look()
        self.helped += value > self.value
        self.since += 1
        self.value = value
        better = value > self.best_value
        self.best = _where(better, self.point, self.best)
        self.best_gradient = _where(better, self.gradient, self.best_gradient)
        self.best_value = torch.where(better, value, self.best_value)

    def check(self) -> None:
        """Halve the step, and go back to the best point, where the steps stopped helping."""
        few = self.helped <= SHARE * self.since
        stuck = ~self.halved & (self.best_value <= self.value_at_check)
        self.halved = few | stuck
        self.size = torch.where(self.halved, self.size / 2, self.size)
        self.point = _where(self.halved, self.best, self.point)
        self.gradient = _where(self.halved, self.best_gradient, self.gradient)
        self.value = torch.where(self.halved, self.best_value, self.value)
        self.value_at_check = self.best_value
        self.helped = torch.zeros_like(self.helped)
        self.since = 0

    def drop_fooled(self) -> bool:
        """Leave alone those that are fooled; say whether any is left."""
        left = ~self.budget.fooled[self.rows]
        if not left.all():
            for name, each in vars(self).items():
                if isinstance(each, Tensor):
                    setattr(self, name, each[left])
        return bool(left.any())

    def _look(self) -> tuple[Tensor, Tensor]:
        return self.budget.gradient(
            self.point, self.objective, self.rows, draws=self.settings.draws
        )


def _where(chosen: Tensor, images: Tensor, others: Tensor) -> Tensor:
    return torch.where(chosen[:, None, None, None], images, others)
