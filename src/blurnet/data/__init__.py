"""Images in: every source gives one type, ``ImageSet`` (or a ``Scene``, for the attack)."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from blurnet.data import folder, gtsrb, lisa
from blurnet.data.entries import Problem as Problem
from blurnet.data.images import read_image as read_image
from blurnet.data.images import read_mask as read_mask
from blurnet.data.imageset import ImageSet as ImageSet
from blurnet.data.imageset import TrainTest as TrainTest
from blurnet.data.rp2 import RP2_CLASSES as RP2_CLASSES
from blurnet.data.rp2 import load_noise as load_noise
from blurnet.data.rp2 import load_scene as load_scene
from blurnet.data.scene import Scene as Scene
from blurnet.data.splits import split_at_random as split_at_random
from blurnet.data.splits import split_by_block as split_by_block
from blurnet.data.tensors import read_safetensors as read_safetensors
from blurnet.errors import BlurnetError

SYNTHETIC = "synthetic"

Reader = Callable[[Path, int], tuple[ImageSet | TrainTest, list[Problem]]]
"""Reads a folder, at a size in pixels: its images, split where the source is, and its problems."""

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


def check(spec: str, *, size: int = 32) -> list[Problem]:
    """List every sign of a source that cannot be read; an empty list is a good sign.

    Args:
        spec: as for ``load``.
        size: edge length in pixels.

    Raises:
        BlurnetError: if nothing can be read, for instance because the folder is missing.

    """
    kind, directory = parse_spec(spec)
    return [] if directory is None else READERS[kind](directory, size)[1]


def load(
    spec: str,
    *,
    classes: Sequence[str] | None = None,
    size: int = 32,
    split: str = "block",
    seed: int = 0,
    skip_unreadable: bool = False,
) -> TrainTest:
    """Read or draw a data set.

    Args:
        spec: ``synthetic``, or a key of ``READERS``, a colon and a folder.
        classes: the classes to keep, in the order of their labels; all of them, if None.
        size: edge length of the images in pixels.
        split: "block" or "random": how a source without a test part of its own (``lisa``) is split,
            see ``split_by_block`` and ``split_at_random``.
        seed: what synthetic signs and a random split are drawn from.
        skip_unreadable: go on without the signs that cannot be read, and log how many those are.

    Raises:
        BlurnetError: if the source is missing or broken, signs cannot be read, or a class has no
            training images.

    """
    if split not in SPLITS:
        raise BlurnetError(f"split {split!r}: there are: {', '.join(SPLITS)}")
    kind, directory = parse_spec(spec)
    contents: ImageSet | TrainTest
    problems: list[Problem] = []
    if directory is None:
        from blurnet.data.synthetic import load as draw  # noqa: PLC0415 - drawing is not needed to read

        contents = draw(seed=seed, size=size)
    else:
        contents, problems = READERS[kind](directory, size)
    if problems:
        _report(problems, spec, skip=skip_unreadable)
    if isinstance(contents, TrainTest):
        parts = contents
    elif split == "random":
        parts = split_at_random(contents, seed=seed)
    else:
        parts = split_by_block(contents)
    if classes is not None:
        parts = TrainTest(*(part.subset(classes) for part in parts))
    untaught = [name for name, count in parts.train.counts().items() if not count]
    if untaught:
        raise BlurnetError(
            f"data {spec!r}: no training images of {', '.join(untaught)}; leave these classes out"
        )
    if not len(parts.test):
        raise BlurnetError(f"data {spec!r}: no test images of any of the classes")
    return parts


def _report(problems: Sequence[Problem], spec: str, *, skip: bool) -> None:
    if skip:
        _log.warning("data %r: %d signs that cannot be read are left out", spec, len(problems))
        return
    shown = "; ".join(map(str, problems[:3]))
    more = f"; and {len(problems) - 3} more, {len(problems)} in all" if len(problems) > 3 else ""
    raise BlurnetError(f"data {spec!r}: {shown}{more}")
