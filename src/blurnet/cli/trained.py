"""What blurnet wrote into a network's file about the images that it was trained on."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blurnet.cli.inputs import NetworkAsked
    from blurnet.cli.photographs import PhotographsAsked

NETWORK = "network.safetensors"

_log = logging.getLogger("blurnet")


def as_trained(network: "NetworkAsked", photographs: "PhotographsAsked") -> "PhotographsAsked":
    """Take the size and channels that a network of blurnet's was trained at, unless said."""
    shape = None if photographs.rp2 is not None else trained_shape(network.file or network.weights)
    if shape is None:
        return photographs
    channels, height, width = shape
    if photographs.size is None and height == width:
        _log.info("photographs at %d × %d pixels, as the network was trained", height, width)
        photographs = replace(photographs, size=height)
    if photographs.channels is None and channels != 3:
        photographs = replace(photographs, channels=channels)
    return photographs


def trained_shape(path: Path | None) -> tuple[int, int, int] | None:
    """Give C, H, W of the images that ``blurnet train`` or ``harden`` trained a network on.

    Args:
        path: a network's file or its folder; None and files that do not say give None.

    """
    from blurnet.data.tensors import read_safetensors
    from blurnet.errors import BlurnetError
    from blurnet.models.weights import told_in

    if path is None:
        return None
    file = path / NETWORK if path.is_dir() else path
    if file.suffix != ".safetensors":
        return None
    try:
        return told_in(file, read_safetensors(file)[1]).example
    except BlurnetError:
        return None  # reading the network says what is wrong with it
