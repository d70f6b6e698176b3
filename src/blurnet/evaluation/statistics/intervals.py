"""Wilson's interval for counts that need not be whole, and at any confidence."""

import math

from scipy.stats import norm

from blurnet.evaluation.metrics import Rate

Z = float(norm.ppf(0.975))


def wilson(share: float, trials: float, quantile: float = Z) -> tuple[float, float]:
    """Give the Wilson score interval (Wilson, JASA 22, 1927).

    Args:
        share: what was measured, in [0, 1].
        trials: on how many independent trials, above 0; an effective number need not be whole.
        quantile: of the normal distribution, or of Student's t where a variance was estimated.

    """
    square = quantile**2 / trials
    middle = (share + square / 2) / (1 + square)
    half = quantile * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    low = 0.0 if share <= 0 else max(0.0, middle - half)
    return min(low, share), max(1.0 if share >= 1 else min(1.0, middle + half), share)


def joined(rate: Rate, low: float, high: float) -> Rate:
    """Give a rate with limits that are as far from it as two independent errors together.

    The distances add as the sides of a right triangle (MOVER, Zou and Donner, Statistics in
    Medicine 27, 2008).
    """
    below = math.hypot(rate.value - rate.low, rate.value - low)
    above = math.hypot(rate.high - rate.value, high - rate.value)
    return Rate(
        rate.value,
        max(0.0, rate.value - below),
        min(1.0, rate.value + above),
        rate.count,
        rate.total,
    )
