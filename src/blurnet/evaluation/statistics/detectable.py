"""The smallest difference that so many images can show."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, hypergeom

from .paired import LEVEL

POWER = 0.8
"""Found in 4 of 5 repetitions."""


def fewest_settled() -> int:
    """Give the fewest images that settle a difference: all of them on the same side.

    Six: the exact McNemar test gives 2 · ½⁶ = 0.031 for them, and 0.063 for five.
    """
    return next(apart for apart in range(1, 99) if 2 * 0.5**apart < LEVEL)


def power_pairs(images: int, one: float, other: float = 0.0) -> float:
    """Say how often the exact McNemar test finds a difference between two networks.

    Args:
        images: how many both are asked about.
        one: the share of images that count in the first network alone.
        other: in the second alone.

    Returns:
        The share of repetitions, with other images, in which p is below 0.05.

    """
    share = one + other
    if share <= 0:
        return 0.0
    apart = np.arange(fewest_settled(), images + 1)
    most = apart - binom.ppf(LEVEL / 2, apart, 0.5) + 1
    chance = binom.cdf(apart - most, apart, one / share) + binom.sf(most - 1, apart, one / share)
    return float((binom.pmf(apart, images, share) * chance).sum())


def detectable_pairs(images: int, other: float = 0.0, power: float = POWER) -> float | None:
    """Give the smallest true difference that pairs find in 4 of 5 repetitions.

    Args:
        images: how many both networks are asked about.
        other: the share of images that goes against the difference; 0 is the best case.
        power: the share of repetitions.

    Returns:
        A share of the images; None if even the largest is not found so often.

    """

    def short(share: float) -> float:
        return power_pairs(images, other + share, other) - power

    largest = 1 - 2 * other
    if largest <= 0 or short(largest) < 0:
        return None
    return float(brentq(short, 0, largest, xtol=1e-4)) if short(0) < 0 else 0.0


def detectable_rate(images: int, rate: float, power: float = POWER) -> float | None:
    """Give the smallest rate above a known one that is told from it in 4 of 5 repetitions.

    Args:
        images: how many are measured.
        rate: what it is compared with, known exactly (such as a limit that is demanded).
        power: the share of repetitions.

    Returns:
        The rate that the exact binomial test, two-sided at 5 %, tells apart; None if none.

    """
    from_ = next(
        (
            count
            for count in range(images + 1)
            if count > rate * images and binomtest(count, images, rate).pvalue < LEVEL
        ),
        None,
    )
    if from_ is None:
        return None

    def short(higher: float) -> float:
        return float(binom.sf(from_ - 1, images, higher)) - power

    return float(brentq(short, rate, 1, xtol=1e-4)) if short(1) >= 0 > short(rate) else None


def power_apart(images: int, one: float, other: float) -> float:
    """Say how often Fisher's exact test finds a difference of rates on other images each.

    Args:
        images: how many each network is asked about.
        one: the first network's true rate.
        other: the second's.

    """
    counts = np.arange(images + 1)
    first, second = binom.pmf(counts, images, one), binom.pmf(counts, images, other)
    found = 0.0
    for together in range(2 * images + 1):
        low, high = max(0, together - images), min(images, together)
        its = np.arange(low, high + 1)
        chance = hypergeom.pmf(its, 2 * images, images, together)
        p = np.array([chance[chance <= each * (1 + 1e-9)].sum() for each in chance])
        settled = its[p < LEVEL]
        found += float((first[settled] * second[together - settled]).sum())
    return found
