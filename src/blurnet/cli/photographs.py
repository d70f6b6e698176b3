"""Which photographs: from the words of a command line."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.data import ImageSet

SYNTHETIC = "synthetic"

_log = logging.getLogger("blurnet")


@dataclass(frozen=True)
class PhotographsAsked:
    """Which photographs a command line names.

    Args:
        data: a data set's specification; its test part is taken.
        photographs: a folder of photographs of ``true_class``.
        true_class: of all photographs; of a data set, the class that is taken.
        rp2: RP2's folder.
        size: what they are resized to.
        channels: 1 or 3.
        images: at most so many.

    """

    data: str | None = None
    photographs: Path | None = None
    true_class: str | None = None
    rp2: Path | None = None
    size: int | None = None
    channels: int | None = None
    images: int = 40


def read_photographs(asked: PhotographsAsked) -> "tuple[ImageSet, ImageSet | None]":
    """Read the photographs: at most so many, and the part of the data to train on.

    Raises:
        BlurnetError: if none are named, they cannot be read, or are of several sizes.

    """
    from blurnet.data import load_images

    if asked.rp2 is not None:
        return _of_rp2(asked.rp2).spread(asked.images), None
    if asked.photographs is not None:
        assert asked.true_class is not None
        spec, classes = f"folder:{asked.photographs}", (asked.true_class,)
        parts = load_images(spec, size=asked.size, channels=asked.channels or 3, classes=classes)
        return parts.test.spread(asked.images), None
    if asked.data is None:
        raise BlurnetError(
            "which photographs? Give --data folder:DIR (class folders), or --photographs DIR and "
            "--true-class NAME"
        )
    if asked.data == SYNTHETIC and asked.true_class is not None:
        return _drawn_scene(asked), None
    train, test = load_images(asked.data, size=asked.size, channels=asked.channels or 3)
    if asked.true_class is not None:
        there = [name for name, count in test.counts().items() if count]
        if asked.true_class not in there:
            raise BlurnetError(
                f"--true-class {asked.true_class}: no test images of that class in {asked.data}; "
                f"there are: {', '.join(there)}"
            )
        test = test.select(test.labels == test.classes.index(asked.true_class))
    chosen = test.spread(asked.images)
    if len(chosen) < len(test):
        _log.info("%d of %d test images, spread evenly over the classes", len(chosen), len(test))
    return chosen, train if len(train) else None


def _drawn_scene(asked: PhotographsAsked) -> "ImageSet":
    import torch

    from blurnet.data import ImageSet
    from blurnet.data.synthetic import draw_scene

    assert asked.true_class is not None
    scene = draw_scene(asked.true_class, asked.images, size=asked.size or 32)
    labels = torch.zeros(len(scene), dtype=torch.int64)
    drawn = ImageSet(scene.images, labels, (scene.true_class,), names=scene.names)
    return drawn.in_channels(asked.channels or 3)


def _of_rp2(folder: Path) -> "ImageSet":
    import torch

    from blurnet.data import ImageSet, load_scene

    scene = load_scene(folder)
    labels = torch.zeros(len(scene), dtype=torch.int64)
    return ImageSet(scene.images, labels, (scene.true_class,), names=scene.names)
