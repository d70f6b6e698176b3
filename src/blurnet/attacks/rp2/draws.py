"""What the transforms, the T_i of RP2's formula, drew for each photograph."""

import torch
from torch import Tensor

from blurnet.attacks.transforms import Transform


class Draws:
    """What the transforms drew, for V photographs.

    They draw from a stream of their own, the same for every target: what one target gets does not
    depend on which others are attacked.

    Args:
        transforms: in the order in which they act.
        images: the photographs, V × C × H × W.
        draws: how many draws of the redrawn transforms each step takes.
        generator: where the stream's seed is drawn from, if there are transforms.

    """

    def __init__(
        self,
        transforms: tuple[Transform, ...],
        images: Tensor,
        draws: int,
        generator: torch.Generator,
    ) -> None:
        self.transforms = transforms
        self.images = len(images)
        self.redrawn = any(each.redraw for each in transforms)
        self.draws = draws if self.redrawn else 1
        self.shapes: list[tuple[int, int, int]] = []
        self.final: list[Tensor] = []
        """One draw of every transform, 1 × V × k: what stays, and what the result is judged by."""
        if not transforms:
            return
        self.device = images.device
        seed = torch.randint(2**62, (), generator=generator, device=generator.device)
        self.stream = torch.Generator(generator.device).manual_seed(int(seed))
        shapes = {
            "sticker": images[:1, :1].expand(-1, images.shape[1] + 1, -1, -1),
            "image": images[:1],
        }
        for each in transforms:
            example = shapes[each.of]
            channels, height, width = example.shape[1:]
            self.shapes.append((channels, height, width))
            drawn = each.draw(self.images, self.shapes[-1], generator=self.stream).to(self.device)
            self.final.append(drawn[None])
            with torch.no_grad():
                shapes[each.of] = each(example, drawn[:1])

    def step(self) -> list[Tensor]:
        """Give each transform's parameters of the next step, ``draws`` × V × k."""
        return [
            each.draw(self.draws * self.images, shape, generator=self.stream)
            .to(self.device)
            .view(self.draws, self.images, -1)
            if each.redraw
            else kept.expand(self.draws, -1, -1)
            for each, shape, kept in zip(self.transforms, self.shapes, self.final, strict=True)
        ]
