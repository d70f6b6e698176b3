"""What a transform is: a differentiable T_i of RP2's formula, with ranges of what it draws."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from blurnet.errors import BlurnetError

Of = Literal["sticker", "image"]


@dataclass(frozen=True, kw_only=True)
class Transform(ABC):
    """One transformation T_i; its own settings are ranges, and 0 everywhere changes nothing.

    Args:
        of: what it changes: the "sticker" with its mask, before they meet the photograph, or the
            attacked "image".
        redraw: whether it is drawn anew at each step (expectation over transformation, Athalye et
            al., arXiv 1707.07397), or once for each photograph and then kept.

    """

    of: Of = "image"
    redraw: bool = True

    changes: ClassVar[tuple[Of, ...]] = ("image",)
    """What ``of`` may be."""

    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    """The smallest and largest value of each setting that is a number."""

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.of not in self.changes:
            raise BlurnetError(f"{name}: of is {' or '.join(self.changes)}, not {self.of!r}")
        if not isinstance(self.redraw, bool):
            raise BlurnetError(f"{name}: redraw is true or false, not {self.redraw!r}")
        for setting, (lowest, highest) in self.limits.items():
            value = getattr(self, setting)
            if not (isinstance(value, int | float) and lowest <= value <= highest):
                raise BlurnetError(f"{name}: {setting} lies in {lowest}…{highest}; found {value!r}")

    @abstractmethod
    def draw(
        self, count: int, image_shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        """Draw how ``count`` images are changed.

        Args:
            count: how many.
            image_shape: C × H × W of what will be changed.
            generator: where the amounts are drawn from, on any device.

        Returns:
            float32, ``count`` × k, on the generator's device; k is the transform's own.

        """

    @abstractmethod
    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        """Change each image by its row of parameters; differentiable in the images.

        Args:
            images: floating point, N × C × H × W. Images lie in [0, 1]; of a sticker, any number
                of channels and any values, all changed alike, so that a mask goes with its colours.
            parameters: as ``draw`` gives them, N × k.

        Returns:
            As ``images``; images stay in [0, 1].

        """

    def output_shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Give C × H × W of what ``image_shape`` becomes."""
        return image_shape


def uniform(count: int, columns: int, generator: torch.Generator) -> Tensor:
    """Draw float32 in [−1, 1), ``count`` × ``columns``."""
    return 2 * torch.rand(count, columns, generator=generator, device=generator.device) - 1


def factors(count: int, columns: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw factors in 1/(1 + share)…1 + share, up as often as down, ``count`` × ``columns``."""
    return (1 + share) ** uniform(count, columns, generator)


class _StraightThrough(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(_images: Tensor, shown: Tensor) -> Tensor:
        return shown.view_as(shown)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def straight_through(images: Tensor, shown: Tensor) -> Tensor:
    """Give ``shown``, with the gradient of ``images`` (Bengio et al., arXiv 1308.3432)."""
    result: Tensor = _StraightThrough.apply(images, shown.detach())  # type: ignore[no-untyped-call]
    return result


def clamp(images: Tensor) -> Tensor:
    """Clip to [0, 1] straight through: a clipped value keeps its gradient, so it can come back."""
    return straight_through(images, images.detach().clamp(0, 1))
