"""What training batches can be changed by: augmentation, or an attack on the network as it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.attacks import PGDSettings, RectangleSettings, pgd, rectangle_attack
from blurnet.errors import BlurnetError
from blurnet.settings import make
from blurnet.training import DoubleCutout, GaussianNoise, Harden, RandomOcclusion


@dataclass(frozen=True)
class PGDTraining:
    """Adversarial training on PGD's images (Madry et al., arXiv 1706.06083)."""

    settings: PGDSettings = field(default_factory=PGDSettings)

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give the attacked images."""
        return pgd(model, images, labels, settings=self.settings, generator=generator)


@dataclass(frozen=True)
class RectangleTraining:
    """Defense against occlusion attacks, DOA (Wu et al., arXiv 1909.09552)."""

    settings: RectangleSettings = field(default_factory=RectangleSettings)

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give the attacked images."""
        found = rectangle_attack(model, images, labels, settings=self.settings, generator=generator)
        return found.adversarial


AUGMENTATIONS: dict[str, type[Any]] = {
    "double_cutout": DoubleCutout,
    "gaussian_noise": GaussianNoise,
    "occlusion": RandomOcclusion,
}
"""By name: a dataclass of settings that is itself the change of a batch."""

ADVERSARIES: dict[str, tuple[type[Any], Callable[[Any], Harden]]] = {
    "pgd": (PGDSettings, PGDTraining),
    "rectangle": (RectangleSettings, RectangleTraining),
}
"""By name: the attack's settings, and the training on its images."""


def augmentation(name: str, **settings: object) -> Harden:
    """Make the augmentation of that name.

    Raises:
        BlurnetError: for an unknown name or setting; the message lists those that there are.

    """
    if name not in AUGMENTATIONS:
        there = ", ".join(sorted(AUGMENTATIONS))
        raise BlurnetError(f"no augmentation {name!r}; there are: {there}")
    made: Harden = make(f"augmentation {name}", AUGMENTATIONS[name], settings)
    return made


def adversary(name: str, **settings: object) -> Harden:
    """Make the adversarial training of that name.

    Raises:
        BlurnetError: for an unknown name or setting; the message lists those that there are.

    """
    if name not in ADVERSARIES:
        there = ", ".join(sorted(ADVERSARIES))
        raise BlurnetError(f"no adversarial training {name!r}; there are: {there}")
    kind, training = ADVERSARIES[name]
    return training(make(f"adversarial training {name}", kind, settings))
