"""The budgeted model: it counts what an attack asks, and keeps the best point that it met.

After AttackBench (Cinà et al., arXiv 2404.19460): all attacks, ours and others', are measured
alike, and none gets less than the best point that it met.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.attacks.losses import margin_of
from blurnet.attacks.sticker import StickerResult
from blurnet.errors import BlurnetError
from blurnet.models.memory import Pieces, images_at_once

Objective = Callable[[Tensor, Tensor], Tensor]
"""(logits, which images they are of, int64) → what is to be raised, one for each"""

_ROUNDING = 1e-6


class BudgetSpentError(BlurnetError):
    """The network was asked as often as it may be; what was met until then is kept."""


class Budgeted(nn.Module):
    """A network under attack on given images.

    It is itself a network that gives logits, for attacks that know nothing of it; which image each
    row of a batch is, is known by its place, or by its pixels outside the mask. Attacks of our own
    call ``logits`` and ``gradient``, which go through the network in pieces that fit in memory.

    Args:
        model: images in [0, 1] in, logits out.
        images: without a sticker, N × C × H × W.
        labels: y, int64, N.
        mask: 1 × 1 × H × W or N × 1 × H × W; a point that differs from its image where this is 0,
            or leaves [0, 1], is counted and not kept.
        limit: queries and gradients an image may take together; None for no limit. When all images
            have taken them, ``BudgetSpentError`` is raised.

    """

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        mask: Tensor,
        *,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self.model, self.limit = model, limit
        self.images, self.labels, self.weights = images, labels, mask
        self.best, self.margin = images.clone(), torch.full_like(images[:, 0, 0, 0], torch.inf)
        self.queries = torch.zeros_like(labels)
        self.gradients = torch.zeros_like(labels)
        self._outside = (mask == 0).expand(len(mask), *images.shape[1:])
        self._dead = self._alive = 0
        self._met: list[tuple[Tensor, Tensor]] = []
        self._pieces: dict[bool, Pieces] = {}
        self._rows: Tensor | None = None

    @property
    def fooled(self) -> Tensor:
        """Which images are no longer taken for their label, bool, N."""
        return self.margin < 0

    def logits(self, points: Tensor, rows: Tensor) -> Tensor:
        """Ask about points, without a gradient.

        Args:
            points: n × C × H × W.
            rows: which images they are of, int64, n, each at most once.

        """
        with torch.no_grad():
            pieces = self._pieces_of(gradients=False)
            found = pieces.run(len(points), lambda part: self.model(points[part]))
            logits = torch.cat([some for _, some in found])
            self._meet(points, margin_of(logits, self.labels[rows]), rows)
        return logits

    def gradient(
        self, points: Tensor, objective: Objective, rows: Tensor, *, draws: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Give an objective's values, n, and its gradient, n × C × H × W.

        Args:
            points: n × C × H × W.
            objective: of the logits.
            rows: as for ``logits``.
            draws: of a randomised network, over which all is averaged; each counts as a query.

        """

        def differentiated(part: slice) -> tuple[Tensor, Tensor, Tensor]:
            some, its_rows = points[part], rows[part]
            value, margin = (torch.zeros_like(some[:, 0, 0, 0]) for _ in range(2))
            gradient = torch.zeros_like(some)
            for _ in range(draws):
                with torch.enable_grad():
                    variable = some.detach().requires_grad_()
                    logits = self.model(variable)
                    raised = objective(logits, its_rows)
                    gradient += torch.autograd.grad(raised.sum(), variable)[0]
                value += raised.detach()
                margin += margin_of(logits.detach(), self.labels[its_rows])
            return value / draws, gradient / draws, margin / draws

        pieces = self._pieces_of(gradients=True)
        found = [each for _, each in pieces.run(len(points), differentiated)]
        value, gradient, margin = (torch.cat(each) for each in zip(*found, strict=True))
        self._meet(points, margin, rows, draws)
        self._differentiated(gradient, rows, draws)
        return value, gradient

    def forward(self, images: Tensor) -> Tensor:
        """Give logits, for an attack that knows nothing of the budget.

        Args:
            images: all of them in order, once or over and over; those that ``of`` says; or any,
                told by their pixels outside the mask.

        """
        rows = self._rows_of(images)
        if torch.is_grad_enabled() and images.requires_grad:
            images = _Counted.apply(images, self, rows)  # type: ignore[no-untyped-call]
        logits: Tensor = self.model(images)
        margin, points = margin_of(logits.detach(), self.labels[rows]), images.detach()
        turn = len(rows) if len(rows) < len(self.images) else len(self.images)
        for at in range(0, len(rows), max(1, turn)):
            here = slice(at, at + turn)
            self._meet(points[here], margin[here], rows[here])
        return logits

    @contextmanager
    def of(self, rows: Tensor) -> Iterator[None]:
        """Say of which images the batches are that ``forward`` gets from now on, int64."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = None

    def result(self) -> StickerResult:
        """Give what was met until now."""
        total = self._dead + self._alive
        return StickerResult(
            adversarial=self.best.clone(),
            margin=self.margin.clone(),
            history=self.history(),
            queries=self.queries.clone(),
            gradients=self.gradients.clone(),
            dead_gradient_share=self._dead / total if total else None,
        )

    def history(self) -> Tensor:
        """Give the margin at each look, N × looks; not a number after an image's last.

        A look is a query, or what ``gradient`` averages.
        """
        count = torch.zeros_like(self.labels)
        for rows, _ in self._met:
            count[rows] += 1
        found = self.margin.new_full((len(self.labels), int(count.max())), torch.nan)
        count.zero_()
        for rows, margin in self._met:
            found[rows, count[rows]] = margin
            count[rows] += 1
        return found

    def _meet(self, points: Tensor, margin: Tensor, rows: Tensor, draws: int = 1) -> None:
        if not margin.isfinite().all():
            raise BlurnetError("the network's logits are not finite on attacked images")
        outside = self._outside if len(self._outside) == 1 else self._outside[rows]
        images = self.images[rows]
        moved = ((points - images).abs() > _ROUNDING) & outside
        beyond = (points < -_ROUNDING) | (points > 1 + _ROUNDING)
        better = ~(moved | beyond).flatten(1).any(1) & (margin < self.margin[rows])
        if self.limit is not None:
            spent = self.queries[rows] + self.gradients[rows] >= self.limit
            if spent.all() and (self.queries + self.gradients >= self.limit).all():
                raise BudgetSpentError(f"each image has been asked about {self.limit} times")
            better &= ~spent
        self.best[rows[better]] = points[better].detach().clamp(0, 1)
        self.margin[rows[better]] = margin[better]
        self.queries[rows] += draws
        self._met.append((rows, margin))

    def _differentiated(self, gradient: Tensor, rows: Tensor, draws: int = 1) -> None:
        self.gradients.index_add_(0, rows, torch.full_like(rows, draws))
        outside = self._outside if len(self._outside) == 1 else self._outside[rows]
        dead = int(((gradient == 0) & ~outside).sum())
        inside = int((~outside).expand_as(gradient).sum())
        self._dead, self._alive = self._dead + dead, self._alive + inside - dead

    def _pieces_of(self, *, gradients: bool) -> Pieces:
        if gradients not in self._pieces:
            at_once = images_at_once(self.model, self.images, gradients=gradients)
            self._pieces[gradients] = Pieces(at_once)
        return self._pieces[gradients]

    def _rows_of(self, images: Tensor) -> Tensor:
        if self._rows is not None and len(images) == len(self._rows):
            return self._rows
        if len(images) % len(self.images) == 0:
            return torch.arange(len(self.images)).repeat(len(images) // len(self.images))
        shared = self._outside.all(0)  # pixels that no image's sticker changes
        distance, rows = torch.cdist(
            images.detach()[:, shared],
            self.images[:, shared],
            compute_mode="donot_use_mm_for_euclid_dist",
        ).min(1)
        if distance.max() > 1e-3:
            raise BlurnetError("a batch holds what is none of the attacked images")
        return rows


class _Counted(torch.autograd.Function):
    """The identity, whose gradient is counted."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, budget: Budgeted, rows: Tensor) -> Tensor:
        ctx.budget, ctx.rows = budget, rows
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        ctx.budget._differentiated(gradient, ctx.rows)
        return gradient, None, None
