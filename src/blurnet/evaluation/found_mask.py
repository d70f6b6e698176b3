"""A scene under the mask that RP2's two stages find on it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from blurnet.attacks import (
    RP2Settings,
    Transform,
    rectangles,
    sign_outline,
    two_stage_rectangles,
)
from blurnet.attacks.masks import Outline
from blurnet.data.images import Box
from blurnet.data.scene import Scene

from .attack import seen_by
from .inputs import labels_of, understood
from .targets import Targets, aims_of


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
    aims, given = aims_of(labels, targets, network, settings.goal, seed)
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
