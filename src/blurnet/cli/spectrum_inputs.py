"""What ``blurnet spectrum`` works on, read and checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor, nn


class Inputs(NamedTuple):
    """A network (None for the images alone), images, the same attacked, and under controls."""

    model: "nn.Module | None"
    clean: "Tensor"
    attacked: "Tensor | None"
    controls: "Sequence[Tensor]"


def rp2_inputs(folder: Path, model_file: Path | None) -> Inputs:
    """Read RP2's network, photographs, mask and sticker; ``model_file`` is another network."""
    from blurnet.data.rp2 import load_noise, load_scene
    from blurnet.experiments.steps.whitebox import control_images
    from blurnet.experiments.train import read_trained

    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with lisa_cnn.safetensors, "
            "sticker_noise.safetensors, victims/ and masks/"
        )
    network = read_trained(model_file or folder / "lisa_cnn.safetensors")
    scene, (noise, _) = load_scene(folder), load_noise(folder)
    attacked = (scene.floats + scene.mask * noise).clamp(0, 1)
    return Inputs(network.model, scene.floats, attacked, control_images(scene.floats, scene.mask))


def inputs(
    images: Sequence[Path], attacked: Sequence[Path], mask: Path | None, model_file: Path | None
) -> Inputs:
    """Read pictures, or folders of them, and check that they belong together."""
    from blurnet.data.images import read_mask
    from blurnet.experiments.steps.network import IMAGE
    from blurnet.experiments.steps.whitebox import control_images
    from blurnet.experiments.train import read_trained

    if not images:
        raise BlurnetError("which images? Give pictures or folders of them, or --rp2 DIR")
    if mask is not None and not attacked:
        raise BlurnetError("--mask is where an attack's sticker is: give --attacked too")
    model = None if model_file is None else read_trained(model_file).model
    size = None if model is None else IMAGE[-1]
    paths, stuck_paths = _pictures(images), _pictures(attacked)
    if attacked and len(paths) != len(stuck_paths):
        raise BlurnetError(
            f"{len(paths)} images and {len(stuck_paths)} attacked: they are paired, so write "
            "--attacked once for each image, or give a folder of as many"
        )
    clean = _read(paths, size, None)
    stuck = _read(stuck_paths, size, clean.shape[2:]) if attacked else None
    if mask is None:
        return Inputs(model, clean, stuck, ())
    weights = read_mask(mask)
    if weights.shape != clean.shape[2:]:
        raise BlurnetError(
            f"{mask}: {_pixels(weights.shape)} pixels, and the images have "
            f"{_pixels(clean.shape[2:])}; the mask must be of their size"
        )
    if not weights.any():
        raise BlurnetError(f"{mask}: the mask is black; what the sticker covers is white")
    return Inputs(model, clean, stuck, control_images(clean, weights))


def _pictures(paths: Sequence[Path]) -> list[Path]:
    from blurnet.data.images import image_files

    found: list[Path] = []
    for path in paths:
        inside = image_files(path) if path.is_dir() else [path]
        if not inside:
            raise BlurnetError(f"{path}: a folder without pictures")
        found += inside
    return found


def _read(paths: Sequence[Path], size: int | None, shape: "Sequence[int] | None") -> "Tensor":
    import torch

    from blurnet.data.images import read_image

    images = [read_image(path, size=size) for path in paths]
    wanted = shape or images[0].shape[1:]
    for path, image in zip(paths, images, strict=True):
        if image.shape[1:] != wanted:
            raise BlurnetError(
                f"{path}: {_pixels(image.shape)} pixels, and the first image has "
                f"{_pixels(wanted)}; spectra are compared at one size"
            )
    return torch.stack(images).float() / 255


def _pixels(shape: Sequence[int]) -> str:
    return f"{shape[-1]} × {shape[-2]}"
