"""What ``blurnet attack`` is given, from the words of the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.cli.inputs import Inputs, NetworkAsked, read_inputs
from blurnet.cli.mask_input import read_mask
from blurnet.cli.named_settings import named_settings
from blurnet.cli.photographs import PhotographsAsked
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.attacks import Transform
    from blurnet.data.images import Box

PUBLISHED_TARGET = "speedLimit45"


def attack_inputs(
    network: NetworkAsked,
    photographs: PhotographsAsked,
    target: str | None,
    transforms: "Sequence[Transform]",
) -> tuple[Inputs, str]:
    """Read network and photographs, and settle the target.

    Without photographs, drawn signs are attacked; of a data set, the signs of one class.

    Returns:
        The inputs, and a class, ``all`` or ``none``.

    Raises:
        BlurnetError: as ``read_inputs``.

    """
    from blurnet.attacks.transforms import Resize

    if photographs.rp2 is None and photographs.photographs is None:
        photographs = replace(photographs, true_class=photographs.true_class or "stop")
        if photographs.data is None:
            photographs = replace(photographs, data="synthetic")
    resized = any(isinstance(transform, Resize) for transform in transforms)
    inputs = read_inputs(network, photographs, resized=resized)
    published = PUBLISHED_TARGET if PUBLISHED_TARGET in inputs.classes else "all"
    return inputs, target or published


def refuse_void(
    *,
    draws: int,
    transforms: "Sequence[Transform]",
    colors: Path | None,
    printability: float,
) -> None:
    """Refuse options that would have no effect.

    Raises:
        BlurnetError: for the first of them.

    """
    if draws > 1 and not transforms:
        raise BlurnetError("--draws has no effect without --transform: nothing is drawn anew")
    if colors is not None and not printability:
        raise BlurnetError("--colors has no effect without --printability, its weight; give both")


def mask_of(mask: str | None, inputs: Inputs, **attack: Any) -> "tuple[Tensor, list[Box] | None]":
    """Read or find the mask; by default RP2's own, and for drawn signs two bars."""
    from blurnet.data.synthetic import CLASSES, sticker_mask

    if mask is not None:
        return read_mask(mask, inputs, **attack)
    height, width = inputs.photographs.shape[1:]
    if inputs.rp2 is not None:
        return read_mask("sticker", inputs, **attack)
    if height == width and len(inputs.shown) == 1 and inputs.shown[0] in CLASSES:
        return sticker_mask(inputs.shown[0], height), None
    return read_mask("bars", inputs, **attack)


def transform_of(text: str) -> "Transform":
    """Make the transform of ``--transform NAME:KEY=VALUE,…``."""
    from blurnet.attacks import transform

    name, settings = named_settings("--transform", text)
    return transform(name, **settings)
