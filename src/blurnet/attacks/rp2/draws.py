"""What the views, the T_i of RP2's formula, drew for each photograph."""

import torch
from torch import Tensor

from blurnet.attacks.transforms import View


class Draws:
    """What the views drew, for V photographs.

    The views draw from a stream of their own, the same for every target: what one target gets does
    not depend on which others are attacked.

    Args:
        views: in the order in which they act.
        images: the photographs, V × C × H × W.
        draws: how many draws of the redrawn views each step takes.
        generator: where the stream's seed is drawn from, if there are views.

    """

    def __init__(
        self, views: tuple[View, ...], images: Tensor, draws: int, generator: torch.Generator
    ) -> None:
        self.views = views
        self.images = len(images)
        self.redrawn = any(view.redraw for view in views)
        self.draws = draws if self.redrawn else 1
        self.shapes: list[tuple[int, int, int]] = []
        self.final: list[Tensor] = []
        """One draw of every view, 1 × V × k: what stays, and what the result is judged by."""
        if not views:
            return
        device = images.device
        seed = torch.randint(2**62, (), generator=generator, device=device)
        self.stream = torch.Generator(device).manual_seed(int(seed))
        shapes = {
            "sticker": images[:1, :1].expand(-1, images.shape[1] + 1, -1, -1),
            "image": images[:1],
        }
        for view in views:
            example = shapes[view.of]
            channels, height, width = example.shape[1:]
            self.shapes.append((channels, height, width))
            drawn = view.draw(self.images, self.shapes[-1], generator=self.stream)
            self.final.append(drawn[None])
            with torch.no_grad():
                shapes[view.of] = view(example, drawn[:1])

    def step(self) -> list[Tensor]:
        """Give each view's parameters of the next step, ``draws`` × V × k."""
        return [
            view.draw(self.draws * self.images, shape, generator=self.stream).view(
                self.draws, self.images, -1
            )
            if view.redraw
            else kept.expand(self.draws, -1, -1)
            for view, shape, kept in zip(self.views, self.shapes, self.final, strict=True)
        ]
