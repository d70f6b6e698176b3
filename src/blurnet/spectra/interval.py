"""Means over images, with their intervals."""

import math
from typing import NamedTuple

import torch
from scipy import stats
from torch import Tensor


class MeanInterval(NamedTuple):
    """A mean over images and its 95 % interval, float64, of any shape."""

    mean: Tensor
    low: Tensor
    high: Tensor

    def plain(self) -> dict[str, float | None]:
        """Give what JSON can hold: ``mean``, ``low`` and ``high``, None where not a number.

        For an interval of one number.
        """
        values = {bound: float(value) for bound, value in self._asdict().items()}
        return {bound: x if math.isfinite(x) else None for bound, x in values.items()}


def mean_interval(values: Tensor) -> MeanInterval:
    """Average over images, with Student's t interval at 95 %: mean ± t(0.975, N − 1) · s / √N.

    For a paired difference, give the differences. The images are taken for independent.

    Args:
        values: N × …, one entry for each image, at least one.

    Returns:
        Mean, low and high, each of the shape …; low and high are not numbers if N is 1.

    """
    images = len(values)
    exact = values.double()
    mean = exact.mean(0)
    if images < 2:
        unknown = torch.full_like(mean, torch.nan)
        return MeanInterval(mean, unknown, unknown)
    half = float(stats.t.ppf(0.975, images - 1)) * exact.std(0) / images**0.5
    return MeanInterval(mean, mean - half, mean + half)


def mean_ratio(logs: Tensor) -> MeanInterval:
    """Give the geometric mean of ratios and its interval, that of their logarithms.

    Args:
        logs: the natural logarithms of the ratios, N × …, one entry for each image.

    """
    return MeanInterval(*(bound.exp() for bound in mean_interval(logs)))


def profile_band(profiles: Tensor) -> MeanInterval:
    """Give a layer's mean radial profile with a 95 % band over images (Student's t, each ring).

    Args:
        profiles: N × K × R, as ``radial_profile`` gives them for N × K × H × W. Each image's maps
            are averaged first: images are what varies, its maps are not independent.

    Returns:
        Mean, low and high, each R; see ``mean_interval``. A low end can be below 0 where images
        are few.

    """
    return mean_interval(profiles.mean(1))
