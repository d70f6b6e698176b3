"""Attack one network on one scene: the one place where that is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from blurnet.attacks import (
    RP2Result,
    RP2Settings,
    Transform,
    dead_gradient_share,
    random_colors,
    rectangles,
    rp2,
    sign_outline,
    two_stage_rectangles,
)
from blurnet.attacks.check import check_images, mask_of
from blurnet.attacks.masks import Outline
from blurnet.attacks.rp2.objective import Goal
from blurnet.attacks.transforms import Resize
from blurnet.data.images import Box
from blurnet.data.scene import Scene

from .inputs import Understood, labels_of, understood
from .metrics import (
    AttackRates,
    Rate,
    RatesOverTargets,
    l2_dissimilarity,
    mean_rate,
    rate,
    rates_over_targets,
)
from .predict import Answers, predict
from .targets import Targets, chosen_targets, untargeted

CONTROL_STICKERS, CONTROL_SEED = 10, 0
"""The control: opaque stickers of random colours in the same mask. What they do is no attack's."""


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
        """The same at the target where it is highest."""
        return self.over_targets.worst.attack_success_rate

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


def attack(
    model: nn.Module,
    images: Tensor,
    mask: Tensor,
    *,
    true: str | int | Sequence[str | int] | Tensor,
    targets: Targets = "all",
    classes: Sequence[str] | None = None,
    settings: RP2Settings | None = None,
    seed: int = 0,
    transforms: Sequence[Transform] = (),
    colors: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
    keep_images: bool = True,
) -> Attacked:
    """Attack a network with RP2 at one, several or all targets, beside a control.

    Args:
        model: images in [0, 1] in, logits out; anything that ``blurnet.Classifier`` takes. Left as
            it is.
        images: photographs of the object, float32 in [0, 1], V × C × H × W.
        mask: where the sticker is, float32 in [0, 1], H × W, or one for each image, V × H × W.
        true: what the images show: a class by name or index, or one for each image.
        targets: the classes to be taken for, attacked together: "all" for every class but the true
            one, "none" or None for an untargeted attack, an int for so many drawn by the seed, a
            name, or several names or indices. Where images show several classes, those of a
            target's own class are in the attack at that target and do not count in its rates.
        classes: what the logits are called, if the network does not say it itself.
        settings: RP2's; by default those of its published run. An untargeted ``goal`` is the same
            as ``targets`` "none".
        seed: of all chance. The control's ten stickers are always the same.
        transforms: the T_i, in the order in which they act.
        colors: printable colours, float32 in [0, 1], P × 3.
        on_step: called after each step with the steps done and the steps in all.
        keep_images: whether the attacked images of all targets are kept in memory; without,
            ``attacked(place)`` makes them anew.

    Raises:
        BlurnetError: in one line, before anything is computed, for what does not fit.

    Examples:
        >>> found = blurnet.attack(
        ...     model,
        ...     images[:2],
        ...     mask,
        ...     true="stop",
        ...     classes=classes,
        ...     settings=blurnet.RP2Settings(steps=3),
        ... )
        >>> found.success.total, found.control.total, [classes[target] for target in found.targets]
        (2, 2, ['stopAhead', 'yield'])

    """
    check_images(images)
    mask_of(mask, images)
    network = understood(model, seen_by(images, transforms), classes)
    return attack_checked(
        network,
        images,
        mask,
        labels_of(true, network, len(images)),
        targets=targets,
        settings=settings or RP2Settings(),
        seed=seed,
        transforms=transforms,
        colors=colors,
        on_step=on_step,
        keep_images=keep_images,
    )


def attack_checked(
    network: Understood,
    images: Tensor,
    mask: Tensor,
    labels: Tensor,
    *,
    targets: Targets,
    settings: RP2Settings,
    seed: int,
    transforms: Sequence[Transform] = (),
    colors: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
    keep_images: bool = True,
    control: bool = True,
) -> Attacked:
    """Attack a network that is known to be a classifier of images that are known to fit.

    Args are those of ``attack``; ``labels`` are int64, V, and without ``control`` nothing is asked
    about random colours.
    """
    aims, given = _aims(labels, targets, network, settings, seed)
    settings = replace(settings, goal="untargeted" if aims is None else "targeted")
    model, small = network.model, seen_by(images, transforms)
    start = time.monotonic()
    result = rp2(
        model,
        images,
        given,
        mask,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
        transforms=transforms,
        colors=colors,
        keep_images=keep_images,
    )
    seconds = time.monotonic() - start
    dead = dead_gradient_share(
        model,
        images,
        given,
        mask,
        result.noise,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        transforms=transforms,
    )
    alike = all(isinstance(transform, Resize) for transform in transforms)
    answers, confidence, distances = [], [], []
    for place in range(len(given)):
        attacked = result.attacked(place)
        found = predict(model, attacked)
        answers.append(found.classes)
        confidence.append(found.confidence)
        if alike:
            distances.append(l2_dissimilarity(small, attacked))
    shown = sorted(set(labels.tolist()))
    return Attacked(
        classes=network.called,
        true=labels,
        goal=settings.goal,
        targets=(tuple(shown) if len(shown) == 1 else ()) if aims is None else aims,
        result=result,
        clean=predict(model, small),
        answers=torch.stack(answers),
        confidence=torch.stack(confidence),
        control_answers=(
            control_answers(model, images, mask, transforms=transforms)
            if control
            else labels.new_empty(0, len(labels))
        ),
        l2_dissimilarity=tuple(distances) if alike else None,
        dead_gradient_share=tuple(dead.tolist()),
        mask=mask,
        settings=settings,
        seed=seed,
        seconds=seconds,
    )


def control_answers(
    model: nn.Module,
    images: Tensor,
    mask: Tensor,
    *,
    stickers: int = CONTROL_STICKERS,
    transforms: Sequence[Transform] = (),
) -> Tensor:
    """Ask a network about images under opaque stickers of random colours, the same each time.

    Args:
        model: images in [0, 1] in, logits out.
        images: float32 in [0, 1], V × C × H × W.
        mask: H × W, or V × H × W.
        stickers: how many.
        transforms: those that resize are applied; the others are not.

    Returns:
        The classes, int64, stickers × V.

    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    drawn = random_colors(images, mask, stickers=stickers, generator=generator)
    return torch.stack([predict(model, seen_by(each, transforms)).classes for each in drawn])


def seen_by(images: Tensor, transforms: Sequence[Transform]) -> Tensor:
    """Give images in the size that the network gets, without chance."""
    for transform in transforms:
        if isinstance(transform, Resize):
            images = transform(images, images.new_empty(len(images), 0))
    return images


def with_found_mask(
    model: nn.Module,
    scene: Scene,
    targets: Targets = "all",
    settings: RP2Settings | None = None,
    *,
    classes: Sequence[str] | None = None,
    seed: int,
    outline: Outline,
    count: int,
    area: float,
    transforms: Sequence[Transform] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[Scene, list[Box]]:
    """Put a scene under the mask that RP2's two stages find on it.

    Args:
        model: as for ``attack``.
        scene: the photographs and the true class; its own mask does not matter.
        targets: as for ``attack``; of several targets the mask is the same.
        settings: of the attack; the first stage takes its steps, step size, λ, loss, clip and
            precision.
        classes: as for ``attack``.
        seed: of the first stage's chance.
        outline: of the sign, which fills the picture; see ``blurnet.attacks.sign_outline``.
        count: how many rectangles, at least 1.
        area: of all of them together, as a share of the image, above 0.
        transforms: the T_i.
        on_step: of the first stage, as ``attack``.

    Returns:
        The scene, and the rectangles: left, top, right and bottom, in pixels.

    Raises:
        BlurnetError: as ``attack``, and if the rectangles make no sense or find no room.

    """
    settings, images = settings or RP2Settings(), scene.floats
    network = understood(model, seen_by(images, transforms), classes)
    labels = labels_of(scene.labels or scene.true_class, network, len(images))
    aims, given = _aims(labels, targets, network, settings, seed)
    first = replace(
        settings,
        goal="untargeted" if aims is None else "targeted",
        p=1,
        placement="add",
        scope="universal",
        keep="last",
        restarts=1,
        printability=0,
    )
    shape = (images.shape[2], images.shape[3])
    boxes = two_stage_rectangles(
        network.model,
        images,
        given,
        sign_outline(shape, outline),
        settings=first,
        count=count,
        area=area,
        generator=torch.Generator().manual_seed(seed),
        transforms=transforms,
        on_step=on_step,
    )
    return replace(scene, mask=rectangles(shape, boxes)), boxes


def _aims(
    labels: Tensor, targets: Targets, network: Understood, settings: RP2Settings, seed: int
) -> tuple[tuple[int, ...] | None, Tensor]:
    """Give the classes aimed at, None if there are none, and what RP2 is told, int64."""
    if not untargeted(targets, settings.goal):
        aims = chosen_targets(targets, labels, network, seed)
        return aims, torch.tensor(aims)
    alike = bool((labels == labels[0]).all())
    return None, labels[:1] if alike else labels[None]
