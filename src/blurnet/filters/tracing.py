"""What a network runs: its layers in order, what follows each, and where its convolutions are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.filters.awaiting import Awaiting, function_name, is_activation
from blurnet.models import as_module, copy_of, evaluating, network_of
from blurnet.models.exported import ExportedLayer
from blurnet.models.inputs import one_line

_CONVOLUTIONS = frozenset({"conv2d", "convolution", "_convolution", "mkldnn_convolution"})

_ACTIVATION_MODULES = frozenset(nn.modules.activation.__all__)


@dataclass(frozen=True)
class Layer:
    """One layer of a network, as it ran on an example.

    Args:
        name: as ``Blur.after`` takes it.
        type: the class of its module.
        shape: of its output, at its last run; () if that is no tensor.
        runs: how often it ran.
        followed_by: what gets its output first: a layer's name, or the name of a function that the
            network's code calls; "" for nothing.
        activation: the activation among the functions that get it, such as "relu"; then
            ``name+activation`` is a place too. None if there is none.
        filterable: whether its output is N × C × H × W.
        first_convolution: whether it is the first convolution, where a blur goes by default.

    """

    name: str
    type: str
    shape: tuple[int, ...]
    runs: int
    followed_by: str
    activation: str | None
    filterable: bool
    first_convolution: bool


def layers(model: nn.Module, example: Tensor) -> list[Layer]:
    """Give the layers that ran, in order.

    Args:
        model: any network; run once in evaluation mode and left as it was. Of a Classifier, the
            layers of the network in it.
        example: images that it takes, N × C × H × W.

    Raises:
        BlurnetError: if the network does not take the example; it says what the network said.

    """
    return trace(model, example).layers()


def layer_shapes(model: nn.Module, example: Tensor) -> dict[str, tuple[int, ...]]:
    """Give the shape of every layer's output, in the order in which they first ran.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: images that it takes, N × C × H × W.

    Returns:
        The layer's dotted name → the shape of the tensor it gave (the last, if it ran twice).
        Layers that gave no tensor, or did not run, are left out.

    """
    return {layer.name: layer.shape for layer in layers(model, example) if layer.shape}


@dataclass
class _Run:
    """What was seen of one layer."""

    runs: int = 0
    output: Any = None
    convolves: bool = False
    followed_by: str = ""
    activation: str | None = None


@dataclass
class Trace:
    """What ran, as it was seen from outside.

    Args:
        network: what ran.
        example: on what.
        given: what the network itself got.
        names: the names of each module; the first is the one it is listed by.
        runs: what was seen of each, in the order in which they first ran.
        convolutions_by_function: how often any code called a convolution.

    """

    network: nn.Module
    example: Tensor
    given: Tensor | None = None
    names: dict[nn.Module, list[str]] = field(default_factory=dict)
    runs: dict[nn.Module, _Run] = field(default_factory=dict)
    convolutions_by_function: int = 0

    def layers(self) -> list[Layer]:
        """Give the layers, but not the network itself."""
        first = self.first_convolution()
        found = []
        for module, seen in self.runs.items():
            shape = tuple(seen.output.shape) if isinstance(seen.output, Tensor) else ()
            found.append(
                Layer(
                    name=self.names[module][0],
                    type=_type(module),
                    shape=shape,
                    runs=seen.runs,
                    followed_by=seen.followed_by,
                    activation=seen.activation,
                    filterable=len(shape) == 4,
                    first_convolution=module is first,
                )
            )
        return found

    def first_convolution(self) -> nn.Module | None:
        """Give the layer that is a convolution and gave its maps first."""
        for module, seen in self.runs.items():
            if seen.convolves and isinstance(seen.output, Tensor) and seen.output.dim() == 4:
                return module
        return None

    def ran(self, name: str) -> bool:
        """Whether the layer of that name, any of its names, ran."""
        return any(name in self.names[module] for module in self.runs)

    def output(self, name: str) -> Any:
        """Give what the layer of that name, any of its names, gave last; None if it did not run."""
        for module, names in self.names.items():
            if name in names and module in self.runs:
                return self.runs[module].output
        return None


def trace(model: nn.Module, example: Tensor) -> Trace:
    """Run a network once and look on.

    Args:
        model: any network; what ``torch.compile`` made of it runs as it was before.
        example: images that it takes.

    Raises:
        BlurnetError: if the network does not take the example.

    """
    model = as_module(model)
    if _compiled(model):
        model = copy_of(model)
    network = network_of(model)
    if isinstance(network, torch.jit.ScriptModule):
        raise BlurnetError(
            "the layers of a scripted network cannot be changed: give the nn.Module it is from"
        )
    seen = Trace(network, example.to(device_of(network)))
    for name, module in network.named_modules(remove_duplicate=False):
        if name:
            seen.names.setdefault(module, []).append(name)
    watching = _Watch(seen)
    with torch.no_grad(), evaluating(model), _hooked(network, watching), watching:
        try:
            model(seen.example.clone())  # a network may change its input
        except BlurnetError:
            raise
        except Exception as error:
            shape = " × ".join(map(str, example.shape[1:]))
            raise BlurnetError(
                f"the network does not take images of {shape}: it said: {one_line(error)}"
            ) from error
    return seen


class _Watch(TorchFunctionMode):
    """Sees the functions that are called, and which layer is running."""

    def __init__(self, seen: Trace) -> None:
        super().__init__()
        self.seen = seen
        self.running: list[tuple[nn.Module, Any]] = []
        self.gave: dict[int, list[nn.Module]] = {}
        self.convolved: set[int] = set()
        self.kept: list[Any] = []  # so that no tensor gets the id of one that is gone

    def starts(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Note that a layer starts."""
        given = _tensor(args[0] if args else next(iter(kwargs.values()), None))
        self.running.append((module, given))
        if module is self.seen.network:
            self.seen.given = given
            return
        self.seen.runs.setdefault(module, _Run()).runs += 1
        if not any(module.children()):
            self._follows(given, self.seen.names[module][0])

    def computed(self, module: nn.Module, _args: Any, output: Any) -> None:
        """Note whether a layer's output, not yet filtered, is that of a convolution."""
        if module is not self.seen.network:
            own = id(_tensor(output)) in self.convolved
            self.seen.runs[module].convolves = own or isinstance(module, nn.Conv2d)

    def gives(self, module: nn.Module, _args: Any, output: Any) -> None:
        """Note what a layer gives."""
        _, given = self.running.pop()
        output = _tensor(output)
        self.kept.append(output)
        self.convolved.discard(id(output))
        if module is not self.seen.network:
            self.seen.runs[module].output = output
            before = [] if output is given else self.gave.get(id(output), [])
            self.gave[id(output)] = [*before, module]

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        output = function(*args, **kwargs)
        name = function_name(function)
        if isinstance(output, Tensor) and not name.startswith("__get"):
            self.kept.append(output)
            if name in _CONVOLUTIONS:
                self.convolved.add(id(output))
                self.seen.convolutions_by_function += 1
            inside = self.running[-1][0] if self.running else None
            given = _tensor(args[0] if args else kwargs.get("input"))
            loose = _type(inside) not in _ACTIVATION_MODULES
            self._follows(given, name, name if loose and is_activation(name) else None)
            if output is given:
                self.gave.pop(id(output), None)
        return output

    def _follows(self, given: Any, what: str, activation: str | None = None) -> None:
        running = {module for module, _ in self.running}
        for module in self.gave.get(id(given), ()):
            if module not in running:
                seen = self.seen.runs[module]
                seen.followed_by = seen.followed_by or what
                seen.activation = seen.activation or activation


@contextmanager
def _hooked(network: nn.Module, watching: _Watch) -> Iterator[None]:
    handles: list[RemovableHandle] = []
    for module in network.modules():
        handles += [
            module.register_forward_pre_hook(watching.starts, with_kwargs=True),
            module.register_forward_hook(watching.computed, prepend=True),
            module.register_forward_hook(watching.gives),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tensor(value: Any) -> Any:
    return value.output if isinstance(value, Awaiting) else value


def _type(module: nn.Module | None) -> str:
    return module.kind if isinstance(module, ExportedLayer) else type(module).__name__


def _compiled(model: nn.Module) -> bool:
    return any(
        "_orig_mod" in module._modules or module._compiled_call_impl is not None
        for module in model.modules()
    )
