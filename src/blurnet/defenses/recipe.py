"""A recipe: how a network is made, hardened and trained."""

from typing import Literal

from blurnet.settings import Settings
from blurnet.training import FitSettings, SignAugmentation

from .defense import Defense


class Recipe(Settings):
    """How a network is made and trained.

    Args:
        model: a key of ``blurnet.models.MODELS``, or a user's own, ``package.module:callable`` or
            ``file.py:callable``.
        size: height and width of its images, in pixels.
        channels: of its images, 3 for RGB or 1 for grey.
        training: the loop's settings.
        augmentation: how pose, light and focus of training images are changed; None for not at all.
        defense: what hardens it.
        warm_start: how the same network without its defense is trained, at whose weights the
            layers start; False to start at random ones.

    """

    model: str
    size: int = 32
    channels: int = 3
    training: FitSettings = FitSettings()
    augmentation: SignAugmentation | None = None
    defense: Defense = Defense()
    warm_start: FitSettings | Literal[False] = False

    @property
    def undefended(self) -> "Recipe | None":
        """The network whose weights a warm start takes: the same, without any defense."""
        if not self.warm_start:
            return None
        return self.model_copy(
            update={"training": self.warm_start, "defense": Defense(), "warm_start": False}
        )
