"""Straight through layers that stop the gradient: BPDA (Athalye et al., arXiv 1802.00420)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images
from blurnet.errors import BlurnetError
from blurnet.filters import submodule
from blurnet.models import Classifier, as_classifier, copy_of, evaluating, network_of


def straight_through(
    model: nn.Module, layers: Sequence[str] | None = None, *, example: Tensor | None = None
) -> Classifier:
    """Give a copy of a network that answers alike, with a gradient through layers that have none.

    The gradient passes such a layer as if it gave what it got: rounding, quantisation, JPEG. Attack
    the copy, whatever the attack, and judge by the network itself.

    Args:
        model: any network; left as it is.
        layers: dotted names of layers that give what they get in shape; None for those that
            ``stops_gradient`` finds on the example.
        example: images, float32 in [0, 1], N × C × H × W; needed without layers.

    Raises:
        BlurnetError: if there is no such layer, none is found, or one changes the shape.

    Examples:
        >>> class Rounding(torch.nn.Module):
        ...     def forward(self, maps):
        ...         return (maps * 16).round() / 16
        >>> hidden = torch.nn.Sequential(Rounding(), model)
        >>> attacked = blurnet.attacks.straight_through(hidden, example=images)

    """
    if layers is None:
        if example is None:
            raise BlurnetError("straight_through: name the layers, or give an example image")
        layers = stops_gradient(model, example)
        if not layers:
            raise BlurnetError(
                "straight_through: no layer that keeps its input's shape stops the gradient; what "
                "stops it is no layer of its own: write it as a torch.nn.Module"
            )
    copied = as_classifier(copy_of(model))
    for name in layers:
        submodule(network_of(copied), name).register_forward_hook(partial(_pass, name))
    return copied


def stops_gradient(model: nn.Module, example: Tensor) -> tuple[str, ...]:
    """Name the innermost layers that give what they get in shape, and whose gradient is 0.

    Args:
        model: any network; run in evaluation mode and left as it was.
        example: images, float32 in [0, 1], N × C × H × W.

    """
    check_images(example)
    network, found = as_classifier(model), []
    inside = False

    def look(name: str, layer: nn.Module, args: Any, output: Any) -> None:
        nonlocal inside
        given = args[0] if args else None
        if inside or not (isinstance(given, Tensor) and isinstance(output, Tensor)):
            return
        if given.shape != output.shape or not given.is_floating_point():
            return
        inside = True
        with torch.enable_grad():
            variable = given.detach().clone().requires_grad_()
            again = layer(variable, *args[1:])
            gradient = None
            if again.requires_grad:
                (gradient,) = torch.autograd.grad(again.sum(), variable, allow_unused=True)
        inside = False
        if gradient is None or not gradient.any():
            found.append(name)

    handles = [
        layer.register_forward_hook(partial(look, name))
        for name, layer in network_of(network).named_modules()
        if not any(layer.children())
    ]
    try:
        with evaluating(network), torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(dict.fromkeys(found))


def _pass(name: str, _layer: nn.Module, args: Any, output: Any) -> Tensor:
    given = args[0]
    if not isinstance(output, Tensor) or given.shape != output.shape:
        raise BlurnetError(f"straight_through: layer {name!r} does not give what it gets in shape")
    passed: Tensor = given + (output - given).detach()
    return passed
