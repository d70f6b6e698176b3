"""What ``blurnet spectrum`` works on, read and checked."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.inputs import RP2_NETWORK, NetworkAsked, numbers_of
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.data.images import Size
    from blurnet.models import Classifier

_log = logging.getLogger("blurnet")


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is looked at.

    Args:
        model: None for the images alone.
        clean: the images.
        attacked: the same attacked; None without an attack.
        mask: where the sticker is; None without a control.

    """

    model: "Classifier | None"
    clean: "Tensor"
    attacked: "Tensor | None"
    mask: "Tensor | None"

    def controls(self) -> "Iterable[Tensor]":
        """Give the images under each of the control's stickers; there are ``stickers``."""
        import torch

        from blurnet.attacks.control import random_colors
        from blurnet.evaluation.attack import CONTROL_SEED

        if self.mask is None:
            return ()
        generator = torch.Generator().manual_seed(CONTROL_SEED)
        return random_colors(self.clean, self.mask, stickers=self.stickers, generator=generator)

    def plain(self) -> "dict[str, Tensor]":
        """Give the images under a plain black and a plain white sticker."""
        from blurnet.attacks.control import plain_stickers

        return {} if self.mask is None else plain_stickers(self.clean, self.mask)

    @property
    def stickers(self) -> int:
        """How many stickers the control has."""
        from blurnet.evaluation.attack import CONTROL_STICKERS

        return 0 if self.mask is None else CONTROL_STICKERS

    @property
    def sets(self) -> int:
        """How many sets of images are looked at."""
        plain = 0 if self.mask is None else 2
        return 1 + (self.attacked is not None) + plain + self.stickers


def rp2_inputs(folder: Path, asked: NetworkAsked) -> Inputs:
    """Read RP2's photographs, mask and sticker, and its network where none is asked for."""
    from blurnet.data.rp2 import load_noise, load_scene

    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with {RP2_NETWORK}, "
            "sticker_noise.safetensors, victims/ and masks/"
        )
    model = _network(asked)
    if model is None:
        model = _network(NetworkAsked(file=folder / RP2_NETWORK))
    scene, (noise, _) = load_scene(folder), load_noise(folder)
    attacked = (scene.floats + scene.mask * noise).clamp(0, 1)
    return Inputs(model, scene.floats, attacked, scene.mask)


def read_inputs(
    images: Sequence[Path],
    attacked: Sequence[Path],
    mask: Path | None,
    asked: NetworkAsked,
    *,
    size: int | None,
    channels: int,
) -> Inputs:
    """Read pictures, or folders of them, and a network, and check that they belong together.

    Args:
        images: pictures or folders.
        attacked: the same attacked.
        mask: a picture, or a folder with one for each image.
        asked: which network, if any.
        size: what pictures are resized to; None: what the network takes.
        channels: of the images.

    """
    from blurnet.data import read_masks

    if not images:
        raise BlurnetError("which images? Give pictures or folders of them, or --rp2 DIR")
    if mask is not None and not attacked:
        raise BlurnetError("--mask is where an attack's sticker is: give --attacked too")
    paths, stuck_paths = _pictures(images), _pictures(attacked)
    if attacked and len(paths) != len(stuck_paths):
        raise BlurnetError(
            f"{len(paths)} images and {len(stuck_paths)} attacked: they are paired, so write "
            "--attacked once for each image, or give a folder of as many"
        )
    model = _network(asked)
    wanted = (size, size) if size is not None else _size(model, paths[0], channels)
    clean = _read(paths, wanted, None, channels)
    stuck = _read(stuck_paths, wanted, (clean.shape[2], clean.shape[3]), channels)
    weights = None
    if mask is not None:
        names = [path.stem for path in paths]
        weights = read_masks(mask, names, (clean.shape[2], clean.shape[3])).mask
    return Inputs(model, clean, stuck if attacked else None, weights)


def _network(asked: NetworkAsked) -> "Classifier | None":
    """Read the network that is asked for; one whose file says nothing is RP2's."""
    from blurnet.data import parse_classes, read_safetensors
    from blurnet.defenses import load
    from blurnet.models import import_model

    given = {"--weights": asked.weights, "--classes": asked.classes}
    given |= {"--mean": asked.mean, "--std": asked.std}
    void = [option for option, value in given.items() if value is not None]
    if void and (asked.file is not None or asked.model is None):
        raise BlurnetError(f"{void[0]} is of a network named by --model SPEC, without --model-file")
    if asked.file is not None:
        said = read_safetensors(asked.file)[1] if asked.file.is_file() else {"model": ""}
        published = asked.model is None and not {"model", "recipe"} & said.keys()
        return load(asked.file, "lisa_cnn" if published else asked.model)
    if asked.model is None:
        return None
    return import_model(
        asked.model,
        weights=asked.weights,
        classes=parse_classes(asked.classes) if asked.classes else None,
        mean=numbers_of("--mean", asked.mean),
        std=numbers_of("--std", asked.std),
    )


def _size(model: "Classifier | None", picture: Path, channels: int) -> "Size | None":
    """Give the size that a network takes, where it does not take a picture as it is."""
    import torch

    from blurnet.data.images import pixels, read_image
    from blurnet.models import evaluating, find_input

    if model is None:
        return None
    size = model.size
    image = read_image(picture, channels=channels)
    if size is None:
        try:
            with torch.no_grad(), evaluating(model):
                model(image[None].float() / 255)
        except Exception:  # whatever a network raises for what it does not take
            height, width = find_input(model).shape[2:]
            size = (height, width)
    if size is not None and size != image.shape[1:]:
        _log.info("pictures are resized to %s pixels, which the network takes", pixels(size))
    return size


def _pictures(paths: Sequence[Path]) -> list[Path]:
    from blurnet.data.images import image_files

    found: list[Path] = []
    for path in paths:
        inside = image_files(path) if path.is_dir() else [path]
        if not inside:
            raise BlurnetError(f"{path}: a folder without pictures")
        found += inside
    return found


def _read(
    paths: Sequence[Path], size: "Size | None", shape: "Size | None", channels: int
) -> "Tensor":
    import torch

    from blurnet.data.images import pixels, read_image

    images = [read_image(path, size=size, channels=channels) for path in paths]
    if not images:
        return torch.empty(0)
    wanted = shape or images[0].shape[1:]
    for path, image in zip(paths, images, strict=True):
        if image.shape[1:] != wanted:
            raise BlurnetError(
                f"{path}: {pixels(image.shape[1:])} pixels, and the first image has "
                f"{pixels(wanted)}; spectra are compared at one size, --size N resizes all"
            )
    return torch.stack(images).float() / 255
