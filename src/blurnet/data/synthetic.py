"""Drawn US road signs, the embedded default: RP2's 17 classes, in training images and scenes."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from blurnet.data.imageset import ImageSet, TrainTest
from blurnet.data.rendering import ART_PIXELS_PER_PIXEL, PHOTOGRAPH, ROAD, axes, render
from blurnet.data.scene import Scene
from blurnet.data.sign_art import NAMES, art, stickers
from blurnet.errors import BlurnetError

CLASSES: tuple[str, ...] = NAMES
"""The 17 classes of RP2's LISA-CNN, in its order."""

_DRAW, _TRAIN, _TEST, _SCENE = range(4)


def _check(classes: Sequence[str], seed: int, size: int, **counts: int) -> None:
    for name in classes:
        if name not in CLASSES:
            raise BlurnetError(f"no class {name!r} to draw; choose from: {', '.join(CLASSES)}")
    if not classes or len(set(classes)) < len(classes):
        raise BlurnetError(f"classes to draw are one or more, each once; found {list(classes)}")
    for what, number in counts.items():
        if number < 1:
            raise BlurnetError(f"{what} is 1 or more; found {number}")
    if size < 16:
        raise BlurnetError(f"size is 16 pixels or more; found {size}")
    if seed < 0:
        raise BlurnetError(f"seed is 0 or more; found {seed}")


def _draw(classes: Sequence[str], per_class: int, seed: int, stream: int, size: int) -> ImageSet:
    images = [render(name, per_class, ROAD, size, seed, stream)[0] for name in classes]
    labels = torch.arange(len(classes)).repeat_interleave(per_class)
    return ImageSet(torch.cat(images), labels, tuple(classes))


def draw(classes: Sequence[str], per_class: int, *, seed: int, size: int = 32) -> ImageSet:
    """Draw ``per_class`` images of each class, in the order of ``classes``.

    About four images in ten are grey, as most of LISA is. The same arguments give the same bytes on
    one machine, and an image depends only on ``seed``, ``size``, its class and its place within the
    class. Two cores draw more than 1,000 images of 32 × 32 pixels a second.

    Args:
        classes: names out of ``CLASSES``, each once.
        per_class: how many images of each, at least 1.
        seed: at least 0.
        size: the images' side in pixels, at least 16.

    Raises:
        BlurnetError: if a class is unknown (the message lists the choices) or named twice, or if a
            number is out of its range.

    """
    _check(classes, seed, size, per_class=per_class)
    return _draw(classes, per_class, seed, _DRAW, size)


def load(
    *,
    classes: Sequence[str] = CLASSES,
    seed: int = 0,
    train_per_class: int = 600,
    test_per_class: int = 100,
    size: int = 32,
) -> TrainTest:
    """Draw classes for training and for testing, from separate random streams.

    Args:
        classes: names out of ``CLASSES``, each once; all 17 by default. An image does not depend on
            which others are drawn.
        seed: at least 0; another seed gives other images of the same signs.
        train_per_class: how many images of each class to train on, at least 1.
        test_per_class: how many images of each class to test on, at least 1.
        size: the images' side in pixels, at least 16.

    Raises:
        BlurnetError: if a class is unknown or a number is out of its range.

    """
    _check(classes, seed, size, train_per_class=train_per_class, test_per_class=test_per_class)
    return TrainTest(
        _draw(classes, train_per_class, seed, _TRAIN, size),
        _draw(classes, test_per_class, seed, _TEST, size),
    )


def identity(
    *, seed: int = 0, train_per_class: int = 600, test_per_class: int = 100, size: int = 32
) -> dict[str, int | str]:
    """Describe what ``load`` would give for these arguments, without drawing it all.

    Returns:
        The arguments, and as ``probe`` the SHA-256 (hexadecimal) of every sign's drawing and of two
        rendered images of each class: a change of the drawing code, of Pillow or of torch that
        changes pixels changes it.

    Raises:
        BlurnetError: if a number is out of its range.

    """
    _check(CLASSES, seed, size, train_per_class=train_per_class, test_per_class=test_per_class)
    digest = hashlib.sha256(_draw(CLASSES, 2, seed, _TRAIN, size).fingerprint().encode())
    for name in CLASSES:
        digest.update(art(name, ART_PIXELS_PER_PIXEL * size).numpy().tobytes())
    return {
        "seed": seed,
        "train_per_class": train_per_class,
        "test_per_class": test_per_class,
        "size": size,
        "probe": digest.hexdigest(),
    }


def sticker_mask(name: str, size: int = 32, scale: float = 1.0) -> Tensor:
    """Draw the mask of two bars above and below the legend of a sign that fills the frame.

    Args:
        name: the sign's class; of a class that is not drawn here the bars lie where most legends
            leave room.
        size: the image's side in pixels.
        scale: of each bar's width and height, about its middle, above 0 and at most 1.

    Returns:
        float32, size × size, 0 or 1.

    Raises:
        BlurnetError: for another scale, or one that leaves no pixel.

    """
    if not 0 < scale <= 1:
        raise BlurnetError(f"the scale of a mask lies above 0, up to 1; found {scale}")
    x, y = ((axis + 1) * 16 for axis in axes(size))
    mask = torch.zeros(size, size)
    for left, top, right, bottom in stickers(name):
        across, down = (x - (left + right) / 2).abs(), (y - (top + bottom) / 2).abs()
        mask[(across < scale * (right - left) / 2) & (down < scale * (bottom - top) / 2)] = 1
    if not mask.any():
        raise BlurnetError(f"a mask of scale {scale} has no pixel in images of {size} × {size}")
    return mask


def draw_scene(
    true_class: str = "stop", count: int = 40, *, seed: int = 0, size: int = 32
) -> Scene:
    """Draw ``count`` colour photographs of one sign, cropped tightly, like RP2's of a stop sign.

    Pose, distance, light and surroundings change from view to view, the pose so little that the
    mask lies on the sign in every view.

    The mask is 0 or 1 and stands for two bars above and below the legend. Of 32 × 32 pixels they
    cover 72 (60 on diamonds and on yield), of other sizes the same share.

    Args:
        true_class: a name out of ``CLASSES``.
        count: how many views, at least 1.
        seed: at least 0; an image does not depend on ``count``.
        size: the images' side in pixels, at least 16.

    Raises:
        BlurnetError: if the class is unknown (the message lists the choices) or a number is out of
            its range.

    """
    _check((true_class,), seed, size, count=count)
    images, _ = render(true_class, count, PHOTOGRAPH, size, seed, _SCENE)
    names = tuple(f"{true_class}-{view:02d}" for view in range(count))
    return Scene(images, sticker_mask(true_class, size), true_class, names)
