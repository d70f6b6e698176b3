"""What RP2 is given: refused before anything is computed, with what would be right."""

import torch
from torch import Tensor, nn

from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.errors import BlurnetError


def check(
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    settings: RP2Settings,
    colors: Tensor | None,
    warm_start: Tensor | None,
) -> None:
    """Raise a BlurnetError if shapes or values do not fit."""
    for name, given in (("images", images), ("targets", targets), ("the mask", mask)):
        if not isinstance(given, Tensor):
            raise BlurnetError(f"{name}: a torch tensor is needed; found {type(given).__name__}")
    if images.dim() != 4 or not len(images) or images.dtype != torch.float32:
        raise BlurnetError(
            f"images are float32, V × C × H × W, at least one; "
            f"found {images.dtype}, {tuple(images.shape)}"
        )
    if not (images.min() >= 0 and images.max() <= 1):  # also if one is not a number
        raise BlurnetError(
            f"images lie in [0, 1]; found {images.min():.3g}…{images.max():.3g} (divide uint8 by "
            "255; what a network normalises belongs inside it)"
        )
    if mask.shape != images.shape[2:]:
        raise BlurnetError(
            f"the mask is {tuple(mask.shape)}; for these images it must be "
            f"{tuple(images.shape[2:])}, H × W without a channel"
        )
    if not mask.is_floating_point() or not (mask.min() >= 0 and mask.max() <= 1):
        raise BlurnetError(
            f"the mask is float32 in [0, 1]; found {mask.dtype}, {mask.min()}…{mask.max()}"
        )
    if targets.dim() != 1 or not len(targets) or targets.dtype != torch.int64:
        raise BlurnetError(
            f"targets are int64, one for each attack; found {targets.dtype}, {tuple(targets.shape)}"
        )
    if settings.printability and colors is None:
        raise BlurnetError(
            f"a printability weight of {settings.printability} needs the printable colours"
        )
    if colors is not None and (colors.dim() != 2 or colors.shape[1] != 3 or not len(colors)):
        raise BlurnetError(
            f"printable colours are float32, P × 3, at least one; found {tuple(colors.shape)}"
        )
    if warm_start is not None:
        _check_warm_start(images, targets, settings, warm_start)


def _check_warm_start(
    images: Tensor, targets: Tensor, settings: RP2Settings, warm_start: Tensor
) -> None:
    stickers = (len(images),) if settings.scope == "per_image" else ()
    shape = (len(targets), *stickers, *images.shape[1:])
    try:
        fits = warm_start.expand(shape).shape == shape
    except RuntimeError:
        fits = False
    if not fits or not warm_start.is_floating_point():
        raise BlurnetError(
            f"a warm start is float32 and broadcasts with {shape}; "
            f"found {warm_start.dtype}, {tuple(warm_start.shape)}"
        )
    if settings.placement == "paste" and (warm_start.min() < 0 or warm_start.max() > 1):
        raise BlurnetError(
            f"a pasted sticker lies in [0, 1]; the warm start has "
            f"{warm_start.min():.3g}…{warm_start.max():.3g}"
        )


def check_outputs(model: nn.Module, example: Tensor, targets: Tensor) -> None:
    """Raise a BlurnetError if the network does not give logits with the targets among them."""
    with torch.no_grad():
        outputs = model(example)
    if outputs.dim() != 2:
        raise BlurnetError(f"the network gives logits, N × classes; found {tuple(outputs.shape)}")
    if targets.min() < 0 or targets.max() >= outputs.shape[1]:
        raise BlurnetError(
            f"targets {targets.tolist()} are not all among the network's {outputs.shape[1]} "
            f"outputs, 0…{outputs.shape[1] - 1}"
        )
