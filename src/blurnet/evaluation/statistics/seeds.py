"""Several seeds: a mean over networks is as sure as its images and its seeds let it be."""

import math
import statistics
from collections.abc import Sequence

from scipy.stats import t

from blurnet.evaluation.metrics import Rate

from .intervals import joined

SEEDS = 5
"""So many training seeds at least, wherever rates are compared: one recipe gave 14, 40 and 76 %
success on three."""


def over_seeds(images: Rate, values: Sequence[float]) -> Rate:
    """Widen a mean over networks by what the seeds add to the error of the images.

    Args:
        images: the mean, with the interval that its images give it; seeds add nothing to those.
        values: the rate of each network, trained with a seed of its own.

    Returns:
        The same mean. Its interval is that of the images joined with Student's t interval of the
        mean over seeds; of one network it is left as it is, and says nothing about others.

    """
    if len(values) < 2:
        return images
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return joined(images, images.value - half, images.value + half)
