"""Put a filter into any network: before it, or after one of its layers."""

from collections import OrderedDict
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.memory import keep_freed_memory
from blurnet.models.modes import evaluating


class Filtered(nn.Module):
    """A layer and the filter of its output, in the layer's place.

    What the network's own code reads from the layer (``self.conv1.weight``, ``self.stem[0]``) is
    still found.
    """

    def __init__(self, layer: nn.Module, filter: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.filter = filter

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("layer"), name)

    def __getitem__(self, key: Any) -> Any:
        return self.layer[key]  # type: ignore[index]

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Run the layer, then the filter."""
        filtered: Tensor = self.filter(self.layer(*args, **kwargs))
        return filtered


def layer_shapes(model: nn.Module, example: Tensor) -> dict[str, tuple[int, ...]]:
    """Give the shape of every named layer's output.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes, such as images N × 3 × H × W.

    Returns:
        The layer's dotted name → the shape of the tensor it gave (the last, if it ran twice).
        Layers that gave no tensor, or did not run, are left out.

    """
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes[name] = tuple(output.shape)

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in _layers(model).items()]
    try:
        with torch.no_grad(), evaluating(model):
            model(example)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def insert_after(
    model: nn.Module,
    layer: str,
    filter: nn.Module,
    *,
    example: Tensor | None = None,
) -> nn.Module:
    """Give a copy of a network in which a filter follows one layer.

    Args:
        model: any network; it is left as it is, and the copy shares nothing with it.
        layer: the dotted name of the layer, as ``model.named_modules()`` gives it. If the network
            runs the layer several times, each output is filtered.
        filter: a layer from N × C × H × W to the same shape, such as a ``DepthwiseFilter``.
        example: an input that the network takes; with it, a layer whose output cannot be filtered
            is found here rather than at the first use.

    Returns:
        The new network. ``print`` shows the filter where it stands.

    Raises:
        BlurnetError: if there is no such layer, or its output on ``example`` cannot be filtered;
            the message lists the layers that would do.

    """
    layers = _layers(model)
    shapes = {} if example is None else layer_shapes(model, example)
    fitting = [name for name in layers if example is None or len(shapes.get(name, ())) == 4]
    if layer not in layers:
        raise BlurnetError(f"no layer {layer!r} in the network; there are: {', '.join(fitting)}")
    if example is not None and layer not in fitting:
        found = " × ".join(map(str, shapes.get(layer, ()))) or "no tensor"
        raise BlurnetError(
            f"the output of layer {layer!r} is {found}; a filter needs N × C × H × W, "
            f"which these give: {', '.join(fitting)}"
        )
    check = getattr(filter, "check", None)
    if check is not None and layer in shapes:
        try:
            check(shapes[layer])
        except BlurnetError as error:
            raise BlurnetError(f"after layer {layer!r}: {error}") from None
    keep_freed_memory()
    copy = deepcopy(model)
    parent, _, name = layer.rpartition(".")
    setattr(copy.get_submodule(parent), name, Filtered(copy.get_submodule(layer), deepcopy(filter)))
    return copy


def insert_before(model: nn.Module, filter: nn.Module) -> nn.Module:
    """Give a copy of a network whose input is filtered first.

    Args:
        model: any network that takes N × C × H × W; it is left as it is.
        filter: a layer that keeps that shape, such as a ``DepthwiseFilter``.

    Returns:
        A sequence of two, ``filter`` and ``network``. Layers of the network are then called
        ``network.conv1`` and so on: put filters after them first.

    """
    return nn.Sequential(OrderedDict(filter=deepcopy(filter), network=deepcopy(model)))


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in model.named_modules() if name}
