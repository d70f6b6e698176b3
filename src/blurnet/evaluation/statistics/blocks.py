"""Test accuracies of frames: neighbours are of one passing of one sign, and err together."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t
from torch import Tensor

from blurnet.evaluation.metrics import Rate, mean_rate

from .intervals import wilson
from .seeds import over_seeds

RESAMPLED = 2000
LENGTHS, LONGEST = 4, 60
"""A run that is told by its errors is so many times as long as they correlate, at most 60 images.
Runs that are cut elsewhere than a passing ends miss a part of what hangs together, longer ones
less: where tracks give intervals that cover 95 %, these cover 92."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Which images are resampled together.

    Args:
        of: each image's run, int64 in 0…R-1, N.
        known: whether the data say so; else the errors of neighbours do.

    """

    of: Tensor
    known: bool

    @property
    def count(self) -> int:
        """How many runs there are."""
        return int(self.of.max()) + 1

    def select(self, chosen: Tensor) -> "Runs":
        """Give the runs of some of the images: bool, N."""
        numbered = np.unique(self.of[chosen].numpy(), return_inverse=True)[1]
        return Runs(torch.from_numpy(numbered), self.known)


def runs_of(right: Tensor, labels: Tensor, tracks: Tensor | None = None) -> Runs | None:
    """Part images into runs of frames whose errors hang together.

    With tracks, a run is a track. Without, images of a class that follow each other in the source
    may be frames of one passing all the same: if the errors of neighbours correlate beyond chance,
    2 √(log₁₀ N / N) (Politis and White, Econometric Reviews 23, 2004), the images of each class are
    cut into runs of ``LENGTHS`` times the lag up to which they do. If they do not, images are taken
    for independent.

    Args:
        right: bool, networks × images, in the order of the source.
        labels: each image's class, int64, N.
        tracks: int64, N; None where the data know none.

    Returns:
        The runs; None: each image stands for itself.

    """
    if tracks is not None:
        every = torch.ones_like(tracks, dtype=torch.bool)
        return Runs(tracks, known=True).select(every)
    lag = _correlated(right, labels)
    if not lag:
        return None
    of, last = torch.empty_like(labels), 0
    for label in sorted(set(labels.tolist())):
        places = (labels == label).nonzero().flatten()
        parts = max(1, round(len(places) / min(LENGTHS * lag, LONGEST)))
        its = torch.arange(len(places)) * parts // len(places)
        of[places] = its + last
        last += parts
    return Runs(of, known=False)


def _correlated(right: Tensor, labels: Tensor) -> int:
    """Give the last lag at which errors of neighbours in a class correlate beyond chance."""
    error = right.double() - right.double().mean()
    for label in sorted(set(labels.tolist())):
        error[:, labels == label] -= error[:, labels == label].mean(1, keepdim=True)
    variance, images = float(error.square().mean()), right.shape[1]
    if not variance:
        return 0
    chance = 2 * math.sqrt(math.log10(max(images, 10)) / images)
    order = torch.argsort(labels, stable=True)
    error, label = error[:, order], labels[order]
    for lag in range(1, min(LONGEST, images - 1)):
        same = label[lag:] == label[:-lag]
        if not same.any():
            return lag - 1
        together = float((error[:, lag:] * error[:, :-lag])[:, same].mean())
        if together / variance < chance:
            return lag - 1
    return LONGEST


def block_rate(hits: Tensor, runs: Runs | None) -> Rate:
    """Average over networks, with an interval from a block bootstrap over runs, and from seeds.

    Runs of frames are drawn with replacement (Künsch, Annals of Statistics 17, 1989). The variance
    of the mean over these draws gives the effective number of images, p(1 − p) over it (Kish's
    design effect), at most all and at least one a run; the interval is Wilson's at that number,
    with Student's t for as many runs as there are, because a bootstrap's own quantiles collapse
    where hardly an image is wrong. Several networks widen it by their seeds; see ``over_seeds``.

    Args:
        hits: bool, networks × images, or images.
        runs: of ``runs_of``; None: each image stands for itself.

    Raises:
        BlurnetError: if there is nothing to count.

    """
    hits = hits.reshape(-1, hits.shape[-1])
    plain = mean_rate(hits)
    rate = plain
    if runs is not None:
        effective = _effective(hits, runs)
        quantile = float(t.ppf(0.975, max(runs.count - 1, 1)))
        low, high = wilson(plain.value, effective, quantile)
        rate = Rate(
            plain.value, min(low, plain.low), max(high, plain.high), plain.count, plain.total
        )
    return over_seeds(rate, hits.double().mean(1).tolist())


def _effective(hits: Tensor, runs: Runs) -> float:
    """Give the effective number of images, the mean over networks of its inverse."""
    images, count = hits.shape[1], runs.count
    of = runs.of.numpy()
    sizes = np.bincount(of, minlength=count).astype(np.float64)
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLED)
    inverse = np.mean([_inverse(row.numpy(), of, sizes, drawn) for row in hits])
    fewest = min(count, images)
    return float(np.clip(1 / inverse, fewest, images)) if inverse else float(images)


def _inverse(
    hits: NDArray[np.bool_],
    of: NDArray[np.int64],
    sizes: NDArray[np.float64],
    drawn: NDArray[np.int64],
) -> float:
    share = float(hits.mean())
    if share in (0.0, 1.0):
        return 1 / len(sizes)
    right = np.bincount(of, weights=hits, minlength=len(sizes))
    return float(np.var(drawn @ right / (drawn @ sizes))) / (share * (1 - share))
