"""What an attack or an evaluation is given: refused in one line before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.attacks.check import ABOVE
from blurnet.defenses.train import classes_of
from blurnet.errors import BlurnetError
from blurnet.models import Classifier, as_classifier, check_network


@dataclass(frozen=True)
class Understood:
    """A network that was found to be a classifier.

    Args:
        model: images in [0, 1] in, logits out.
        logits: how many it gives.
        names: what they are called, if they have names.

    """

    model: Classifier
    logits: int
    names: tuple[str, ...] | None

    @property
    def called(self) -> tuple[str, ...]:
        """The classes' names, or their numbers."""
        return self.names or tuple(map(str, range(self.logits)))


def understood(
    model: nn.Module, images: Tensor, classes: Sequence[str] | None = None
) -> Understood:
    """Check that a network is a classifier of such images.

    Args:
        model: any network; see ``blurnet.Classifier``.
        images: as it gets them, N × C × H × W; it is asked about the first.
        classes: what the logits are called; what the network says itself by default.

    Raises:
        BlurnetError: if it is none, or there are not as many names as logits, or two are alike.

    """
    network = as_classifier(model, classes=classes or classes_of(model))
    logits, names = check_network(network, images[:1]), network.classes
    if names is not None and len(set(names)) < len(names):
        raise BlurnetError(f"class names differ from each other; found {_listed(names)}")
    return Understood(network, logits, names)


def class_index(
    given: str | int, network: Understood, what: str, beside: Sequence[str] = ()
) -> int:
    """Find a class by its name or index.

    Args:
        given: what the user wrote.
        network: whose class it is.
        what: what the class is for, such as "target", for the error's text.
        beside: what else can be written there, for the error's text.

    Raises:
        BlurnetError: if there is no such class; the message lists those that there are.

    """
    names, last = network.names, network.logits - 1
    if isinstance(given, str):
        if names is None:
            raise BlurnetError(
                f"{what} {given!r}: the network's classes have no names; give classes=, a name for "
                f"each of its {network.logits} logits, or an index, 0…{last}"
            )
        if given not in names:
            raise BlurnetError(
                f"{what} {given!r}: no such class; there are: {_listed((*beside, *names))}"
            )
        return names.index(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise BlurnetError(
            f"{what} {given!r}: a class's name or index is needed; found {type(given).__name__}"
        )
    if not 0 <= given <= last:
        listed = f": {_listed(names)}" if names else ""
        raise BlurnetError(
            f"{what} {given}: the network has {network.logits} classes, 0…{last}{listed}"
        )
    return given


Labels = str | int | Sequence[str | int] | Tensor
"""One class for all images, by name or index, or one for each image."""


def labels_of(given: Labels, network: Understood, images: int, what: str = "true") -> Tensor:
    """Give each image's class, int64, N.

    Args:
        given: one class for all images, or one for each.
        network: whose classes they are.
        images: N.
        what: what the argument is called, for the error's text.

    Raises:
        BlurnetError: if the labels are not as many as the images, or are none of the classes.

    """
    if isinstance(given, Tensor):
        if given.is_floating_point() or given.dtype == torch.bool or given.dim() > 1:
            raise BlurnetError(
                f"{what}: labels are int64, one for each image; "
                f"found {given.dtype}, {tuple(given.shape)}"
            )
        given = given.tolist()
    if isinstance(given, (str, int)):
        return torch.full((images,), class_index(given, network, what))
    each = [class_index(label, network, what) for label in given]
    if len(each) != images:
        raise BlurnetError(
            f"{what}: {len(each)} labels for {images} images; give one class for all, or one label "
            "for each image"
        )
    return torch.tensor(each)


def pixels_of(mask: Tensor) -> int:
    """Count the sticker's pixels, those above ``ABOVE``; of several masks the largest."""
    return int((mask > ABOVE).flatten(-2).sum(-1).max())


def of_image(mask: Tensor, chosen: Tensor) -> Tensor:
    """Give the masks of the images at ``chosen``, int64; one for all stays one."""
    return mask if mask.dim() == 2 else mask[chosen]


def _listed(names: Sequence[str], most: int = 30) -> str:
    """List names, not more than fit in a line or two."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
