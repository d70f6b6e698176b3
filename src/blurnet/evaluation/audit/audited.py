"""What an audit is given, and the words in which a check answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from ..inputs import Understood
from ..suite_attacks import Found

SAMPLE = 12
"""So many images at most are attacked again by checks that attack."""

FEWEST = 10
"""A check of fewer images says nothing, unless there are no more (Pintor et al., arXiv 2106.09947,
ask for ten)."""

ABOVE = 0.002
"""One success rate is above another if it is by more: AutoAttack's 0.2 points (Croce and Hein,
arXiv 2003.01690)."""


@dataclass(frozen=True, eq=False)
class Audited:
    """An evaluation, to be audited.

    Args:
        network: the one under test.
        images: without a sticker, N × C × H × W.
        labels: int64, N.
        mask: H × W, or N × H × W.
        clean: the classes that the images get without a sticker, int64, N.
        found: the suite's attacks and what they found.
        control: images not classified as their label under the control's strongest sticker, which
            nobody searched for, a share.
        seed: of all chance.
        shown: which images the pictures of ``found`` are of, int64.
        made_on: what ``weights_of`` said of the network that the attacks were made on; "" for the
            network under test.
        source: the network that they were made on, where it is at hand and another.
        trained: whether some module of the network was given in training mode.

    """

    network: Understood
    images: Tensor
    labels: Tensor
    mask: Tensor
    clean: Tensor
    found: tuple[Found, ...]
    control: float
    seed: int
    shown: Tensor
    made_on: str = ""
    source: nn.Module | None = None
    trained: bool = False

    @property
    def gradient(self) -> tuple[Found, ...]:
        """The attacks that use a gradient."""
        return tuple(each for each in self.found if each.figures.attack.gradient)

    @property
    def search(self) -> tuple[Found, ...]:
        """Those that use none."""
        return tuple(each for each in self.found if not each.figures.attack.gradient)

    @property
    def strongest(self) -> Found | None:
        """The gradient attack with a sticker for each image that fools most, if there is one."""
        own = [each for each in self.gradient if is_per_image(each)]
        return max(own, key=success_of, default=None)

    @cached_property
    def sample(self) -> Tensor:
        """Which images checks attack again: of those classified rightly, spread, int64."""
        right = (self.clean == self.labels).nonzero().flatten()
        if len(right) <= SAMPLE:
            return right
        return right[torch.linspace(0, len(right) - 1, SAMPLE).round().long()]

    def too_few(self, images: int) -> "Finding | None":
        """Say that a check has too few images, if it has: none, or fewer than are needed and are.

        Args:
            images: how many it has.

        """
        if images >= min(FEWEST, len(self.images)):
            return None
        return void(
            f"{images} of {len(self.images)} images can be used for this check, and it needs "
            f"{min(FEWEST, len(self.images))}."
        )


@dataclass(frozen=True)
class Finding:
    """What a check found; ``AuditCheck`` without the check's name, and with the same meaning."""

    verdict: Literal["passed", "failed", "void"]
    sentence: str
    value: float | None = None
    threshold: float | None = None
    strikes: tuple[str, ...] = ()
    stronger: str = ""


def void(sentence: str) -> Finding:
    """Say that a check could not tell, or does not apply, and why."""
    return Finding("void", sentence)


def judged(
    passed: bool,
    value: float,
    threshold: float,
    sentence: str,
    advice: str = "",
    strikes: Sequence[Found] = (),
    stronger: str = "",
) -> Finding:
    """Say what a check found.

    Args:
        passed: whether what was measured is as demanded.
        value: what was measured.
        threshold: what it is compared with.
        sentence: both in words.
        advice: what to do where it failed; left out where it passed, as are the rest.
        strikes: the attacks whose figures are not to be trusted then.
        stronger: what would attack harder.

    """
    if passed:
        return Finding("passed", sentence, value, threshold)
    names = tuple(each.figures.attack.name for each in strikes)
    return Finding("failed", f"{sentence} {advice}", value, threshold, names, stronger)


def is_per_image(found: Found) -> bool:
    """Whether an attack makes a sticker for each image, at no target."""
    rp2 = found.figures.attack.rp2
    return rp2 is None or (rp2.scope == "per_image" and rp2.goal == "untargeted")


def success_of(found: Found) -> float:
    """Give the share of the images that an attack fools at any target."""
    return found.figures.any_target.value


def named(found: Sequence[Found]) -> str:
    """Name attacks in a sentence."""
    return ", ".join(f"“{each.figures.attack.name}”" for each in found)


def percent(share: float) -> str:
    """Write a share in a sentence."""
    return f"{100 * share:.1f} %"
