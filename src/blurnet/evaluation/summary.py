"""The figures of one attack, as ``attack.json`` and ``blurnet attack --json`` have them."""

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer
from torch import Tensor

from blurnet.attacks import RP2Settings
from blurnet.attacks.rp2.objective import Goal
from blurnet.settings import Settings

from .attacked import Attacked
from .inputs import pixels_of
from .metrics import AttackRates, Rate


class _Reached(Settings):
    """What has a ``target_reached_rate`` only if there was a target."""

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        if written.get("target_reached_rate", 0) is None:
            del written["target_reached_rate"]
        return written


class TargetSummary(_Reached):
    """An attack at one target.

    Args:
        target: the class aimed at; None if the attack was untargeted.
        attack_success_rate: attacked images not classified as their class.
        prediction_altered_rate: attacked images whose prediction differs from the clean one's.
        target_reached_rate: attacked images classified as the target; left out if untargeted.
        l2_dissimilarity: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂; None where transforms change images too.
        dead_gradient_share: of the sticker's values, at the end.
        loss_first: the objective before the first step; None if unknown.
        loss_last: before the last; None if the target was done before.

    """

    target: str | None
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate | None = None
    l2_dissimilarity: float | None
    dead_gradient_share: float
    loss_first: float | None
    loss_last: float | None


class AttackSummary(_Reached):
    """An attack, over its targets.

    Args:
        true: what the images show; None if they show several classes.
        images: how many they are.
        goal: "targeted" or "untargeted".
        accuracy: images without a sticker that are classified as their class.
        control_success_rate: images not classified as their class under random colours, the mean
            over ten stickers: what those do is no attack's merit.
        attack_success_rate: attacked images not classified as their class, the mean over targets,
            and so on; see ``TargetSummary``.
        prediction_altered_rate: likewise.
        target_reached_rate: likewise.
        l2_dissimilarity: likewise.
        dead_gradient_share: likewise.
        loss_first: likewise.
        loss_last: likewise.
        worst_target: the target with the highest success; None if untargeted.
        worst_success_rate: the success there.
        any_target_success_rate: images that some target's sticker fools.
        targets: one by one.
        mask_pixels: how many pixels of the mask (or the largest, of several) are above 0.5.
        settings: RP2's.
        published: whether these are the settings of RP2's published run.
        seed: of all chance.
        seconds: how long RP2 took.
        strongest_control: of the control's stickers, and plain white and black, that which is
            enough for most images.
        strongest_control_rate: images not classified as their class under it.

    """

    true: str | None
    images: int
    goal: Goal
    accuracy: Rate
    control_success_rate: Rate
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate | None = None
    l2_dissimilarity: float | None
    dead_gradient_share: float
    loss_first: float | None
    loss_last: float | None
    worst_target: str | None
    worst_success_rate: Rate
    any_target_success_rate: Rate
    targets: tuple[TargetSummary, ...]
    mask_pixels: int
    settings: RP2Settings
    published: bool
    seed: int
    seconds: float
    strongest_control: str | None = None
    strongest_control_rate: Rate | None = None


def summary_of(found: Attacked) -> AttackSummary:
    """Give the figures of an attack."""
    shown = set(found.true.tolist())
    each = tuple(_target(found, place) for place in range(len(found.aims)))
    distances = found.l2_dissimilarity
    over, strongest = found.over_targets, found.strongest_control
    return AttackSummary(
        true=found.classes[shown.pop()] if len(shown) == 1 else None,
        images=len(found.true),
        goal=found.goal,
        accuracy=found.accuracy,
        control_success_rate=found.control,
        **_rates(over.mean),
        l2_dissimilarity=None if distances is None else sum(distances) / len(distances),
        dead_gradient_share=sum(found.dead_gradient_share) / len(each),
        loss_first=mean_loss(found.loss[:, 0]),
        loss_last=mean_loss(found.loss[:, -1]),
        worst_target=found.worst_target,
        worst_success_rate=found.worst,
        any_target_success_rate=found.any_target,
        targets=each,
        mask_pixels=pixels_of(found.mask),
        settings=found.settings,
        published=found.settings.published,
        seed=found.seed,
        seconds=found.seconds,
        strongest_control=None if strongest is None else strongest[0],
        strongest_control_rate=None if strongest is None else strongest[1],
    )


def mean_loss(losses: Tensor) -> float | None:
    """Average over the targets that were not left alone because they were done; None if all were.

    Args:
        losses: the objective at one step, T.

    """
    known = losses[losses.isfinite()]
    return float(known.mean()) if len(known) else None


def _target(found: Attacked, place: int) -> TargetSummary:
    target, distances = found.aims[place], found.l2_dissimilarity
    return TargetSummary(
        target=None if target is None else found.classes[target],
        **_rates(found.rates(place)),
        l2_dissimilarity=None if distances is None else distances[place],
        dead_gradient_share=found.dead_gradient_share[place],
        loss_first=mean_loss(found.loss[place, :1]),
        loss_last=mean_loss(found.loss[place, -1:]),
    )


def _rates(rates: AttackRates) -> dict[str, Any]:
    return {
        "attack_success_rate": rates.attack_success_rate,
        "prediction_altered_rate": rates.prediction_altered_rate,
        "target_reached_rate": rates.target_reached_rate,
    }
