"""Attack one network on one scene, from its inputs to figures that can be written down."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from blurnet.attacks import (
    RP2Settings,
    View,
    dead_gradient_share,
    rectangles,
    rp2,
    sign_outline,
    two_stage_rectangles,
)
from blurnet.attacks.masks import Outline
from blurnet.attacks.transforms import Resize
from blurnet.data.images import Box
from blurnet.data.scene import Scene
from blurnet.errors import BlurnetError
from blurnet.evaluation import attack_rates, l2_dissimilarity, predict
from blurnet.models import Network

ALL, NONE = "all", "none"
"""What stands for every class but the true one, and for no target at all (untargeted)."""


@dataclass(frozen=True, eq=False)
class Attacked:
    """What one attack found.

    Args:
        target: the class it aimed at, or ``NONE``.
        noise: the sticker; see ``RP2Result``.
        images: the attacked views, float32, V × 3 × H × W.
        loss: the objective before each step.
        dead_gradient_share: of the sticker's values, at the end; see ``dead_gradient_share``.
        clean: the network's answers on the clean views, by name; resized where the attack's are.
        answers: and on the attacked ones.
        rates: ``accuracy``, ``attack_success_rate``, ``prediction_altered_rate`` and, with a
            target, ``target_reached_rate``, each with ``value``, ``low``, ``high``, ``count`` and
            ``total``; and ``l2_dissimilarity``, None where transformations change images too.

    """

    target: str
    noise: Tensor
    images: Tensor
    loss: list[float]
    dead_gradient_share: float
    clean: list[str]
    answers: list[str]
    rates: dict[str, Any]


def attack_scene(
    network: Network,
    scene: Scene,
    target: str,
    settings: RP2Settings,
    *,
    seed: int,
    views: Sequence[View] = (),
    colors: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[list[Attacked], float]:
    """Attack a network with RP2.

    Args:
        network: with the names of its classes.
        scene: the photographs, the mask and the true class.
        target: a class, ``ALL`` of them but the true one, or ``NONE``.
        settings: RP2's; without a target the goal becomes untargeted.
        seed: of the attack's chance.
        views: the transformations T_i.
        colors: printable colours, P × 3.
        on_step: as ``rp2``.

    Returns:
        An attack for each target, and the seconds that RP2 took.

    Raises:
        BlurnetError: if the target or the scene's class is none of the network's, they are the
            same, or RP2's inputs do not fit.

    """
    aims, settings = _aims(network, scene, target), _with_goal(settings, target)
    classes, true = network.classes, network.classes.index(scene.true_class)
    images = scene.floats
    start = time.monotonic()
    result = rp2(
        network.model,
        images,
        torch.tensor(aims),
        scene.mask,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
        views=views,
        colors=colors,
    )
    seconds = time.monotonic() - start
    dead = dead_gradient_share(
        network.model,
        images,
        torch.tensor(aims),
        scene.mask,
        result.noise,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        views=views,
    )
    small = _resized(images, views)
    clean = predict(network.model, small).classes
    found = []
    for place, aim in enumerate(aims):
        answers = predict(network.model, result.adversarial[place]).classes
        rates = asdict(attack_rates(clean, answers, true, aim))
        if target == NONE:
            del rates["target_reached_rate"]
        alike = all(isinstance(view, Resize) for view in views)
        distance = l2_dissimilarity(small, result.adversarial[place]) if alike else None
        found.append(
            Attacked(
                NONE if target == NONE else classes[aim],
                result.noise[place],
                result.adversarial[place],
                result.loss[place].tolist(),
                float(dead[place]),
                [classes[answer] for answer in clean.tolist()],
                [classes[answer] for answer in answers.tolist()],
                rates | {"l2_dissimilarity": distance},
            )
        )
    return found, seconds


def with_found_mask(
    network: Network,
    scene: Scene,
    target: str,
    settings: RP2Settings,
    *,
    seed: int,
    outline: Outline,
    count: int,
    area: float,
    views: Sequence[View] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[Scene, list[Box]]:
    """Put a scene under the mask that RP2's two stages find on it.

    Args:
        network: with the names of its classes.
        scene: the photographs and the true class; its own mask does not matter.
        target: as for ``attack_scene``; of several targets the mask is the same.
        settings: of the attack; the first stage takes its steps, step size, λ, loss, clip and
            precision.
        seed: of the first stage's chance.
        outline: of the sign, which fills the picture; see ``sign_outline``.
        count: how many rectangles, at least 1.
        area: of all of them together, as a share of the image, above 0.
        views: the transformations T_i.
        on_step: of the first stage, as ``rp2``.

    Returns:
        The scene, and the rectangles: left, top, right and bottom, in pixels.

    Raises:
        BlurnetError: as ``attack_scene``, and if the rectangles make no sense or find no room.

    """
    first = replace(
        _with_goal(settings, target),
        p=1,
        placement="add",
        scope="universal",
        keep="last",
        restarts=1,
        printability=0,
    )
    shape = (scene.mask.shape[0], scene.mask.shape[1])
    boxes = two_stage_rectangles(
        network.model,
        scene.floats,
        torch.tensor(_aims(network, scene, target)),
        sign_outline(shape, outline),
        settings=first,
        count=count,
        area=area,
        generator=torch.Generator().manual_seed(seed),
        views=views,
        on_step=on_step,
    )
    return replace(scene, mask=rectangles(shape, boxes)), boxes


def _aims(network: Network, scene: Scene, target: str) -> list[int]:
    """Give the classes to aim at, or without a target the true one."""
    classes = list(network.classes)
    if scene.true_class not in classes:
        raise BlurnetError(
            f"the scene shows {scene.true_class!r}, which is not among the network's outputs: "
            f"{', '.join(classes)}"
        )
    true = classes.index(scene.true_class)
    if target == scene.true_class:
        raise BlurnetError(f"the target is {target!r}, which the scene shows; choose another")
    if target not in {ALL, NONE, *classes}:
        raise BlurnetError(
            f"no target {target!r}; there are: {ALL}, {NONE}, "
            f"{', '.join(name for name in classes if name != scene.true_class)}"
        )
    return {
        ALL: [place for place in range(len(classes)) if place != true],
        NONE: [true],
    }.get(target) or [classes.index(target)]


def _resized(images: Tensor, views: Sequence[View]) -> Tensor:
    """Give the photographs in the size that the network gets, without chance."""
    for view in views:
        if isinstance(view, Resize):
            images = view(images, images.new_empty(len(images), 0))
    return images


def _with_goal(settings: RP2Settings, target: str) -> RP2Settings:
    """Give the same settings, untargeted where there is no target."""
    return replace(settings, goal="untargeted") if target == NONE else settings
