"""The terms of RP2's formula, for any part of the targets, draws and views.

A target has s stickers: one, or "per_image" one for each view.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from blurnet.attacks.rp2.adaptive import Maps, low_frequencies, penalised
from blurnet.attacks.rp2.draws import Draws
from blurnet.attacks.rp2.objective import attack_loss, reached
from blurnet.attacks.rp2.placement import free_of, place, place_through, sticker_of
from blurnet.attacks.rp2.printability import non_printability_score
from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.models.memory import in_halves

Found = TypeVar("Found")

Network = Callable[[Tensor, slice], Tensor]
"""(attacked images, which photographs they are) → logits."""


class Part(NamedTuple):
    """A block of targets × draws × views."""

    target: slice
    draw: slice
    view: slice


@dataclass
class Terms:
    """What is attacked, and how; see ``rp2``.

    Args:
        images: V × C × H × W.
        targets: T × V.
        mask: 1 × 1 × H × W, or V × 1 × H × W with one for each view.
        settings: RP2's.
        draws: of the transforms.
        colors: the printable colours, P × 3.
        piece: how many images go through the network at once.
        maps: those that the settings' penalties are of, as the network that runs gives them.

    """

    images: Tensor
    targets: Tensor
    mask: Tensor
    settings: RP2Settings
    draws: Draws
    colors: Tensor | None
    piece: int = 1
    maps: Maps | None = None

    def sticker(self, free: Tensor) -> Tensor:
        """Give the sticker, δ or s in [0, 1], of the variable that is free to move."""
        return sticker_of(low_frequencies(free, self.settings.frequencies), self.settings.placement)

    def start(self, generator: torch.Generator, warm_start: Tensor | None = None) -> Tensor:
        """Give what Adam starts from, T × s × C × H × W."""
        per_image = self.settings.scope == "per_image"
        stickers = len(self.images) if per_image else 1
        shape = (len(self.targets), stickers, *self.images.shape[1:])
        if warm_start is not None:
            if not per_image and warm_start.dim() == 4:
                warm_start = warm_start.unsqueeze(1)
            return free_of(
                warm_start.expand(shape).to(self.images), self.settings.placement
            ).clone()
        if self.settings.start == "zeros":
            return self.images.new_zeros(shape)
        drawn = torch.rand(shape, generator=generator, device=generator.device)
        return free_of(drawn.to(self.images.device), self.settings.placement)

    def place(self, free: Tensor, view: slice, drawn: Sequence[Tensor]) -> Tensor:
        """Give x_i + T_i(M · δ) of these views, t × d × v × C × H' × W'."""
        return self.under(self.sticker(free), view, drawn)

    def under(self, sticker: Tensor, view: slice, drawn: Sequence[Tensor]) -> Tensor:
        """Give the same of stickers δ, or s in [0, 1], t × s × C × H × W."""
        return place_through(
            self.images[view],
            sticker,
            self.mask_of(view),
            self.settings.placement,
            self.draws.transforms,
            [parameters[:, view] for parameters in drawn],
            clip=self.settings.clip,
        )

    def attacked(self, sticker: Tensor) -> Tensor:
        """Give all views under one target's stickers, s × C × H × W → V × C × H' × W'."""
        slices = [slice(at, at + self.piece) for at in range(0, len(self.images), self.piece)]
        return torch.cat(
            [
                self.under(sticker[None, self.own(view)], view, self.draws.final)[0, 0]
                for view in slices
            ]
        )

    def mask_of(self, view: slice) -> Tensor:
        """Give the mask of these views, 1 or v × 1 × H × W."""
        return self.mask if len(self.mask) == 1 else self.mask[view]

    @cached_property
    def whole_mask(self) -> Tensor:
        """Give the pixels of all views' masks together, H × W."""
        return self.mask.amax((0, 1))

    def penalty(self, free: Tensor) -> Tensor:
        """Give λ‖M · δ‖_p + λ_NPS · NPS(M · δ) of each sticker, t × s."""
        given, per_image = self.settings, self.settings.scope == "per_image"
        sticker = change = self.sticker(free)
        mask = self.mask if per_image else self.whole_mask
        if given.placement == "paste":
            change = sticker - (self.images if per_image else self.images.mean(0))
        norm: Tensor = torch.linalg.vector_norm(mask * change, given.p, dim=(2, 3, 4))
        if self.colors is None or not given.printability:
            return norm * given.lam
        if len(self.mask) > 1 and per_image:
            weights = self.mask[:, 0].repeat(len(free), 1, 1)
        else:
            weights = self.whole_mask
        score = non_printability_score(sticker.flatten(0, 1), weights, self.colors)
        return norm * given.lam + score.view(norm.shape) * given.printability

    @cached_property
    def covered(self) -> Tensor:
        """Give the places of the pixels under some view's mask, in row order."""
        return self.whole_mask.flatten().nonzero().squeeze(1)

    def change(self, free: Tensor, part: Part) -> Tensor:
        """Give a part's share of (1/V) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂, before any transform, t × s.

        Outside the mask x_adv is x: only what is under it is looked at, pixel by pixel.
        """
        given = self.settings
        photographs = self.images[part.view]
        mask = self.mask_of(part.view).flatten(2)[..., self.covered]
        before = photographs.flatten(2)[..., self.covered]
        sticker = self.sticker(free).flatten(3)[..., self.covered]
        after = place(before, mask * sticker, mask, given.placement, clip=given.clip)
        around = photographs.square().sum((1, 2, 3)) - before.square().sum((1, 2))
        length = (around.clamp(min=0) + after.square().sum((2, 3))).sqrt()
        changed = (after - before).square().sum((2, 3)).sqrt() / length.clamp(min=1e-12)
        if given.scope == "per_image":
            return changed
        return changed.sum(1, keepdim=True) / len(self.images)

    def expectation(
        self, network: Network, free: Tensor, rows: Tensor, part: Part, drawn: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Give a part's share of E J(f(x_i + T_i(M · δ)), y*), t × s, and where f is fooled.

        Args:
            network: f.
            free: the stickers of these targets and views, t × s × C × H × W.
            rows: which targets these are, t.
            part: which draws and views.
            drawn: what each transform drew for all, D × V × k.

        Returns:
            The share, and t × d × v bool.

        """
        given, draws = self.settings, len(drawn[0]) if drawn else 1
        attacked = self.place(free, part.view, [parameters[part.draw] for parameters in drawn])
        count = attacked.shape[:3]
        classes = self.targets[rows, part.view][:, None].expand(count).flatten()
        logits = network(attacked.flatten(0, 2), part.view)
        losses = attack_loss(logits, classes, given.loss, given.goal).view(count)
        fooled = reached(logits.detach(), classes, given.goal).view(count)
        per_image = given.scope == "per_image"
        if per_image:
            expected, share = losses.sum(1) / draws, count[1] / draws
        else:
            expected = losses.sum((1, 2))[:, None] / (draws * len(self.images))
            share = count[1] * count[2] / (draws * len(self.images))
        if self.maps is not None:
            expected = expected + share * penalised(self.maps, count, each_view=per_image)
        return expected, fooled

    def count(self, fooled: Tensor) -> Tensor:
        """Give how many draws and views each sticker fools, t × s, of t × d × v bool."""
        each = fooled.sum(1)
        return each if self.settings.scope == "per_image" else each.sum(1, keepdim=True)

    def own(self, view: slice) -> slice:
        """Give which of a target's stickers these views wear."""
        return view if self.settings.scope == "per_image" else slice(None)

    def in_parts(
        self, targets: int, draws: int, work: Callable[[Part], Found]
    ) -> Iterator[tuple[Part, Found]]:
        """Do ``work`` on all targets × draws × views, block by block.

        Args:
            targets: how many.
            draws: how many.
            work: gives what is found of a block; done again in halves where memory runs out.

        Yields:
            Each block, and what was found.

        Raises:
            BlurnetError: if one image takes more memory than there is.

        """
        counts = (targets, draws, len(self.images))

        def halves_of(part: Part) -> list[Part]:
            ends = [min(each.stop, count) for each, count in zip(part, counts, strict=True)]
            sizes = [end - each.start for each, end in zip(part, ends, strict=True)]
            self.piece = max(1, math.prod(sizes) // 2)
            axis = next((axis for axis, size in enumerate(sizes) if size > 1), None)
            if axis is None:
                return []
            first, second, middle = list(part), list(part), part[axis].start + sizes[axis] // 2
            first[axis], second[axis] = slice(part[axis].start, middle), slice(middle, ends[axis])
            return [Part(*first), Part(*second)]

        return in_halves(self.parts(targets, draws), work, halves_of)

    def parts(self, targets: int, draws: int) -> Iterator[Part]:
        """Cut targets × draws × views into blocks of at most ``piece``, views kept together."""
        views, piece = len(self.images), self.piece  # which may be halved on the way
        each_draw = max(1, piece // views)
        each_target = max(1, piece // (views * draws))
        for target in range(0, targets, each_target):
            for draw in range(0, draws, each_draw):
                for view in range(0, views, piece):
                    yield Part(
                        slice(target, target + each_target),
                        slice(draw, draw + each_draw),
                        slice(view, view + piece),
                    )
