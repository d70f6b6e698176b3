"""Train a network under its defense, from whatever holds labelled images."""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from blurnet.data.imageset import ImageSet
from blurnet.errors import BlurnetError
from blurnet.models import as_classifier, check_network, network_of
from blurnet.training import (
    Augment,
    Batches,
    Checkpoints,
    FitSettings,
    History,
    Labelled,
    Progress,
    Source,
    fit,
)
from blurnet.training.batches import Batch, floats

from .defense import Defense
from .harden import defense_of

_CLASSES = "_blurnet_classes"
"""The attribute of a network that ``train`` writes the names of the data's classes to."""

Data = ImageSet | tuple[Tensor, Tensor] | Dataset[Any] | DataLoader[Any] | Batches
"""Labelled images: a set, tensors (images, labels), or what torch calls a dataset or a loader."""


def train(
    net: nn.Module,
    data: Data,
    *,
    defense: Defense | None = None,
    settings: FitSettings | None = None,
    augmentation: Augment | None = None,
    validation: ImageSet | tuple[Tensor, Tensor] | None = None,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> History:
    """Train a network in place: cross-entropy, and what its defense adds.

    A network whose logits have no names yet takes those of an ``ImageSet``'s classes.

    Args:
        net: images in [0, 1] in, logits out; its filters are in it already (``blurnet.harden``).
            Left in evaluation mode.
        data: an ``ImageSet``; a pair of tensors, images (uint8, or float32 in [0, 1],
            N × C × H × W) and labels (int64, N); a torch ``Dataset`` whose items are such an image
            and a label; or a ``DataLoader`` or list of batches, in its own order.
        defense: penalties, augmentation and adversarial training; what the network was hardened
            with by default.
        settings: how to train: epochs, batch size, step size and so on.
        augmentation: changes each batch first, such as ``blurnet.training.SignAugmentation()``.
        validation: images to choose the epoch by, whose weights the network keeps.
        seed: of all chance.
        on_step: called after each step with the steps done and the steps in all.
        on_progress: called after each step with more; see ``blurnet.training.Progress``.
        checkpoints: where and when to keep checkpoints, from which a training that was cut off
            goes on, to the same bits unless the data are a loader's.

    Returns:
        The losses of the epochs, the validation's accuracies and the epoch that was kept.

    Raises:
        BlurnetError: in one line, for data that do not fit the network, a defense whose filters are
            not in it, and a training whose loss stops being a number.

    Examples:
        >>> net = blurnet.harden(model, blurnet.Blur("box", 5))
        >>> history = blurnet.train(
        ...     net,
        ...     blurnet.load_images("folder:signs").train,
        ...     defense=blurnet.Defense(augmentation={"name": "occlusion"}),
        ...     settings=blurnet.FitSettings(epochs=2),
        ... )
        >>> len(history.losses)
        2

    """
    settings = settings or FitSettings()
    hardened = defense_of(net)
    defense = hardened if defense is None else defense
    if defense.filters and not hardened.filters:
        raise BlurnetError(
            "train: the defense has filters and the network has none; put them in first: "
            "net = blurnet.harden(net, defense)"
        )
    source = _source(data, settings.batch_size)
    judged_by = None if validation is None else _labelled(validation)
    for labelled, what in ((source, "the data"), (judged_by, "the validation images")):
        if isinstance(labelled, Labelled):
            _check(net, labelled, what)
    history = fit(
        net,
        source,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
        on_progress=on_progress,
        validation=judged_by,
        penalties=defense.penalties,
        augment=augmentation,
        harden=defense.harden(),
        checkpoints=checkpoints,
    )
    if isinstance(data, ImageSet) and classes_of(net) is None:
        setattr(network_of(net), _CLASSES, data.classes)
    return history


def classes_of(net: nn.Module) -> tuple[str, ...] | None:
    """Give what a network's logits are called: as its Classifier says, or what it was trained on.

    Args:
        net: any network.

    """
    named = as_classifier(net).classes
    return named or vars(network_of(net)).get(_CLASSES)


@dataclass(frozen=True, eq=False)
class LabelledTensors:
    """Images, uint8 or float32 in [0, 1], N × C × H × W, and their labels, int64, N."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dim() != 4 or self.images.dtype not in (torch.uint8, torch.float32):
            raise BlurnetError(
                "images to train on are uint8, or float32 in [0, 1], N × C × H × W; "
                f"found {self.images.dtype}, {tuple(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise BlurnetError(
                f"labels are int64, one for each of {len(self.images)} images; "
                f"found {self.labels.dtype}, {tuple(self.labels.shape)}"
            )
        floating = self.images.is_floating_point() and len(self.images)
        if floating and not (self.images.min() >= 0 and self.images.max() <= 1):
            raise BlurnetError(
                f"images lie in [0, 1]; found {self.images.min():.3g}…{self.images.max():.3g}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """Hash the content (SHA-256, hexadecimal)."""
        digest = hashlib.sha256(repr((self.images.dtype, tuple(self.images.shape))).encode())
        for tensor in (self.images, self.labels):
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
        return digest.hexdigest()


class DatasetBatches:
    """Batches of a torch dataset, each item once an epoch, in an order drawn anew."""

    def __init__(self, dataset: Any, size: int) -> None:
        self.dataset, self.size, self.count = dataset, size, len(dataset)
        self.per_epoch = math.ceil(self.count / size)

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw an epoch's order."""
        return torch.randperm(self.count, generator=generator)

    def batches(self, order: Tensor, start: int) -> Iterator[Batch]:
        """Give an epoch's batches, from the one at ``start`` on."""
        for at in range(start, self.per_epoch):
            yield self._batch(order[at * self.size : (at + 1) * self.size].tolist())

    def fingerprint(self) -> Any:
        """Give the number of items: their content is not known before they come."""
        return {"items": self.count}

    def _batch(self, places: list[int]) -> Batch:
        items = [self.dataset[place] for place in places]
        images = [item[0] for item in items]
        if not all(isinstance(image, Tensor) for image in images):
            raise BlurnetError(
                "a dataset's items are (image, label) with the image a tensor, C × H × W; found "
                f"{type(images[0]).__name__} (torchvision's ToTensor makes one)"
            )
        return torch.stack(images), torch.tensor([int(item[1]) for item in items])


def _source(data: Any, size: int) -> Labelled | Batches | Source:
    if isinstance(data, tuple) and any(isinstance(part, ImageSet) for part in data):
        raise BlurnetError("train: one set of images is needed; give data.train, not both parts")
    if isinstance(data, ImageSet) or _is_pair(data):
        return _labelled(data)
    if isinstance(data, Dataset) and not hasattr(data, "__iter__"):
        if not hasattr(data, "__len__"):
            raise BlurnetError("train: the dataset has no length; give a DataLoader, or tensors")
        return DatasetBatches(data, size)
    batches: Batches = data
    return batches


def _labelled(data: Any) -> Labelled:
    if isinstance(data, ImageSet):
        return data
    if not _is_pair(data):
        raise BlurnetError(
            f"images and labels are an ImageSet, or a pair of tensors; found {type(data).__name__}"
        )
    return LabelledTensors(*data)


def _is_pair(data: Any) -> bool:
    return (
        isinstance(data, tuple | list)
        and len(data) == 2
        and all(isinstance(part, Tensor) for part in data)
    )


def _check(net: nn.Module, data: Labelled, what: str) -> None:
    """Refuse data that do not fit the network."""
    if not len(data):
        raise BlurnetError(f"{what}: no images")
    logits = check_network(net, floats(data.images[:1], next(net.parameters()).device))
    lowest, highest = int(data.labels.min()), int(data.labels.max())
    if lowest < 0 or highest >= logits:
        raise BlurnetError(
            f"{what}: labels are {lowest}…{highest}, and the network has {logits} outputs"
        )
    named = getattr(data, "classes", None)
    its_own = classes_of(net)
    if its_own is not None and named is not None and its_own != tuple(named):
        raise BlurnetError(
            f"{what}: the classes are {', '.join(named)}, and the network's outputs are called "
            f"{', '.join(its_own)}; they must be the same, in the same order "
            "(data.subset(classes) puts them so)"
        )
