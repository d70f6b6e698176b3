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
    from blurnet.evaluation.places import Kind
    from blurnet.evaluation.targets import Targets

PLACES: tuple["Kind", ...] = ("quiet", "sensitive")
AREA, TRAINING_IMAGES = 0.0293, 20
"""Of such places: 30 of 32 × 32 pixels, found on so many training images of a class."""

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
        text: a file, a folder, ``bars``, ``octagon``, ``quiet`` or ``sensitive`` (with
            ``:area=…``), ``two-stage:…``, or with RP2's folder a file of its masks.
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
    if text.partition(":")[0] in PLACES:
        return _legible_place(text, inputs), None
    path = Path(text)
    if inputs.rp2 is not None and (inputs.rp2 / "masks" / f"{text}.png").is_file():
        return load_scene(inputs.rp2, text).mask, None
    if text in ("bars", "octagon"):
        return (bars(shape) if text == "bars" else sign_outline(shape, "octagon")), None
    if not path.exists() and inputs.rp2 is not None:
        return load_scene(inputs.rp2, text).mask, None  # which lists its masks
    if not path.exists():
        raise BlurnetError(
            f"--mask {text}: no such file or folder; or write bars, octagon, quiet, sensitive or "
            "two-stage"
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


def _legible_place(text: str, inputs: Inputs) -> "Tensor":
    """Find a place for each class that is shown, by greying training images of it."""
    import torch

    from blurnet.evaluation.places import find_place, pixels_of_area

    name, given = named_settings("--mask", text)
    kind: Kind = "quiet" if name == "quiet" else "sensitive"
    if given.keys() - {"area"}:
        raise BlurnetError(f"--mask {text}: {kind} takes area alone, as in {kind}:area=0.03")
    area = given.get("area", AREA)
    if not isinstance(area, int | float) or isinstance(area, bool):
        raise BlurnetError(f"--mask {text}: area is a share of the image, as in {kind}:area=0.03")
    if inputs.train is None:
        raise BlurnetError(
            f"--mask {kind}: the place is found on training images, and there are none; give "
            "--data folder:DIR with train/<class>/ and test/<class>/"
        )
    shape = (inputs.photographs.shape[1], inputs.photographs.shape[2])
    pixels = pixels_of_area(area, shape)
    names = {inputs.classes[label] for label in inputs.photographs.labels.tolist()}
    train = inputs.train.subset([name for name in inputs.train.classes if name in names])
    train = train.labelled_as(inputs.classes)
    masks = {}
    for label in sorted(set(inputs.photographs.labels.tolist())):
        signs = train.select(train.labels == label).spread(TRAINING_IMAGES)
        if not len(signs):
            raise BlurnetError(f"--mask {kind}: no training image of {inputs.classes[label]}")
        found = find_place([inputs.network], signs.floats, signs.labels, kind, pixels)
        masks[label] = found.mask
        _log.info(
            "%s place of %d pixels on %s: greying it changes %.1f %% of %d training images' "
            "answers and costs %.3f of confidence%s",
            kind,
            pixels,
            inputs.classes[label],
            100 * found.changed,
            len(signs),
            found.confidence_lost,
            "" if found.legible else "; no place of that size is legible",
        )
    each = [masks[label] for label in inputs.photographs.labels.tolist()]
    return each[0] if len(masks) == 1 else torch.stack(each)


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
