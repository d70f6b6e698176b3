"""Which mask: from the words of a command line."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.cli.inputs import Inputs
from blurnet.cli.named_settings import named_settings
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.attacks import RP2Settings, Transform
    from blurnet.data.images import Box
    from blurnet.evaluation.targets import Targets

TWO_STAGE: dict[str, Any] = {"outline": "octagon", "count": 4, "area": 0.03}

_log = logging.getLogger("blurnet")


def is_searched(text: str | None) -> bool:
    """Say whether a mask is found by an attack, which takes a while.

    Raises:
        BlurnetError: if it is, and its settings make no sense.

    """
    if text is None or text.partition(":")[0] != "two-stage":
        return False
    _two_stage(text)
    return True


def read_mask(
    text: str,
    inputs: Inputs,
    *,
    targets: "Targets" = "all",
    settings: "RP2Settings | None" = None,
    transforms: "Sequence[Transform]" = (),
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> "tuple[Tensor, list[Box] | None]":
    """Read, draw or find the mask that ``--mask`` names.

    Args:
        text: a file, a folder, ``bars``, ``octagon``, ``two-stage:…``, or with RP2's folder a file
            of its masks.
        inputs: the network and the photographs.
        targets: of the attack, for ``two-stage``, as are the others.
        settings: see there.
        transforms: see there.
        seed: see there.
        on_step: told of the first stage's progress.

    Returns:
        The mask, and its rectangles if it was found.

    Raises:
        BlurnetError: if there is no such mask, or it is black or does not fit.

    """
    from blurnet.attacks import sign_outline
    from blurnet.attacks.masks import bars
    from blurnet.data import Scene, load_scene, read_masks
    from blurnet.data.images import pixels
    from blurnet.evaluation import with_found_mask

    shape = inputs.photographs.shape[1:]
    if is_searched(text):
        scene = Scene(
            inputs.photographs.images,
            sign_outline(shape, "rectangle"),
            " and ".join(inputs.shown),
            inputs.names,
            tuple(inputs.classes[label] for label in inputs.photographs.labels.tolist()),
        )
        scene, boxes = with_found_mask(
            inputs.network,
            scene,
            targets,
            settings,
            seed=seed,
            transforms=transforms,
            on_step=on_step,
            **_two_stage(text),
        )
        return scene.mask, boxes
    path = Path(text)
    if inputs.rp2 is not None and (inputs.rp2 / "masks" / f"{text}.png").is_file():
        return load_scene(inputs.rp2, text).mask, None
    if text == "bars":
        return bars(shape), None
    if text == "octagon":
        return sign_outline(shape, "octagon"), None
    if not path.exists() and inputs.rp2 is not None:
        return load_scene(inputs.rp2, text).mask, None  # which lists its masks
    if not path.exists():
        raise BlurnetError(
            f"--mask {text}: no such file or folder; or write bars, octagon or two-stage"
        )
    masks = read_masks(path, inputs.names, shape)
    if masks.resized_from is not None:
        _log.info(
            "resized the mask from %s to %s pixels: a pixel belongs to it if at least half of it "
            "is covered",
            pixels(masks.resized_from),
            pixels(shape),
        )
    return masks.mask, None


def _two_stage(text: str) -> dict[str, Any]:
    _, given = named_settings("--mask", text)
    unknown = ", ".join(given.keys() - TWO_STAGE.keys())
    if unknown:
        raise BlurnetError(f"--mask two-stage: no {unknown}; there are: {', '.join(TWO_STAGE)}")
    found = TWO_STAGE | given
    if type(found["count"]) is not int or not isinstance(found["area"], int | float):
        raise BlurnetError(
            f"--mask {text}: count is a whole number, and area a share of the image in 0…1"
        )
    return found
