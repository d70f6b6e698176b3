"""The one adapter: any network as images in [0, 1] in, logits out."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models.copying import uncompiled
from blurnet.models.exported import as_module

Logits = str | int | Callable[[Any], Tensor] | None
"""Where a network's output holds the logits."""

Values = float | Sequence[float] | Tensor | None
"""One number, or one a channel."""


class Classifier(nn.Module):
    """A network that takes images in [0, 1] and gives logits, whatever it wants itself.

    Normalisation lives here, so that images, stickers and masks are in [0, 1] everywhere else. The
    images that are given are never changed, even by a network that changes its input in place.

    ::

        Classifier(resnet18(), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=224)

    Args:
        model: any ``nn.Module``, or what ``torch.export`` gives.
        mean: subtracted from the images: one number, or one a channel.
        std: then divided by, likewise.
        logits: where the output holds the logits: the key or attribute, the place in a tuple, or a
            function of the output. None: a tensor, ``.logits``, ``["logits"]``, or the first of a
            tuple.
        classes: the names of the logits, in order; None if they have none.
        size: the height and width that the network takes, one number if they are alike. Images of
            another size are resized to it: bilinear, antialiased, differentiable. None: the network
            gets what is given.

    Raises:
        BlurnetError: for what is no network, a std of 0, or a size below 1.

    Examples:
        >>> net = blurnet.Classifier(model, mean=0.5, std=0.25, size=32, classes=classes)
        >>> tuple(net(torch.rand(2, 3, 48, 48)).shape)
        (2, 3)

    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        model: Any,
        *,
        mean: Values = None,
        std: Values = None,
        logits: Logits = None,
        classes: Sequence[str] | None = None,
        size: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.model: nn.Module = as_module(model)
        self.register_buffer("mean", _a_channel(mean), persistent=False)
        self.register_buffer("std", _a_channel(std), persistent=False)
        if self.std is not None and not bool((self.std > 0).all()):
            raise BlurnetError(f"Classifier: std is above 0, not {std}")
        self.logits = logits
        self.classes = None if classes is None else tuple(classes)
        self.size = _height_and_width(size)
        self._overwrites: dict[bool, bool] = {}

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits.

        Args:
            images: float32 in [0, 1], N × C × H × W; left as they are. Moved to the network's
                device if they are on another.

        Returns:
            N × K, on the images' device.

        Raises:
            BlurnetError: if the network's output holds no logits where they should be.

        """
        if not torch.compiler.is_compiling():
            device = device_of(self.model)
            if device != images.device:
                return self.forward(images.to(device)).to(images.device)
        given = self.normalised(self.resized(images))
        if given is not images:
            return self.picked(self.model(given))
        overwrites = self._overwrites.get(self.training)
        if overwrites is False:
            return self.picked(self.model(images))
        given = images.clone()
        output = self.model(given)
        if overwrites is None and not torch.compiler.is_compiling():
            with torch.no_grad():
                self._overwrites[self.training] = not torch.equal(given, images)
        return self.picked(output)

    def resized(self, images: Tensor) -> Tensor:
        """Give the images in the network's size; themselves if they have it."""
        if self.size is None or tuple(images.shape[-2:]) == self.size:
            return images
        return F.interpolate(
            images, self.size, mode="bilinear", antialias=True, align_corners=False
        )

    def normalised(self, images: Tensor) -> Tensor:
        """Give the images as the network wants them; themselves if it wants them in [0, 1]."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) not in (1, images.shape[1]):
                raise BlurnetError(
                    f"Classifier: {name} is for {len(values)} channels, "
                    f"the images have {images.shape[1]}"
                )
        if self.mean is not None:
            images = images - self.mean.to(images.device)
        return images if self.std is None else images / self.std.to(images.device)

    def picked(self, output: Any) -> Tensor:
        """Give the logits in what the network gave."""
        found = _picked(output, self.logits)
        if not isinstance(found, Tensor):
            raise BlurnetError(
                f"the network gives {_said(output)}, where no logits are found"
                f"{'' if self.logits is None else f' by logits={self.logits!r}'}: say where they "
                "are, as in Classifier(model, logits='out')"
            )
        return found

    def extra_repr(self) -> str:
        """Say the size and the classes."""
        said = [] if self.size is None else [f"size={self.size[0]}×{self.size[1]}"]
        if self.mean is not None:
            said.append(f"mean={self.mean.flatten().tolist()}")
        if self.std is not None:
            said.append(f"std={self.std.flatten().tolist()}")
        if self.classes is not None:
            said.append(f"{len(self.classes)} classes")
        return ", ".join(said)


def as_classifier(model: Any, *, classes: Sequence[str] | None = None) -> Classifier:
    """Give any network as a ``Classifier``.

    Args:
        model: any network; itself if it is a Classifier already.
        classes: the names of its logits, in order; put in if given.

    """
    if not isinstance(model, Classifier):
        return Classifier(model, classes=classes)
    if classes is None or tuple(classes) == model.classes:
        return model
    named = copy(model)
    named.classes = tuple(classes)
    return named


def network_of(model: nn.Module) -> nn.Module:
    """Give the user's network itself, out of a Classifier and what ``torch.compile`` made of it."""
    while isinstance(model := uncompiled(model), Classifier):
        model = model.model
    return model


def _a_channel(values: Values) -> Tensor | None:
    if values is None:
        return None
    return torch.as_tensor(values, dtype=torch.float32).detach().clone().reshape(-1, 1, 1)


def _height_and_width(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2:
        raise BlurnetError(f"Classifier: size is one number of pixels, or height and width: {size}")
    if min(sides) < 1:
        raise BlurnetError(f"Classifier: size is at least 1 pixel, not {size}")
    return sides[0], sides[1]


def _picked(output: Any, logits: Logits) -> Any:
    if logits is None:
        return _likeliest(output)
    if isinstance(logits, str):
        return output.get(logits) if isinstance(output, Mapping) else getattr(output, logits, None)
    if isinstance(logits, int):
        holds = isinstance(output, tuple | list) and -len(output) <= logits < len(output)
        return output[logits] if holds else None
    return logits(output)


def _likeliest(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping) and "logits" in output:
        return output["logits"]
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, tuple | list) and output else None


def _said(output: Any) -> str:
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} of {', '.join(map(str, output))}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"
