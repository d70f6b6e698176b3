"""The rates and the distance that every table reports, each defined once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from scipy.stats import binomtest
from torch import Tensor

from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class Rate:
    """A share of a counted number of images, with its Wilson 95 % interval."""

    value: float
    low: float
    high: float
    count: int
    total: int


def rate(hits: Tensor) -> Rate:
    """Count a boolean tensor.

    Args:
        hits: bool, any shape, at least one entry, each an independent trial.

    Returns:
        The share of True, with the Wilson score interval (Wilson, JASA 22, 1927) at 95 %.

    Raises:
        BlurnetError: if there is nothing to count.

    """
    total = hits.numel()
    if not total:
        raise BlurnetError("a rate needs at least one image; found none")
    count = int(hits.sum())
    interval = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return Rate(count / total, float(interval.low), float(interval.high), count, total)


def mean_rate(hits: Tensor) -> Rate:
    """Average over attacks that share their images.

    Args:
        hits: bool, attacks × images, at least one of each.

    Returns:
        The mean over attacks. The images are the independent trials, so ``total`` and the interval
        count each once: they are those of ``round(mean × images)`` out of ``images``.

    Raises:
        BlurnetError: if there is nothing to count.

    """
    images = hits.shape[1]
    value = float(hits.double().mean())
    each_once = rate(torch.arange(images) < round(value * images)) if hits.numel() else rate(hits)
    return replace(each_once, value=value)


@dataclass(frozen=True)
class AttackRates:
    """One attack on one network.

    Args:
        accuracy: clean images classified as their true class.
        attack_success_rate: attacked images not classified as their true class, over all images.
        prediction_altered_rate: attacked images whose prediction differs from the same network's
            prediction on the clean image.
        target_reached_rate: attacked images classified as the attack's target.

    """

    accuracy: Rate
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate


def attack_rates(clean: Tensor, attacked: Tensor, true: Tensor | int, target: int) -> AttackRates:
    """Count what an attack did.

    Args:
        clean: the network's predictions on the clean images, int64, N.
        attacked: its predictions on the same images attacked, int64, N.
        true: the true class of all images, or of each (int64, N).
        target: the class that the attack aimed at.

    Raises:
        BlurnetError: if the lengths differ or there are no images.

    """
    if clean.shape != attacked.shape or (isinstance(true, Tensor) and true.shape != clean.shape):
        raise BlurnetError(
            f"one clean prediction, attacked prediction and true class for each image; found "
            f"{tuple(clean.shape)}, {tuple(attacked.shape)}"
            + (f", {tuple(true.shape)}" if isinstance(true, Tensor) else "")
        )
    return AttackRates(
        accuracy=rate(clean == true),
        attack_success_rate=rate(attacked != true),
        prediction_altered_rate=rate(attacked != clean),
        target_reached_rate=rate(attacked == target),
    )


@dataclass(frozen=True)
class RatesOverTargets:
    """One network, attacked at several targets.

    Args:
        mean: the mean over targets of each rate; see ``mean_rate`` for its interval.
        worst: the rates of the target with the highest attack success rate (the first of equals).
        worst_target: that target.
        targets: target → its rates.

    """

    mean: AttackRates
    worst: AttackRates
    worst_target: int
    targets: dict[int, AttackRates]


def rates_over_targets(
    clean: Tensor, attacked: Tensor, true: Tensor | int, targets: Sequence[int]
) -> RatesOverTargets:
    """Count what attacks at several targets did to one network.

    Args:
        clean: predictions on the clean images, int64, N.
        attacked: predictions on the attacked images, int64, T × N, a row for each target.
        true: the true class of all images, or of each (int64, N).
        targets: the class that each row aimed at, T.

    Raises:
        BlurnetError: if the shapes do not fit or there is no target.

    """
    if not len(targets) or attacked.shape != (len(targets), len(clean)):
        raise BlurnetError(
            f"attacked predictions are targets × images, {len(targets)} × {len(clean)}, and there "
            f"is at least one target; found {tuple(attacked.shape)}"
        )
    each = {
        target: attack_rates(clean, row, true, target)
        for target, row in zip(targets, attacked, strict=True)
    }
    worst = max(each, key=lambda target: each[target].attack_success_rate.value)
    mean = AttackRates(
        accuracy=each[worst].accuracy,
        attack_success_rate=mean_rate(attacked != true),
        prediction_altered_rate=mean_rate(attacked != clean),
        target_reached_rate=mean_rate(attacked == torch.tensor(list(targets))[:, None]),
    )
    return RatesOverTargets(mean, each[worst], worst, each)


def l2_dissimilarity(images: Tensor, adversarial: Tensor) -> float:
    """Measure how far an attack went: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂.

    Defined so, with the attacked image below, in the talk on Raju and Lipasti (arXiv 1908.02256).

    Args:
        images: float32 in [0, 1], N × C × H × W.
        adversarial: the same images attacked.

    Returns:
        The mean, 0 if nothing changed. An attacked image that is black throughout counts as
        infinitely far from any other image.

    Raises:
        BlurnetError: if the shapes differ or there are no images.

    """
    if images.shape != adversarial.shape or not len(images):
        raise BlurnetError(
            f"one attacked image for each image, at least one; "
            f"found {tuple(images.shape)} and {tuple(adversarial.shape)}"
        )
    distance = torch.linalg.vector_norm((images - adversarial).flatten(1).double(), dim=1)
    length = torch.linalg.vector_norm(adversarial.flatten(1).double(), dim=1)
    return float(torch.where(distance == 0, 0.0, distance / length).mean())
