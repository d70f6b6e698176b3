"""Save a network with what it is, and load it again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from blurnet.models import Classifier

from .recipe import Recipe


def save(
    model: nn.Module,
    path: str | Path,
    *,
    classes: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    **metadata: Any,
) -> None:
    """Write a network as one safetensors file, its weights under their own names.

    Args:
        model: any network, hardened or not, or a Classifier.
        path: the file, or a folder, which gets a ``network.safetensors``.
        classes: the names of its logits, in order; None: the Classifier's own.
        recipe: how it was made, if it was made by one.
        metadata: what else to write beside, as JSON; ``model="file.py:callable"`` lets ``load``
            build the network.

    """
    raise NotImplementedError


def load(
    path: str | Path, model: nn.Module | Callable[..., nn.Module] | str | None = None
) -> Classifier:
    """Read a network that ``save`` wrote, hardened as it was.

    Args:
        path: the file, or the folder that holds ``network.safetensors``.
        model: the network without its filters, what builds it, or its name as for
            ``import_model``; None: what the file says.

    """
    raise NotImplementedError
