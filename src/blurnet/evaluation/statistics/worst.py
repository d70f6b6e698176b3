"""The worst of several targets: an interval that knows that it is a maximum."""

import statistics
from collections.abc import Sequence

import torch
from scipy.stats import beta
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.evaluation.metrics import Rate, rate

from .seeds import over_seeds


def worst_rate(hits: Tensor, counted: Tensor | None = None, *, confidence: float = 0.95) -> Rate:
    """Give the highest of several rates, with an interval for the highest of the true ones.

    The highest of 17 measured rates is too high: it is the luckiest as well as the worst, and an
    interval around it alone covers the true maximum too seldom. Here each target has its
    Clopper-Pearson limits (Biometrika 26, 1934). The upper limit is the highest upper limit at
    half of the error: the target that is truly worst has one, and the maximum is no lower. The
    lower limit is the highest lower limit at half of the error over the number of targets
    (Bonferroni): it is too high only if some target's is. So the interval covers the true maximum
    with the stated confidence, however the targets hang together by their images. One target is no
    maximum: its interval is Wilson's at 95 %.

    Args:
        hits: bool, targets × images.
        counted: bool, targets × images: which images each target counts; all if None.
        confidence: of the interval.

    Raises:
        BlurnetError: if there is nothing to count.

    """
    if hits.dim() != 2 or not hits.numel():
        raise BlurnetError(f"hits are targets × images; found {tuple(hits.shape)}")
    its = hits if counted is None else hits & counted
    counts = its.sum(1).tolist()
    totals = [hits.shape[1]] * len(hits) if counted is None else counted.sum(1).tolist()
    each = [(count, total) for count, total in zip(counts, totals, strict=True) if total]
    if not each:
        raise BlurnetError("a rate needs at least one image; found none")
    if len(each) == 1:  # no maximum
        (count, total) = each[0]
        return rate(torch.arange(total) < count)
    error = (1 - confidence) / 2
    low = max(_lower(count, total, error / len(each)) for count, total in each)
    high = max(_upper(count, total, error) for count, total in each)
    count, total = max(each, key=lambda pair: pair[0] / pair[1])
    return Rate(count / total, low, high, count, total)


def mean_of_maxima(each: Sequence[Rate]) -> Rate:
    """Average the highest rates of several networks on the same images.

    Args:
        each: of ``worst_rate``, at least one.

    Returns:
        The mean. Its limits are the means of theirs, as if the images moved all alike, widened by
        the seeds; see ``over_seeds``.

    """
    values = [rate.value for rate in each]
    value, images = statistics.fmean(values), each[0].total
    mean = Rate(
        value,
        statistics.fmean(rate.low for rate in each),
        statistics.fmean(rate.high for rate in each),
        round(value * images),
        images,
    )
    return over_seeds(mean, values)


def _lower(count: int, total: int, error: float) -> float:
    return float(beta.ppf(error, count, total - count + 1)) if count else 0.0


def _upper(count: int, total: int, error: float) -> float:
    return float(beta.ppf(1 - error, count + 1, total - count)) if count < total else 1.0
