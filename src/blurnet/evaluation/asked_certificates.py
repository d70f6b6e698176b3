"""Which families of stickers an evaluation certifies against, and what that may cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blurnet.certificates import Family, family_of
from blurnet.certificates.attack import MaskedAttackSettings
from blurnet.certificates.pairs import pairs_of

from .inputs import of_image, pixels_of

SHIFT = 2 / 32
"""How far the mask is moved by default, as a share of the image's shorter side: RP2's ± 2 of 32."""


USUAL = MaskedAttackSettings()


@dataclass(frozen=True)
class Effort:
    """What certificates may cost: masks along an axis (None: as usual), and how to attack."""

    k: int | None = None
    attack: MaskedAttackSettings = USUAL


FIRST_LOOK = Effort(3, MaskedAttackSettings(steps=5, restarts=1))
"""Of the quick suite."""


def default_families(mask: Tensor, shape: Sequence[int]) -> tuple[str, ...]:
    """Say which families an evaluation certifies against by default.

    Args:
        mask: H × W, or N × H × W.
        shape: height and width of the images.

    Returns:
        The mask where it is and moved by 2 pixels of 32, and any square of as many pixels.

    """
    shorter = min(shape)
    side = min(shorter, max(1, round(pixels_of(mask) ** 0.5)))
    return ("mask:0", f"mask:{max(1, round(SHIFT * shorter))}", f"any:{side}")


@dataclass(frozen=True, eq=False)
class Asked:
    """One certificate that is asked for.

    Args:
        families: one for all images, or several, as the masks are.
        groups: the images of each family, int64 each.
        passes: how often the network is asked about an image that is certified.
        covers_mask: whether the family has every sticker of the evaluated mask.
        effort: what it may cost.

    """

    families: tuple[Family, ...]
    groups: tuple[Tensor, ...]
    passes: int
    covers_mask: bool
    effort: Effort

    @property
    def name(self) -> str:
        """Of the family; masks that differ are called alike."""
        return self.families[0].name

    @property
    def work(self) -> int:
        """About how many images go through the network, at most."""
        return self.passes * sum(map(len, self.groups))


def asked_certificates(
    wanted: Sequence[str | Family] | None,
    images: Tensor,
    mask: Tensor | None,
    *,
    quick: bool = False,
    k: int | None = None,
) -> tuple[Asked, ...]:
    """Read the families, before anything is computed.

    Args:
        wanted: families, as ``family_of`` takes them; None for ``default_families`` of the mask.
        images: N × C × H × W.
        mask: H × W, or N × H × W with one for each image; None if there is none.
        quick: whether it is for a first look, with fewer and larger masks.
        k: masks along each axis; None for what is usual.

    Raises:
        BlurnetError: for what is no family, or does not fit the images.

    """
    if wanted is None:
        wanted = () if mask is None else default_families(mask, images.shape[2:])
    effort = FIRST_LOOK if quick else Effort(k)
    masks = list(mask) if mask is not None and mask.dim() == 3 else [mask]
    return tuple(
        _asked([family_of(each, one) for one in masks], images, mask, effort) for each in wanted
    )


def _asked(each: Sequence[Family], images: Tensor, mask: Tensor | None, effort: Effort) -> Asked:
    height, width = images.shape[2:]
    families = tuple(dict.fromkeys(each))
    place = torch.tensor([families.index(family) for family in each]).expand(len(images))
    groups = tuple((place == at).nonzero().flatten() for at in range(len(families)))
    covers = mask is not None and all(
        bool(family.has((of_image(mask, group) > 0).reshape(-1, height, width)).all())
        for family, group in zip(families, groups, strict=True)
    )
    passes = len(pairs_of(families[0], height, width, effort.k).areas)
    return Asked(families, groups, passes, covers, effort)
