"""RP2's published artifacts: photographs of one object, the masks of its sticker, and a sticker.

Eykholt et al., "Robust Physical-World Attacks on Deep Learning Visual Classification",
arXiv 1707.08945. Layout of a folder: ``victims/*.png``, ``masks/<name>.png`` and
``sticker_noise.safetensors``.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.data.images import image_files, read_image, read_mask
from blurnet.data.scene import Scene
from blurnet.data.tensors import hash_tensors, read_safetensors
from blurnet.errors import BlurnetError

RP2_CLASSES = (
    "addedLane",
    "keepRight",
    "laneEnds",
    "merge",
    "pedestrianCrossing",
    "school",
    "schoolSpeedLimit25",
    "signalAhead",
    "speedLimit25",
    "speedLimit30",
    "speedLimit35",
    "speedLimit45",
    "speedLimitUrdbl",
    "stop",
    "stopAhead",
    "turnRight",
    "yield",
)
"""The 17 LISA classes that RP2's network knows."""

NOISE = "sticker_noise.safetensors"

PUBLISHED = {
    "network": "8759624eebb5e6bb93085e6be9d3ebc3fe28567ce0d81f9cd04f72c3eb38023f",
    "photographs": "5e43d7980ad9fa3ef7e4ed092ad5fbdb5946169f0761823af61f1b4305ed25dc",
    "mask": "5cc0dcbf0a2e5035abe7c3b76e9fa11fa55f373b6963360f92e054afd4a3d77d",
    "noise": "ad0690155ca725acfc6a57c5ad632fabc78757450c1684a8f7e9554b51548484",
}
"""What tells RP2's own artifacts from any others in the same layout: SHA-256 of their contents,
with the class names that go with them. The noise was made for one network, photographs and mask."""


def differing(
    network: nn.Module, classes: Sequence[str], scene: Scene, noise: Tensor, target: str
) -> tuple[str, ...]:
    """Name what is not RP2's own: keys of ``PUBLISHED``; empty if all are.

    Args:
        network: with its weights.
        classes: what its outputs are called.
        scene: the photographs and the mask.
        noise: the sticker.
        target: what it was made for.

    """
    found = _fingerprints(network, classes, scene) | {"noise": _hash([target], noise)}
    return tuple(part for part, known in PUBLISHED.items() if found[part] != known)


def is_published_network(network: nn.Module, classes: Sequence[str]) -> bool:
    """Say whether a network is RP2's own: by its weights and the names of its outputs."""
    return _hash([hash_tensors(network.state_dict()), *classes]) == PUBLISHED["network"]


def _fingerprints(network: nn.Module, classes: Sequence[str], scene: Scene) -> dict[str, str]:
    return {
        "network": _hash([hash_tensors(network.state_dict()), *classes]),
        "photographs": _hash([scene.true_class], scene.images),
        "mask": _hash([], scene.mask),
    }


def _hash(words: Sequence[str], *tensors: Tensor) -> str:
    content = hash_tensors({str(place): tensor for place, tensor in enumerate(tensors)})
    return hashlib.sha256(json.dumps([*words, content]).encode()).hexdigest()


def load_scene(directory: Path, mask: str = "sticker", *, true_class: str | None = None) -> Scene:
    """Read the photographs and one mask.

    Args:
        directory: a folder in RP2's layout.
        mask: the mask's file name, without ``.png``.
        true_class: the object's class; if None, what ``sticker_noise.safetensors`` names as its
            ``source_class``.

    Raises:
        BlurnetError: if a file is missing or broken, the photographs are not all of one size, or
            the mask is of another; for an unknown mask the message lists those that exist.

    """
    photographs = _photographs(directory)
    images = [read_image(path) for path in photographs]
    for path, image in zip(photographs, images, strict=True):
        if image.shape != images[0].shape:
            raise BlurnetError(
                f"{path}: {_pixels(image)}, and {photographs[0].name} has {_pixels(images[0])}; "
                "the photographs of a scene are all of one size"
            )
    masks = {path.stem: path for path in image_files(directory / "masks")}
    if mask not in masks:
        raise BlurnetError(
            f"{directory / 'masks'}: no mask {mask!r}; there are: {', '.join(masks) or 'none'}"
        )
    weights = read_mask(masks[mask])
    if weights.shape != images[0].shape[1:]:
        raise BlurnetError(
            f"{masks[mask]}: {_pixels(weights)}, and the photographs in {photographs[0].parent} "
            f"have {_pixels(images[0])}; the mask must be of their size"
        )
    if not weights.any():
        raise BlurnetError(f"{masks[mask]}: the mask is black; what the sticker covers is white")
    if true_class is None:
        true_class = _metadata(directory, "source_class", read_safetensors(directory / NOISE)[1])
    return Scene(torch.stack(images), weights, true_class, tuple(path.stem for path in photographs))


def load_noise(directory: Path) -> tuple[Tensor, str]:
    """Read the published noise, and the class it was made for.

    Args:
        directory: a folder in RP2's layout.

    Returns:
        float32, 3 × H × W, to be multiplied by the mask and added to photographs in [0, 1]; and the
        name of its target class.

    Raises:
        BlurnetError: if the file is missing, broken, or holds no noise for these photographs.

    """
    path = directory / NOISE
    tensors, metadata = read_safetensors(path)
    if "noise" not in tensors:
        raise BlurnetError(
            f"{path}: no tensor 'noise'; there are: {', '.join(sorted(tensors)) or 'none'}"
        )
    noise = tensors["noise"].float()
    photograph = read_image(_photographs(directory)[0])
    if noise.shape != photograph.shape:
        raise BlurnetError(
            f"{path}: the noise is {' × '.join(map(str, noise.shape))}; "
            f"for these photographs it must be {' × '.join(map(str, photograph.shape))}"
        )
    if not noise.isfinite().all():
        raise BlurnetError(f"{path}: the noise holds values that are not finite")
    return noise, _metadata(directory, "target", metadata)


def _photographs(directory: Path) -> list[Path]:
    photographs = image_files(directory / "victims")
    if not photographs:
        raise BlurnetError(f"{directory / 'victims'}: no photographs (.png) of the object")
    return photographs


def _metadata(directory: Path, key: str, metadata: dict[str, str]) -> str:
    if not metadata.get(key):
        raise BlurnetError(f"{directory / NOISE}: the file's metadata does not name its {key!r}")
    return metadata[key]


def _pixels(image: Tensor) -> str:
    return f"{image.shape[-1]} × {image.shape[-2]} pixels"
