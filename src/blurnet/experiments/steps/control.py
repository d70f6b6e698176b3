"""The control: opaque stickers of random colours in the same mask. What they do is no attack's."""

from collections.abc import Iterator

import torch
from torch import Tensor

from blurnet.attacks.control import random_colors
from blurnet.settings import Settings


class ControlConfig(Settings):
    """How many stickers of random colours, and where their colours are drawn from."""

    stickers: int = 10
    seed: int = 0


CONTROL = ControlConfig()


def control_images(images: Tensor, mask: Tensor) -> Iterator[Tensor]:
    """Give images under each of the control's stickers; see ``random_colors``."""
    generator = torch.Generator().manual_seed(CONTROL.seed)
    return random_colors(images, mask, stickers=CONTROL.stickers, generator=generator)
