"""What a training learns from: signs in a new order each epoch, or batches as they come."""

import math
from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from blurnet.errors import BlurnetError

Batch = tuple[Tensor, Tensor]
"""Images, uint8 or float32 in [0, 1], N × C × H × W; and labels, int64, N."""

Batches = Iterable[Batch]


@runtime_checkable
class Labelled(Protocol):
    """Images in memory with their labels, such as an ``ImageSet``."""

    @property
    def images(self) -> Tensor:
        """Uint8, or float32 in [0, 1], N × C × H × W."""

    @property
    def labels(self) -> Tensor:
        """Int64, N."""

    def __len__(self) -> int:
        """Count the images."""

    def fingerprint(self) -> str:
        """Hash the content."""


@runtime_checkable
class Source(Protocol):
    """Where the loop's batches come from."""

    per_epoch: int
    """How many of them make an epoch."""

    count: int
    """How many images ``order`` puts in an order; 0 where it is not ours."""

    def order(self, generator: torch.Generator, /) -> Tensor:
        """Draw an epoch's order."""

    def batches(self, order: Tensor, start: int, /) -> Iterator[Batch]:
        """Give an epoch's batches, from the one at ``start`` on."""

    def fingerprint(self) -> Any:
        """Tell this source from others, as JSON can hold it."""


class SignBatches:
    """Batches of a set of signs, each image once an epoch."""

    def __init__(self, signs: Labelled, size: int) -> None:
        self.signs, self.size = signs, size
        self.per_epoch, self.count = math.ceil(len(signs) / size), len(signs)

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw an epoch's order."""
        return torch.randperm(len(self.signs), generator=generator)

    def batches(self, order: Tensor, start: int) -> Iterator[Batch]:
        """Give an epoch's batches, from the one at ``start`` on."""
        for at in range(start, self.per_epoch):
            batch = order[at * self.size : (at + 1) * self.size]
            yield self.signs.images[batch], self.signs.labels[batch]

    def fingerprint(self) -> str:
        """Hash the signs."""
        return self.signs.fingerprint()


class GivenBatches:
    """Batches that something else makes, such as a torch DataLoader; it decides their order."""

    def __init__(self, batches: Batches) -> None:
        if not isinstance(batches, Sized) or isinstance(batches, Iterator):
            raise BlurnetError(
                "batches to train on are an iterable that has a length and can be gone through "
                "once an epoch, such as a torch DataLoader or a list of (images, labels); "
                f"found {type(batches).__name__}"
            )
        self.given, self.per_epoch, self.count = batches, len(batches), 0

    def order(self, _generator: torch.Generator) -> Tensor:
        """Give nothing: the order is not ours."""
        return torch.arange(0)

    def batches(self, _order: Tensor, start: int) -> Iterator[Batch]:
        """Give an epoch's batches, from the one at ``start`` on."""
        done = start
        for images, labels in islice(self.given, start, self.per_epoch):
            done += 1
            yield images, labels
        if done < self.per_epoch:
            raise BlurnetError(
                f"the batches to train on have a length of {self.per_epoch} and ended after {done}"
            )

    def fingerprint(self) -> Any:
        """Give their number: their content is not known before they come."""
        return {"batches": self.per_epoch}


def source_of(signs: Labelled | Batches | Source, size: int) -> Source:
    """Make what the loop reads; itself, if it is that already.

    Raises:
        BlurnetError: if there is nothing to learn from, or the batches have no length.

    """
    source: Source
    if isinstance(signs, Labelled):
        source = SignBatches(signs, size)
    else:
        source = signs if isinstance(signs, Source) else GivenBatches(signs)
    if not source.per_epoch:
        raise BlurnetError("no images to train on")
    return source


def floats(images: Tensor, device: torch.device) -> Tensor:
    """Give images as the network takes them: float32 in [0, 1], on its device."""
    here = images.to(device)
    return here.float().div_(255) if here.dtype == torch.uint8 else here
