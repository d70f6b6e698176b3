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


def mean_rate(hits: Tensor, counted: Tensor | None = None) -> Rate:
    """Average over attacks that share their images.

    Args:
        hits: bool, attacks × images, at least one of each.
        counted: bool, attacks × images: which images each attack attacked; all if None.

    Returns:
        The mean over all that counts. The images are the independent trials, so ``total`` and the
        interval count each once: they are those of ``round(mean × images)`` out of ``images``.

    Raises:
        BlurnetError: if there is nothing to count.

    """
    counted = torch.ones_like(hits) if counted is None else counted
    images = int(counted.any(0).sum())
    if not images:
        return rate(hits[counted])
    value = float(hits[counted].double().mean())
    return replace(rate(torch.arange(images) < round(value * images)), value=value)


@dataclass(frozen=True)
class AttackRates:
    """One attack on one network.

    Args:
        accuracy: clean images classified as their true class.
        attack_success_rate: attacked images not classified as their true class, over all attacked.
        prediction_altered_rate: attacked images whose prediction differs from the same network's
            prediction on the clean image.
        target_reached_rate: attacked images classified as the attack's target; None if it had none.

    """

    accuracy: Rate
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate | None


def attack_rates(
    clean: Tensor, attacked: Tensor, true: Tensor | int, target: int | None
) -> AttackRates:
    """Count what an attack did.

    Args:
        clean: the network's predictions on the clean images, int64, N.
        attacked: its predictions on the same images attacked, int64, N.
        true: the true class of all images, or of each (int64, N).
        target: the class that the attack aimed at; None if it was untargeted. An image of that very
            class cannot be turned into it: it counts as not attacked.

    Raises:
        BlurnetError: if the lengths differ, or no image was attacked.

    """
    if clean.shape != attacked.shape or (isinstance(true, Tensor) and true.shape != clean.shape):
        raise BlurnetError(
            f"one clean prediction, attacked prediction and true class for each image; found "
            f"{tuple(clean.shape)}, {tuple(attacked.shape)}"
            + (f", {tuple(true.shape)}" if isinstance(true, Tensor) else "")
        )
    counted = attacked_images(true, [target], len(clean))[0]
    return AttackRates(
        accuracy=rate(clean == true),
        attack_success_rate=rate((attacked != true)[counted]),
        prediction_altered_rate=rate((attacked != clean)[counted]),
        target_reached_rate=None if target is None else rate((attacked == target)[counted]),
    )


def attacked_images(true: Tensor | int, targets: Sequence[int | None], images: int) -> Tensor:
    """Say which images an attack at each target counts: those not of that very class.

    Args:
        true: the true class of all images, or of each (int64, N).
        targets: the class that each attack aimed at; None if it was untargeted.
        images: N.

    Returns:
        bool, targets × images.

    """
    aims = torch.tensor([-1 if target is None else target for target in targets])
    labels = torch.as_tensor(true).cpu().expand(images)
    return labels != aims[:, None]


@dataclass(frozen=True)
class RatesOverTargets:
    """One network, attacked at several targets.

    Args:
        mean: the mean over targets of each rate; see ``mean_rate`` for its interval.
        worst: the rates of the target with the highest attack success rate (the first of equals).
        worst_target: that target; None if the attack was untargeted.
        any_target: images that some target's sticker fools.
        targets: target → its rates.

    """

    mean: AttackRates
    worst: AttackRates
    worst_target: int | None
    any_target: Rate
    targets: dict[int | None, AttackRates]


def rates_over_targets(
    clean: Tensor, attacked: Tensor, true: Tensor | int, targets: Sequence[int | None]
) -> RatesOverTargets:
    """Count what attacks at several targets did to one network.

    Args:
        clean: predictions on the clean images, int64, N.
        attacked: predictions on the attacked images, int64, T × N, a row for each target.
        true: the true class of all images, or of each (int64, N).
        targets: the class that each row aimed at, T; ``[None]`` for one untargeted attack. An image
            of a target's own class counts as not attacked there; see ``attack_rates``.

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
    counted = attacked_images(true, targets, len(clean))
    aims = torch.tensor([-1 if target is None else target for target in targets])
    mean = AttackRates(
        accuracy=each[worst].accuracy,
        attack_success_rate=mean_rate(attacked != true, counted),
        prediction_altered_rate=mean_rate(attacked != clean, counted),
        target_reached_rate=(
            None if None in each else mean_rate(attacked == aims[:, None], counted)
        ),
    )
    fooled = ((attacked != true) & counted).any(0)[counted.any(0)]
    return RatesOverTargets(mean, each[worst], worst, rate(fooled), each)


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
