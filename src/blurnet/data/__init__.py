"""Images in: every source gives one type, ``ImageSet`` (or a ``Scene``, for the attack)."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from blurnet.data import folder, gtsrb, lisa
from blurnet.data.entries import Contents as Contents
from blurnet.data.entries import Problem as Problem
from blurnet.data.entries import sizes_in_words
from blurnet.data.images import Size, as_size, check_channels, pixels
from blurnet.data.images import read_image as read_image
from blurnet.data.images import read_mask as read_mask
from blurnet.data.imageset import ImageSet as ImageSet
from blurnet.data.imageset import TrainTest as TrainTest
from blurnet.data.masks import Masks as Masks
from blurnet.data.masks import read_masks as read_masks
from blurnet.data.rp2 import RP2_CLASSES as RP2_CLASSES
from blurnet.data.rp2 import load_noise as load_noise
from blurnet.data.rp2 import load_scene as load_scene
from blurnet.data.scene import Scene as Scene
from blurnet.data.splits import split_at_random as split_at_random
from blurnet.data.splits import split_by_block as split_by_block
from blurnet.data.tensors import read_safetensors as read_safetensors
from blurnet.errors import BlurnetError

SYNTHETIC = "synthetic"
DEFAULT_SIZE = 32

Reader = Callable[[Path, Size | None, int], Contents]
"""Reads a folder, at a size in pixels (None: the one that all have) and with 1 or 3 channels."""

READERS: dict[str, Reader] = {
    "folder": folder.read,
    "lisa": lisa.read,
    "gtsrb": gtsrb.read,
}

CLASS_SETS = {"rp2": RP2_CLASSES}

SPLITS = ("block", "random")

_log = logging.getLogger(__name__)


def parse_spec(spec: str) -> tuple[str, Path | None]:
    """Split ``KIND:DIR`` into the kind of data and its folder, None for ``synthetic``.

    Raises:
        BlurnetError: for an unknown kind, the message lists the choices; for a folder that is
            missing, or one too many.

    """
    kind, _, directory = spec.partition(":")
    if kind == SYNTHETIC:
        if spec != SYNTHETIC:
            raise BlurnetError(f"data {spec!r}: {SYNTHETIC!r} is drawn and takes no folder")
        return kind, None
    if kind not in READERS:
        choices = ", ".join([SYNTHETIC, *(f"{name}:DIR" for name in READERS)])
        raise BlurnetError(
            f"data {spec!r}: no such kind; there are: {choices} (for example folder:data/signs)"
        )
    if not directory:
        raise BlurnetError(f"data {spec!r}: the folder is missing, as in {kind}:data/{kind}")
    return kind, Path(os.path.expanduser(directory))


def parse_classes(text: str) -> tuple[str, ...] | None:
    """Read ``all`` (None), the name of a set in ``CLASS_SETS``, or class names with commas.

    Raises:
        BlurnetError: if a name is empty or there twice.

    """
    if text == "all":
        return None
    if text in CLASS_SETS:
        return CLASS_SETS[text]
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise BlurnetError(
            f"classes {text!r}: expected all, {', '.join(CLASS_SETS)}, "
            "or different class names with commas between them"
        )
    return names


def check(spec: str, *, size: int | Size | None = None) -> Contents:
    """Read a source whole, and list every sign that cannot be read.

    Args:
        spec: as for ``load_images``.
        size: of the images; of pictures of several sizes, 32 × 32 if None.

    Returns:
        What can be read, the problems with the others, and the sizes of the pictures.

    Raises:
        BlurnetError: if nothing can be read, for instance because the folder is missing.

    """
    kind, directory = parse_spec(spec)
    if directory is None:
        parts = load_images(spec, size=size)
        shape = (parts.train.shape[1], parts.train.shape[2])
        return Contents(parts, [], Counter({shape: sum(map(len, parts))}))
    wanted = as_size(size) or (DEFAULT_SIZE, DEFAULT_SIZE)
    if kind == "folder" and folder.is_flat(directory):
        return folder.read_photographs(directory, directory.name, wanted)
    return READERS[kind](directory, wanted, 3)


def load_images(
    spec: str,
    *,
    size: int | Size | None = None,
    channels: int = 3,
    classes: Sequence[str] | None = None,
    split: str = "block",
    seed: int = 0,
    skip_unreadable: bool = False,
) -> TrainTest:
    """Read or draw a data set.

    A folder with ``train`` and ``test`` is taken as it is parted. A source that comes in one piece
    (a folder of class folders, ``lisa``) is split, which the logger "blurnet" says. A folder of
    photographs without class folders takes one class; they are all for testing.

    Pictures of another size are resized: bilinear, antialiased, the aspect ratio not kept. The
    logger says how many and from which sizes.

    Args:
        spec: ``synthetic``, or a key of ``READERS``, a colon and a folder.
        size: the images' edge length in pixels, or height and width; if None, that which all
            pictures have, and 32 for drawn signs.
        channels: 3 for RGB, 1 for luma.
        classes: the classes to keep, in the order of their labels; all of them, sorted, if None.
        split: "block" or "random": how a source without a test part of its own is split, see
            ``split_by_block`` and ``split_at_random``.
        seed: what synthetic signs and a random split are drawn from.
        skip_unreadable: go on without the signs that cannot be read, and log how many those are.

    Raises:
        BlurnetError: if the source is missing or broken, its pictures are of several sizes and
            none is asked for, signs cannot be read, or a class has no training images.

    Examples:
        >>> train, test = blurnet.load_images("folder:signs", size=16, classes=("stop", "yield"))
        >>> tuple(test.images.shape), test.classes
        ((12, 3, 16, 16), ('stop', 'yield'))

    """
    if split not in SPLITS:
        raise BlurnetError(f"split {split!r}: there are: {', '.join(SPLITS)}")
    kind, directory = parse_spec(spec)
    wanted = as_size(size)
    if directory is None:
        parts = _drawn(wanted, channels, seed, classes)
    else:
        try:
            contents = _read(kind, directory, wanted, channels, classes)
        except BlurnetError as error:
            raise BlurnetError(f"data {spec!r}: {error}") from None
        if contents.problems:
            _report(contents.problems, spec, skip=skip_unreadable)
        _say_resized(contents)
        parts = _parted(contents.images, spec, split, seed)
    if classes is not None:
        parts = TrainTest(*(part.subset(classes) for part in parts))
    untaught = [name for name, count in parts.train.counts().items() if not count]
    if untaught and len(parts.train):
        raise BlurnetError(
            f"data {spec!r}: no training images of {', '.join(untaught)}; leave these classes out"
        )
    if not len(parts.test):
        raise BlurnetError(f"data {spec!r}: no test images of any of the classes")
    return parts


def _drawn(size: Size | None, channels: int, seed: int, classes: Sequence[str] | None) -> TrainTest:
    from blurnet.data import synthetic  # noqa: PLC0415 - drawing is not needed to read

    height, width = size or (DEFAULT_SIZE, DEFAULT_SIZE)
    if height != width:
        raise BlurnetError(f"drawn signs are square, not {width} × {height} pixels")
    check_channels(channels)
    wanted = synthetic.CLASSES if classes is None else tuple(dict.fromkeys(classes))
    drawn = synthetic.load(classes=wanted, seed=seed, size=height)
    return TrainTest(*(part.in_channels(channels) for part in drawn))


def _read(
    kind: str, directory: Path, size: Size | None, channels: int, classes: Sequence[str] | None
) -> Contents:
    if kind != "folder" or not folder.is_flat(directory):
        return READERS[kind](directory, size, channels)
    if classes is None or len(classes) != 1:
        raise BlurnetError(
            "photographs without class folders; sort them as <class>/*.png, or name the one class "
            "that all of them show"
        )
    found = folder.read_photographs(directory, classes[0], size, channels)
    photographs = found.images
    assert isinstance(photographs, ImageSet)
    nothing = photographs.select(photographs.labels < 0)
    return found._replace(images=TrainTest(nothing, photographs))


def _parted(images: ImageSet | TrainTest, spec: str, split: str, seed: int) -> TrainTest:
    if isinstance(images, TrainTest):
        return images
    _log.info(
        "data %r has no test part of its own: a fifth of each class is held out for testing, %s",
        spec,
        "drawn at random" if split == "random" else "the last in the order of the files",
    )
    return split_at_random(images, seed=seed) if split == "random" else split_by_block(images)


def _say_resized(contents: Contents) -> None:
    images = contents.images.test if isinstance(contents.images, TrainTest) else contents.images
    size = images.shape[1:]
    others = Counter({of: count for of, count in contents.sizes.items() if of != size})
    if others:
        _log.info(
            "resized %d photographs from %s to %s pixels (bilinear, antialiased)",
            others.total(),
            sizes_in_words(others) if len(others) > 1 else pixels(next(iter(others))),
            pixels(size),
        )


def _report(problems: Sequence[Problem], spec: str, *, skip: bool) -> None:
    if skip:
        _log.warning("data %r: %d signs that cannot be read are left out", spec, len(problems))
        return
    shown = "; ".join(map(str, problems[:3]))
    more = f"; and {len(problems) - 3} more, {len(problems)} in all" if len(problems) > 3 else ""
    raise BlurnetError(f"data {spec!r}: {shown}{more}")
