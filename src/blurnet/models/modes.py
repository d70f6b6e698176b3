"""A network borrowed for looking, and given back as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import nn

Model = TypeVar("Model", bound=nn.Module)


@contextmanager
def evaluating(model: Model) -> Iterator[Model]:
    """Put a network in evaluation mode, and each of its modules back in its own mode after.

    Args:
        model: any network. A part that ``torch.export`` made has no modes and stays as it is.

    """
    modes = {module: module.training for module in model.modules()}
    _switch(model, False)
    try:
        yield model
    finally:
        _switch(model, modes[model])
        for module, mode in modes.items():
            module.training = mode


def _switch(model: nn.Module, training: bool) -> None:
    """Call ``train(mode)``, which a network may have changed; else the modules' that have one."""
    try:
        model.train(training)
    except NotImplementedError:  # an exported part
        model.training = training
        for child in model.children():
            _switch(child, training)
