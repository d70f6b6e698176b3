"""What an attack found."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from blurnet.attacks import RP2Result, RP2Settings
from blurnet.attacks.control import PLAIN
from blurnet.attacks.rp2.objective import Goal

from .metrics import (
    AttackRates,
    Rate,
    RatesOverTargets,
    attacked_images,
    mean_rate,
    rate,
    rates_over_targets,
)
from .predict import Answers
from .statistics import worst_rate


@dataclass(frozen=True, eq=False)
class Attacked:
    """What an attack found, at T targets (one, if it was untargeted) over V images.

    Args:
        classes: what the logits are called; their numbers, if they have no names.
        true: each image's class, int64, V.
        goal: "targeted" or "untargeted".
        targets: the classes aimed at, T. Untargeted: the true class, if all images show one, and
            else empty.
        result: what RP2 gave.
        clean: answers on the images without a sticker, in the size that the network gets.
        answers: on the attacked images, int64, T × V.
        confidence: the softmax probability of each of them, T × V.
        control_answers: on the images under stickers of random colours, int64, stickers × V.
        l2_dissimilarity: (1/V) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂ at each target; None where transforms
            change the images too.
        dead_gradient_share: of the sticker's values, at the end, at each target; see
            ``blurnet.attacks.dead_gradient_share``.
        mask: as given.
        settings: RP2's, with the goal that was pursued.
        seed: of all chance.
        seconds: how long RP2 took.
        plain_answers: on the images under a plain white and a plain black sticker, int64, 2 × V.

    """

    classes: tuple[str, ...]
    true: Tensor
    goal: Goal
    targets: tuple[int, ...]
    result: RP2Result
    clean: Answers
    answers: Tensor
    confidence: Tensor
    control_answers: Tensor
    l2_dissimilarity: tuple[float, ...] | None
    dead_gradient_share: tuple[float, ...]
    mask: Tensor
    settings: RP2Settings
    seed: int
    seconds: float
    plain_answers: Tensor | None = None

    @property
    def noise(self) -> Tensor:
        """The stickers, not yet multiplied by the mask; see ``RP2Result``."""
        return self.result.noise

    @property
    def loss(self) -> Tensor:
        """The objective before each step, T × steps; see ``RP2Result``."""
        return self.result.loss

    def attacked(self, place: int = 0) -> Tensor:
        """Give the images under the sticker of the target at ``place``, V × C × H × W."""
        return self.result.attacked(place)

    @property
    def aims(self) -> tuple[int | None, ...]:
        """What each row of ``answers`` aimed at: a class, or None if untargeted."""
        return (None,) if self.goal == "untargeted" else self.targets

    @cached_property
    def over_targets(self) -> RatesOverTargets:
        """All rates. At a target, the images of that very class count as not attacked."""
        return rates_over_targets(self.clean.classes, self.answers, self.true, self.aims)

    def rates(self, place: int = 0) -> AttackRates:
        """Give the rates at the target at ``place``; ``target_reached_rate`` None if untargeted."""
        return self.over_targets.targets[self.aims[place]]

    @property
    def accuracy(self) -> Rate:
        """Images without a sticker that are classified as their class."""
        return rate(self.clean.classes == self.true)

    @property
    def success(self) -> Rate:
        """Attacked images not classified as their class, the mean over targets."""
        return self.over_targets.mean.attack_success_rate

    @property
    def worst(self) -> Rate:
        """The same at the target where it is highest; the interval knows that it is a maximum."""
        counted = attacked_images(self.true, self.aims, len(self.true))
        return worst_rate(self.answers != self.true, counted)

    @property
    def worst_place(self) -> int:
        """Where in ``answers`` that target is."""
        return self.aims.index(self.over_targets.worst_target)

    @property
    def worst_target(self) -> str | None:
        """The name of that target; None if the attack was untargeted."""
        target = self.over_targets.worst_target
        return None if target is None else self.classes[target]

    @property
    def any_target(self) -> Rate:
        """Images that some target's sticker fools."""
        return self.over_targets.any_target

    @property
    def control(self) -> Rate:
        """Images not classified as their class under random colours, the mean over stickers."""
        return mean_rate(self.control_answers != self.true)

    @cached_property
    def strongest_control(self) -> tuple[str, Rate] | None:
        """The sticker of the control, random or plain, that is enough for most images.

        Its name, and its rate, whose interval knows that it is a maximum; None without plain ones.
        """
        if self.plain_answers is None:
            return None
        wrong = torch.cat([self.control_answers, self.plain_answers]) != self.true
        names = [f"random {place + 1}" for place in range(len(self.control_answers))]
        strongest = [*names, *PLAIN][int(wrong.sum(1).argmax())]
        return strongest, worst_rate(wrong)

    @property
    def control_success(self) -> Rate:
        """The same as ``control``."""
        return self.control

    def __repr__(self) -> str:
        return (
            f"Attacked({len(self.true)} images, {self.goal}, {len(self.aims)} targets: success "
            f"{self.success.value:.3f}, worst {self.worst.value:.3f}, control "
            f"{self.control.value:.3f})"
        )
