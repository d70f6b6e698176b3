"""Two networks on the same images: the images on which they differ tell them apart."""

import math
from collections.abc import Sequence

import torch
from scipy.stats import binomtest, t
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.settings import Settings

from .intervals import wilson

LEVEL = 0.05
"""A difference is settled if chance alone makes one as large less often than this."""


class Paired(Settings):
    """How two yes-or-no measurements of the same images go together.

    Args:
        both: images that count in both.
        first: in the first alone.
        second: in the second alone.
        neither: in none.
        p: of the exact McNemar test, two-sided: how often a fair coin would part the images on
            which the two differ as unevenly as this.

    """

    both: int
    first: int
    second: int
    neither: int
    p: float

    @property
    def images(self) -> int:
        """How many images there are."""
        return self.both + self.first + self.second + self.neither

    @property
    def settled(self) -> bool:
        """Whether so many images settle that the two differ."""
        return self.p < LEVEL


def paired(first: Tensor, second: Tensor) -> Paired:
    """Compare two networks on the same images by the exact McNemar test.

    The images on which both are right, or both wrong, say nothing about which is better. Of the
    b + c others, b count in the first alone; if the two were alike, b would be that of so many
    fair coins (McNemar, Psychometrika 12, 1947; exact, as Fagerland et al., BMC Medical Research
    Methodology 13, 2013, have it).

    Args:
        first: bool, N: what counts, such as images that are fooled.
        second: bool, N: the same of the other network, on the same images in the same order.

    Raises:
        BlurnetError: if the lengths differ or there are no images.

    """
    if first.shape != second.shape or first.dim() != 1 or not len(first):
        raise BlurnetError(
            f"pairs are one answer of each network for each image, at least one; found "
            f"{tuple(first.shape)} and {tuple(second.shape)}"
        )
    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    apart = one + other
    return Paired(
        both=int((first & second).sum()),
        first=one,
        second=other,
        neither=int((~first & ~second).sum()),
        p=float(binomtest(one, apart, 0.5).pvalue) if apart else 1.0,
    )


class Difference(Settings):
    """The second rate less the first, on the same images, with its 95 % interval.

    Args:
        value: in [-1, 1].
        low: the lower limit.
        high: the upper limit.
        seeds: how many pairs of networks there are.
        p: of the exact McNemar test, for each pair of networks; empty where an image counts by a
            share and not as a whole.

    """

    value: float
    low: float
    high: float
    seeds: int
    p: tuple[float, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the images (and, of several, the seeds) settle that the two differ.

        One pair of networks is judged by McNemar's test where that applies, several by the
        interval.
        """
        if self.seeds == 1 and self.p:
            return self.p[0] < LEVEL
        return self.low > 0 or self.high < 0


def difference(first: Tensor, second: Tensor) -> Difference:
    """Compare pairs of networks, each trained with the same seed, on the same images.

    Args:
        first: S × N, bool, or floating point in [0, 1] where an image counts by a share (such as
            the share of targets whose sticker fools it).
        second: the same of the other networks; rows are pairs.

    Returns:
        The difference of means. The interval over images is Newcombe's for paired proportions
        (Statistics in Medicine 17, 1998, method 8: Wilson limits, joined with the correlation of
        the two); several seeds add Student's t interval of the mean difference over seeds, joined
        as by ``intervals.joined``. Seeds add nothing to the images.

    Raises:
        BlurnetError: if the shapes differ or there is nothing to compare.

    """
    if first.shape != second.shape or first.dim() != 2 or not first.numel():
        raise BlurnetError(
            f"pairs of networks are seeds × images, at least one of each; found "
            f"{tuple(first.shape)} and {tuple(second.shape)}"
        )
    whole = first.dtype == second.dtype == torch.bool
    tests = [paired(a, b).p for a, b in zip(first, second, strict=True)] if whole else []
    one, other = first.double(), second.double()
    low, high = _newcombe(one.mean(0), other.mean(0))
    each = (other - one).mean(1)
    value, seeds = float(each.mean()), len(each)
    if seeds > 1:
        half = _half(each.tolist())
        low = value - math.hypot(value - low, half)
        high = value + math.hypot(high - value, half)
    return Difference(
        value=value, low=max(low, -1.0), high=min(high, 1.0), seeds=seeds, p=tuple(tests)
    )


def _newcombe(first: Tensor, second: Tensor) -> tuple[float, float]:
    images = len(first)
    one, other = float(first.mean()), float(second.mean())
    spread = float(first.std(correction=0) * second.std(correction=0))
    together = float(((first - one) * (second - other)).mean())
    correlation = together / spread if spread > 1e-12 else 0.0
    (low_1, high_1), (low_2, high_2) = wilson(one, images), wilson(other, images)
    below, above = (other - low_2, high_1 - one), (one - low_1, high_2 - other)
    value = other - one
    return value - _joint(below, correlation), value + _joint(above, correlation)


def _joint(sides: tuple[float, float], correlation: float) -> float:
    a, b = sides
    return math.sqrt(max(0.0, a * a + b * b - 2 * correlation * a * b))


def _half(values: Sequence[float]) -> float:
    spread = float(torch.tensor(values, dtype=torch.float64).std())
    return float(t.ppf(0.975, len(values) - 1)) * spread / math.sqrt(len(values))
