"""ImageSet, the one type that every reader of images gives."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, in the order of their source.

    Args:
        images: uint8, N × C × H × W: RGB, or grey with one channel.
        labels: int64, N, indices into ``classes``.
        classes: the class names, one for each label.
        tracks: int64, N, or None. Images of one passing of one sign share a number: near-duplicates
            that a block split keeps together.
        names: a name for each image, such as "stop/0012", or None.

    Raises:
        BlurnetError: where shapes, types or labels contradict each other.

    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    tracks: Tensor | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4 or not self.images.shape[1]:
            raise BlurnetError(
                f"images of an ImageSet are uint8, N × C × H × W, C at least 1; "
                f"found {self.images.dtype}, {tuple(self.images.shape)}"
            )
        if self.names is not None and len(self.names) != len(self.images):
            raise BlurnetError(f"{len(self.images)} images and {len(self.names)} names")
        if len(set(self.classes)) < len(self.classes):
            raise BlurnetError(f"class names differ; found {', '.join(self.classes)}")
        for name, values in (("labels", self.labels), ("tracks", self.tracks)):
            if values is None:
                continue
            if values.dtype != torch.int64 or values.shape != self.images.shape[:1]:
                raise BlurnetError(
                    f"{name} of an ImageSet are int64, one for each of {len(self.images)} images; "
                    f"found {values.dtype}, {tuple(values.shape)}"
                )
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(
            self.classes
        ):
            raise BlurnetError(
                f"labels of an ImageSet lie in 0…{len(self.classes) - 1}, one for each class; "
                f"found {int(self.labels.min())}…{int(self.labels.max())}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def floats(self) -> Tensor:
        """The images as float32 in [0, 1], N × C × H × W, made anew at each call."""
        return self.images.float() / 255

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the images."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def in_channels(self, channels: int) -> "ImageSet":
        """Give RGB images as they are, or with one channel: luma (ITU-R BT.601), as Pillow has it.

        Raises:
            BlurnetError: for other numbers of channels.

        """
        if channels == self.images.shape[1]:
            return self
        if (channels, self.images.shape[1]) != (1, 3):
            raise BlurnetError(
                f"images have 1 channel (grey) or 3 (RGB), not {channels}; "
                f"these have {self.images.shape[1]}"
            )
        weights = torch.tensor([19595, 38470, 7471])[:, None, None]
        luma = ((self.images.int() * weights).sum(1, keepdim=True) + 2**15) // 2**16
        return replace(self, images=luma.to(torch.uint8))

    def select(self, indices: Tensor) -> "ImageSet":
        """Give the images at ``indices`` (int64, or a boolean mask of length N), in that order."""
        if indices.dtype == torch.bool:
            indices = indices.nonzero().flatten()
        return ImageSet(
            self.images[indices],
            self.labels[indices],
            self.classes,
            None if self.tracks is None else self.tracks[indices],
            None if self.names is None else tuple(self.names[i] for i in indices.tolist()),
        )

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
        return self._labelled(classes)

    def labelled_as(self, classes: Sequence[str]) -> "ImageSet":
        """Give all images, labelled by their class's place in ``classes``, a network's outputs.

        Raises:
            BlurnetError: if there are images of a class that is not among them.

        """
        missing = [name for name, n in self.counts().items() if n and name not in classes]
        if missing:
            shown = ", ".join(map(repr, missing[:3])) + (" and more" if len(missing) > 3 else "")
            raise BlurnetError(
                f"the data has images of {shown}, not among the network's outputs: "
                f"{', '.join(classes)}"
            )
        return self._labelled(classes)

    def spread(self, count: int) -> "ImageSet":
        """Take at most ``count`` images, evenly over the classes, and evenly within each.

        Neighbours are often frames of one passing, so the first of a class would be alike.
        """
        members = [(self.labels == label).nonzero().flatten() for label in range(len(self.classes))]
        turns = sorted((turn, label) for label, of in enumerate(members) for turn in range(len(of)))
        taken = Counter(label for _, label in turns[: max(count, 0)])
        chosen = [
            members[label][torch.linspace(0, len(members[label]) - 1, number).round().long()]
            for label, number in taken.items()
        ]
        return (
            self.select(torch.cat(chosen).sort().values) if chosen else self.select(members[0][:0])
        )

    def _labelled(self, classes: Sequence[str]) -> "ImageSet":
        new_label = torch.full((len(self.classes),), -1)
        for place, name in enumerate(classes):
            if name in self.classes:
                new_label[self.classes.index(name)] = place
        labels = new_label[self.labels]
        kept = (labels >= 0).nonzero().flatten()
        return replace(self, labels=labels.clamp(min=0), classes=tuple(classes)).select(kept)

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
    """A data set: ``train`` to learn from (it may be empty), ``test`` to be evaluated on."""

    train: ImageSet
    test: ImageSet
