"""Attack one network on one scene: the one place where that is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from blurnet.attacks import (
    RP2Settings,
    Transform,
    dead_gradient_share,
    random_colors,
    rp2,
)
from blurnet.attacks.check import check_images, mask_of
from blurnet.attacks.control import plain_stickers
from blurnet.attacks.transforms import Resize

from .attacked import Attacked
from .inputs import Understood, labels_of, understood
from .metrics import l2_dissimilarity
from .predict import predict
from .targets import Targets, aims_of

CONTROL_STICKERS, CONTROL_SEED = 10, 0
"""The control: opaque stickers of random colours in the same mask. What they do is no attack's."""


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
    images, mask = images.cpu(), mask.cpu()  # pieces go to where the network is, and come back
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
    aims, given = aims_of(labels, targets, network, settings.goal, seed)
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
        plain_answers=plain_answers(model, images, mask, transforms) if control else None,
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


def plain_answers(
    model: nn.Module, images: Tensor, mask: Tensor, transforms: Sequence[Transform] = ()
) -> Tensor:
    """Ask a network about images under a plain white and a plain black sticker, int64, 2 × V.

    Args are those of ``control_answers``.
    """
    return torch.stack(
        [
            predict(model, seen_by(each, transforms)).classes
            for each in plain_stickers(images, mask).values()
        ]
    )


def seen_by(images: Tensor, transforms: Sequence[Transform]) -> Tensor:
    """Give images in the size that the network gets, without chance."""
    for transform in transforms:
        if isinstance(transform, Resize):
            images = transform(images, images.new_empty(len(images), 0))
    return images
