"""What training images can be hardened with, by name; each is a ``harden`` of ``fit``."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from blurnet.attacks import PGDSettings, RectangleSettings, pgd, rectangle_attack
from blurnet.errors import BlurnetError
from blurnet.training import GaussianNoise, Harden, RandomOcclusion


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
    """Defence against occlusion attacks, DOA (Wu et al., arXiv 1909.09552)."""

    settings: RectangleSettings = field(default_factory=RectangleSettings)

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Give the attacked images."""
        found = rectangle_attack(model, images, labels, settings=self.settings, generator=generator)
        return found.adversarial


HARDENING: dict[str, Callable[..., Harden]] = {
    "gaussian_noise": GaussianNoise,
    "occlusion": RandomOcclusion,
    "pgd": lambda **settings: PGDTraining(PGDSettings(**settings)),
    "rectangle": lambda **settings: RectangleTraining(RectangleSettings(**settings)),
}


def hardening(name: str, **settings: object) -> Harden:
    """Make the hardening of that name.

    Args:
        name: a key of ``HARDENING``.
        settings: its own; see ``GaussianNoise``, ``RandomOcclusion``, ``PGDSettings`` and
            ``RectangleSettings``.

    Raises:
        BlurnetError: for an unknown name, the message lists the choices, or an unknown setting.

    """
    if name not in HARDENING:
        raise BlurnetError(f"no hardening {name!r}; there are: {', '.join(sorted(HARDENING))}")
    try:
        return HARDENING[name](**settings)
    except TypeError as error:
        raise BlurnetError(f"hardening {name}: {error}") from None
