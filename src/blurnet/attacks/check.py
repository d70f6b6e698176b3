"""What attacks are given: refused in one line before anything is computed, with what would do."""

from typing import Any

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models import Classifier, as_classifier, check_network

ABOVE = 0.5
"""A pixel of a mask belongs to the sticker if its value is above this. RP2's own mask has eight
stray pixels of 1/255, which the formula weighs and which nobody would count."""


def sticker_pixels(mask: Tensor) -> Tensor:
    """Say which pixels a mask's sticker covers: those above ``ABOVE``.

    Args:
        mask: in [0, 1], … × H × W.

    Returns:
        bool, of the same shape. Where a mask has no pixel above it, all that are above 0.

    """
    inside = mask > ABOVE
    return torch.where(inside.any(-1, keepdim=True).any(-2, keepdim=True), inside, mask > 0)


def check_images(images: Tensor) -> None:
    """Raise a BlurnetError unless these are images: float32 in [0, 1], N × C × H × W."""
    _check_tensor("images", images)
    if images.dim() != 4 or not images.numel() or images.dtype != torch.float32:
        hint = " (divide uint8 by 255)" if images.dtype == torch.uint8 else ""
        raise BlurnetError(
            "images are float32, N × C × H × W, at least one; "
            f"found {images.dtype}, {_shape(images)}{hint}"
        )
    if not (images.min() >= 0 and images.max() <= 1):  # also if one is not a number
        raise BlurnetError(
            f"images lie in [0, 1]; found {images.min():.3g}…{images.max():.3g} (divide uint8 by "
            "255; what a network normalises belongs inside it: blurnet.Classifier(model, mean=…))"
        )


def mask_of(mask: Tensor, images: Tensor) -> Tensor:
    """Give a mask as it multiplies images, 1 × 1 × H × W, or N × 1 × H × W with one an image.

    Args:
        mask: float32 in [0, 1], H × W, or N × H × W with one for each image.
        images: N × C × H × W.

    Raises:
        BlurnetError: if it is none for these images, or covers no pixel of one of them.

    """
    _check_tensor("the mask", mask)
    count, _, height, width = images.shape
    if mask.shape not in ((height, width), (count, height, width)):
        raise BlurnetError(
            f"the mask is {_shape(mask)}; for these images it must be {height} × {width}, "
            f"H × W without a channel, or {count} × {height} × {width} with one for each image"
        )
    if not mask.is_floating_point() or not (mask.min() >= 0 and mask.max() <= 1):
        raise BlurnetError(
            f"the mask is float32 in [0, 1]; found {mask.dtype}, {mask.min()}…{mask.max()}"
        )
    covered = (mask > 0).flatten(-2).any(-1)
    if not covered.all():
        of = "" if mask.dim() == 2 else f" of image {int(covered.int().argmin())}"
        raise BlurnetError(f"the mask{of} is 0 everywhere: there is no pixel to put a sticker on")
    return mask.view(-1, 1, height, width)


def check_labels(labels: Tensor, count: int) -> None:
    """Raise a BlurnetError unless these are labels of ``count`` images: int64, N."""
    _check_tensor("labels", labels)
    if labels.dtype != torch.int64 or labels.shape != (count,):
        raise BlurnetError(
            f"labels are int64, one for each of the {count} images; "
            f"found {labels.dtype}, {_shape(labels)}"
        )


def checked_network(model: nn.Module, example: Tensor, classes: Tensor, what: str) -> Classifier:
    """Give the network as a Classifier, found to be one.

    Args:
        model: any network.
        example: one image as it will get them.
        classes: int64, of any shape; each must be among its outputs.
        what: what these are, for the error's text: "labels" or "targets".

    Raises:
        BlurnetError: if the network is no classifier of such images, or has no such class.

    """
    network = as_classifier(model)
    outputs = check_network(network, example)
    if classes.min() < 0 or classes.max() >= outputs:
        asked = sorted(set(classes.flatten().tolist()))
        raise BlurnetError(
            f"{what} {asked} are not all among the network's {outputs} outputs, 0…{outputs - 1}"
        )
    return network


def _check_tensor(name: str, given: Any) -> None:
    if not isinstance(given, Tensor):
        raise BlurnetError(f"{name}: a torch tensor is needed; found {type(given).__name__}")


def _shape(given: Tensor) -> str:
    return " × ".join(map(str, given.shape)) or "a single number"
