"""What RP2 is given beside images and masks: refused before anything is computed."""

import torch
from torch import Tensor

from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.errors import BlurnetError


def targets_of(targets: Tensor, images: int, settings: RP2Settings) -> Tensor:
    """Give the class that each attack has for each image, int64, T × V.

    Args:
        targets: T, or T × V with one for each image.
        images: V.
        settings: RP2's.

    Raises:
        BlurnetError: if they are none for this goal.

    """
    if not isinstance(targets, Tensor):
        raise BlurnetError(f"targets: a torch tensor is needed; found {type(targets).__name__}")
    shape = tuple(targets.shape)
    fits = len(shape) in (1, 2) and targets.numel() and shape[1:] in ((), (images,))
    if not fits or targets.dtype != torch.int64:
        raise BlurnetError(
            "targets are int64, T with one for each attack, or T × V with one for each of the "
            f"{images} images; found {targets.dtype}, {' × '.join(map(str, shape)) or 'a number'}"
        )
    if settings.goal == "untargeted" and len(shape) == 1 and len(set(targets.tolist())) > 1:
        raise BlurnetError(
            f"an untargeted attack's targets are the true classes: one for all images, or one for "
            f"each as labels[None], 1 × {images}; found {len(targets)} attacks"
        )
    if settings.goal == "targeted" and len(shape) == 2 and settings.scope == "universal":
        raise BlurnetError(
            'one sticker for all images has one target; found T × V: take scope "per_image", '
            'goal "untargeted" (where these are the true classes), or T targets'
        )
    return targets if len(shape) == 2 else targets[:, None].expand(-1, images)


def check_rest(
    images: Tensor,
    targets: Tensor,
    settings: RP2Settings,
    colors: Tensor | None,
    warm_start: Tensor | None,
) -> None:
    """Raise a BlurnetError if the printable colours or the warm start do not fit."""
    if settings.printability and colors is None:
        raise BlurnetError(
            f"a printability weight of {settings.printability} needs the printable colours"
        )
    if settings.printability and images.shape[1] != 3:
        raise BlurnetError(
            "printability is of red, green and blue: set it to 0, or give images of 3 channels; "
            f"found {images.shape[1]}"
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
