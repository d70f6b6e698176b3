"""ImageSet, the one type that every reader of images gives."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images of signs, in the order of their source.

    Args:
        images: uint8, N × 3 × H × W, RGB.
        labels: int64, N, indices into ``classes``.
        classes: the class names, one for each label.
        tracks: int64, N, or None. Images of one passing of one sign share a number: near-duplicates
            that a block split keeps together.

    Raises:
        BlurnetError: where shapes, types or labels contradict each other.

    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    tracks: Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4 or self.images.shape[1] != 3:
            raise BlurnetError(
                f"images of a ImageSet are uint8, N × 3 × H × W; "
                f"found {self.images.dtype}, {tuple(self.images.shape)}"
            )
        if len(set(self.classes)) < len(self.classes):
            raise BlurnetError(f"class names differ; found {', '.join(self.classes)}")
        for name, values in (("labels", self.labels), ("tracks", self.tracks)):
            if values is None:
                continue
            if values.dtype != torch.int64 or values.shape != self.images.shape[:1]:
                raise BlurnetError(
                    f"{name} of a ImageSet are int64, one for each of {len(self.images)} images; "
                    f"found {values.dtype}, {tuple(values.shape)}"
                )
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(
            self.classes
        ):
            raise BlurnetError(
                f"labels of a ImageSet lie in 0…{len(self.classes) - 1}, one for each class; "
                f"found {int(self.labels.min())}…{int(self.labels.max())}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def floats(self) -> Tensor:
        """The images as float32 in [0, 1], N × 3 × H × W, made anew at each call."""
        return self.images.float() / 255

    def select(self, indices: Tensor) -> "ImageSet":
        """Give the images at ``indices`` (int64, or a boolean mask of length N), in that order."""
        tracks = None if self.tracks is None else self.tracks[indices]
        return ImageSet(self.images[indices], self.labels[indices], self.classes, tracks)

    def subset(self, classes: Sequence[str]) -> "ImageSet":
        """Keep the images of ``classes`` alone, labelled by their place in ``classes``.

        Raises:
            BlurnetError: if a class is not in this set; the message lists those that are.

        """
        unknown = [name for name in classes if name not in self.classes]
        if unknown:
            raise BlurnetError(
                f"no class {', '.join(map(repr, unknown))} in the data; "
                f"it has: {', '.join(self.classes)}"
            )
        new_label = torch.full((len(self.classes),), -1)
        for place, name in enumerate(classes):
            new_label[self.classes.index(name)] = place
        labels = new_label[self.labels]
        kept = labels >= 0
        tracks = None if self.tracks is None else self.tracks[kept]
        return ImageSet(self.images[kept], labels[kept], tuple(classes), tracks)

    def counts(self) -> dict[str, int]:
        """Count the images of each class."""
        count = torch.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, count.tolist(), strict=True))

    def fingerprint(self) -> str:
        """Hash the content (SHA-256, hexadecimal): images, labels and class names."""
        digest = hashlib.sha256(json.dumps([list(self.images.shape), self.classes]).encode())
        digest.update(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


class TrainTest(NamedTuple):
    """A data set as experiments use it: ``train`` to learn from, ``test`` to be judged on."""

    train: ImageSet
    test: ImageSet
