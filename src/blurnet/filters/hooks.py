"""Filters inside a network: forward hooks of its layers, which keep their names.

A filter is a hook, and its kernels are a tensor of the layer that it filters: a buffer that is not
saved, or, trainable, one parameter more. So the network's weights have the names they had: old ones
load, saved ones load elsewhere; and no code that goes through a layer's children meets a new one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from blurnet.errors import BlurnetError
from blurnet.filters.awaiting import Awaiting
from blurnet.filters.layer import DepthwiseFilter, Padding, blurred

KERNEL = "blur_kernel"
"""What a filter's kernels are called in the layer that it filters: ``conv1.blur_kernel``."""

ACTIVATION = "+activation"
"""Written behind a layer's name for what its functional activation gives."""

INPUT = "input"
"""Written instead of a layer's name for what the network itself gets."""


@dataclass(frozen=True)
class BlurHook:
    """Filters what a layer gives, or what the network gets.

    Args:
        kernel: what its kernels are called in the layer: C × 1 × k × k.
        padding: what lies beyond the border.
        place: where it stands, as ``Blur.after`` says it.

    """

    kernel: str
    padding: Padding
    place: str

    def __call__(self, layer: nn.Module, _args: Any, output: Any) -> Any:
        """Filter the layer's output, now or after its activation."""
        if isinstance(output, Awaiting):
            if not self.place.endswith(ACTIVATION):
                output.output = self.filtered(layer, output.output)
                return output
        elif not self.place.endswith(ACTIVATION):
            return self.filtered(layer, output)
        else:
            output = awaiting(output, self.place)
        output.changes.append(lambda maps: self.filtered(layer, maps))
        return output

    def before(self, network: nn.Module, args: Any, kwargs: Any) -> Any:
        """Filter the network's input."""
        if args:
            return (self.filtered(network, args[0]), *args[1:]), kwargs
        name = next(iter(kwargs))
        return args, kwargs | {name: self.filtered(network, kwargs[name])}

    def filtered(self, layer: nn.Module, maps: Any) -> Tensor:
        """Filter N × C × H × W maps."""
        kernel = getattr(layer, self.kernel)
        if not isinstance(maps, Tensor) or maps.dim() != 4 or maps.shape[1] != len(kernel):
            raise BlurnetError(
                f"the filter at {self.place} was put in for maps N × {len(kernel)} × H × W; "
                f"it got {_said(maps)}"
            )
        return blurred(maps, kernel, self.padding)

    def __str__(self) -> str:
        return self.place


class _InputHook:
    """The pre-hook of an input filter."""

    def __init__(self, blur: BlurHook) -> None:
        self.blur = blur

    def __call__(self, network: nn.Module, args: Any, kwargs: Any) -> Any:
        return self.blur.before(network, args, kwargs)


class _Said:
    """A layer's ``extra_repr``, with its filters."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self) -> str:
        said = type(self.layer).extra_repr(self.layer)
        filters = ", ".join(
            f"{'before' if each.place == INPUT else 'then'}: {each}"
            for each in _filters_at(self.layer)
        )
        return ", ".join(part for part in (said, filters) if part)


class Inserted(NamedTuple):
    """A filter that stands in a network.

    Args:
        place: as ``Blur.after`` says it.
        kernels: C × 1 × k × k; a parameter if they are learned.
        padding: what lies beyond the border.
        layer: the layer that holds the kernels.

    """

    place: str
    kernels: Tensor
    padding: Padding
    layer: nn.Module

    @property
    def trainable(self) -> bool:
        """Whether the kernels are learned with the network."""
        return isinstance(self.kernels, nn.Parameter)

    def __str__(self) -> str:
        count, size = self.kernels.shape[0], self.kernels.shape[-1]
        kind = f"{count} trainable kernels" if self.trainable else "fixed"
        after = " after its activation" if self.place.endswith(ACTIVATION) else ""
        return f"blur {size}×{size}{after}, {self.padding}, {kind}"


def put_in(network: nn.Module, place: str, filter: DepthwiseFilter, example: Tensor) -> None:
    """Put a filter into a network, in place.

    Args:
        network: changed.
        place: a layer's name, with ``ACTIVATION`` or not, or ``INPUT``.
        filter: the filter.
        example: what it is to filter, N × C × H × W.

    """
    name = place.removesuffix(ACTIVATION)
    layer = network if place == INPUT else submodule(network, name)
    taken = {*layer._buffers, *layer._parameters}
    attribute = next(
        each for each in (KERNEL, *(f"{KERNEL}_{n}" for n in range(2, 100))) if each not in taken
    )
    channels = example.shape[1]
    kernels = filter.kernel.detach().to(example.device)
    kernels = kernels.expand(channels, *kernels.shape[1:]).clone(
        memory_format=torch.contiguous_format
    )
    if filter.trainable:
        layer.register_parameter(attribute, nn.Parameter(kernels))
    else:
        layer.register_buffer(attribute, kernels, persistent=False)
    hook = BlurHook(attribute, filter.padding, place)
    if place == INPUT:
        layer.register_forward_pre_hook(_InputHook(hook), with_kwargs=True)
    else:
        layer.register_forward_hook(hook)
    layer.extra_repr = _Said(layer)  # type: ignore[method-assign]


def is_blur_hook(hook: object) -> bool:
    """Whether a forward hook, or forward pre-hook, of a layer is a filter put in by blurnet."""
    return isinstance(hook, BlurHook | _InputHook)


def filters_of(model: nn.Module) -> list[Inserted]:
    """Give the filters that stand in a network, in the order of its layers; each once."""
    return [each for layer in model.modules() for each in _filters_at(layer)]


def _filters_at(layer: nn.Module) -> Iterator[Inserted]:
    hooks = [
        hook.blur for hook in layer._forward_pre_hooks.values() if isinstance(hook, _InputHook)
    ]
    hooks += [hook for hook in layer._forward_hooks.values() if isinstance(hook, BlurHook)]
    for hook in hooks:
        yield Inserted(hook.place, getattr(layer, hook.kernel), hook.padding, layer)


def watch(model: nn.Module, place: str, see: Callable[[Any], None]) -> RemovableHandle:
    """Have a function see what a layer gives, or its functional activation, at every run.

    Args:
        model: any network; ``handle.remove()`` gives it back as it was.
        place: a layer's name; or the name and ``+activation``.
        see: gets the output, filtered if a filter stands there.

    """
    layer = submodule(model, place.removesuffix(ACTIVATION))

    def seen(maps: Tensor) -> Tensor:
        see(maps)
        return maps

    def hook(_layer: nn.Module, _args: Any, output: Any) -> Any:
        if not place.endswith(ACTIVATION):
            see(output.output if isinstance(output, Awaiting) else output)
            return None
        if not isinstance(output, Awaiting):
            output = awaiting(output, place)
        output.changes.append(seen)
        return output

    return layer.register_forward_hook(hook)


def awaiting(output: Any, place: str) -> Awaiting:
    """Wrap a layer's output until its activation."""
    if not isinstance(output, Tensor):
        raise BlurnetError(f"{place}: the layer gives {_said(output)}, no tensor")
    return Awaiting(output, place)


def submodule(model: nn.Module, name: str) -> nn.Module:
    """Give the layer of a dotted name, any of its names.

    Raises:
        BlurnetError: if there is none; the message lists the layers.

    """
    named: dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
    if not name or name not in named:
        there = ", ".join(each for each in named if each)
        raise BlurnetError(f"no layer {name!r} in the network; there are: {there}")
    return named[name]


def _said(output: Any) -> str:
    if isinstance(output, Tensor):
        return " × ".join(map(str, output.shape)) or "a scalar"
    return f"a {type(output).__name__}"
