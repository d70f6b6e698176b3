"""Any network, run while it is watched: what its layers and functional activations give."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.filters import ACTIVATION
from blurnet.filters.awaiting import Awaiting, function_name, is_activation
from blurnet.models import evaluating, network_of
from blurnet.models.exported import ExportedLayer
from blurnet.models.inputs import one_line
from blurnet.models.memory import Pieces

ACTIVATIONS = frozenset(nn.modules.activation.__all__)
"""The types of layers that are activations."""

Keep = Callable[[str, int, Any], None]
"""Told a layer's name, the how many-th time it runs, and what it gave."""


def names_of(model: nn.Module) -> list[str]:
    """List the dotted names of a network's layers; a layer that has two names has both."""
    return list(_modules(model))


def given_maps(
    model: nn.Module, images: Tensor, layers: Sequence[str], piece: int
) -> dict[str, Tensor]:
    """Give the maps of some layers; see ``layer_maps``, which says how they are named.

    Raises:
        BlurnetError: if a layer did not run, or gives no N × K × H × W.

    """
    asked = {layer: _parsed(layer) for layer in layers}

    def maps_of(part: slice) -> dict[str, Tensor]:
        kept: dict[str, Tensor] = {}

        def keep(name: str, run: int, output: Any) -> None:
            for layer, (asked_name, asked_run) in asked.items():
                if name == asked_name and asked_run in {None, run} and isinstance(output, Tensor):
                    kept[layer] = _maps(layer, output).clone()  # what follows may work in place

        _run(model, images[part], keep, {name for name, _ in asked.values()})
        for layer in layers:
            if layer not in kept:
                raise BlurnetError(f"layer {layer!r} did not run, or gave no tensor")
        return {layer: maps.to(images.device) for layer, maps in kept.items()}

    parts = [found for _, found in Pieces(piece).run(len(images), maps_of)]
    return {layer: torch.cat([part[layer] for part in parts]) for layer in layers}


def map_shapes(
    model: nn.Module, example: Tensor, *, activations: bool = False
) -> dict[str, tuple[int, int]]:
    """Give height and width of the maps of all layers without layers inside, in running order.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes.
        activations: of activations alone, each once; else of one that runs several times, each.

    Returns:
        Name, as ``layer_maps`` takes it, → height and width.

    """
    modules = _modules(model)
    given: list[tuple[str, int, tuple[int, int]]] = []

    def keep(name: str, run: int, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            given.append((name, run, (output.shape[2], output.shape[3])))

    _run(model, example, keep, None)
    runs = Counter(name for name, _, _ in given)
    shapes: dict[str, tuple[int, int]] = {}
    for name, run, shape in given:
        module = modules[name.removesuffix(ACTIVATION)]
        if not _leaf(module):
            continue
        if not activations:
            shapes[f"{name}:{run}" if runs[name] > 1 else name] = shape
        elif name.endswith(ACTIVATION) or _type(module) in ACTIVATIONS:
            shapes[name] = shape
    return shapes


def _run(model: nn.Module, images: Tensor, keep: Keep, names: Collection[str] | None) -> None:
    """Run a network and tell ``keep`` what the named layers give, in order; all, if None."""
    functions = _Functions(keep)
    handles: list[RemovableHandle] = []
    watched: dict[nn.Module, list[str]] = {}
    for name, module in _modules(model).items():
        if names is None:
            watched.setdefault(module, [name])
        elif name in names or name + ACTIVATION in names:
            watched.setdefault(module, []).append(name)
    try:
        for module, its_names in watched.items():
            handles.append(module.register_forward_hook(partial(functions.gave, its_names)))
        for module in model.modules():
            if _leaf(module):
                handles.append(module.register_forward_pre_hook(functions.enter))
                handles.append(module.register_forward_hook(functions.leave))
        with ExitStack() as stack:
            stack.enter_context(evaluating(model))
            stack.enter_context(torch.no_grad())
            if any(_compiled(module) for module in model.modules()):
                stack.enter_context(torch.compiler.set_stance("force_eager"))  # it calls no hooks
            stack.enter_context(functions)
            device = device_of(model)
            here = images.device == device
            model(images.clone() if here else images.to(device))  # it may work in place
    except BlurnetError:
        raise
    except Exception as error:
        shape = " × ".join(map(str, images.shape[1:]))
        raise BlurnetError(
            f"the network does not take images of {shape}: it said: {one_line(error)}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


class _Functions(TorchFunctionMode):
    """Sees what layers give, and the activations that the network's code computes from that.

    An activation that a layer without layers inside computes, such as ``nn.ReLU``, is that layer's.
    """

    def __init__(self, keep: Keep) -> None:
        super().__init__()
        self.keep = keep
        self.runs: Counter[str] = Counter()
        self.given: dict[int, tuple[Tensor, list[str]]] = {}
        self.inside = 0

    def enter(self, *_: Any) -> None:
        self.inside += 1

    def leave(self, *_: Any) -> None:
        self.inside -= 1

    def gave(self, names: list[str], _module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Awaiting):  # a filter stands behind the activation
            self._tell(names, output.output)
            output.changes.append(partial(self._filtered, names))
            return
        self._tell(names, output)
        if isinstance(output, Tensor):
            _, others = self.given.get(id(output), (output, []))
            self.given[id(output)] = (output, [*others, *names])

    def _filtered(self, names: list[str], maps: Tensor) -> Tensor:
        self._tell([name + ACTIVATION for name in names], maps)
        return maps

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.inside or not is_activation(function_name(func)):
            return result
        source = args[0] if args else kwargs.get("input")
        found = self.given.get(id(source))
        if found is not None:
            if result is source:
                del self.given[id(source)]
            self._tell([name + ACTIVATION for name in found[1]], result)
        return result

    def _tell(self, names: list[str], output: Any) -> None:
        for name in names:
            self.runs[name] += 1
            self.keep(name, self.runs[name], output)


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    """Give every layer by its name in the user's network; of a compiled one, what was compiled."""
    modules: dict[str, nn.Module] = {}
    for name, module in network_of(model).named_modules(remove_duplicate=False):
        plain = ".".join(part for part in name.split(".") if part != "_orig_mod")
        if plain:
            modules[plain] = module
    return modules


def _leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None  # a module's truth may be its length


def _compiled(module: nn.Module) -> bool:
    return "_orig_mod" in module._modules or module._compiled_call_impl is not None


def _type(module: nn.Module) -> str:
    return module.kind if isinstance(module, ExportedLayer) else type(module).__name__


def _parsed(layer: str) -> tuple[str, int | None]:
    name, colon, run = layer.rpartition(":")
    return (name, int(run)) if colon and run.isdigit() else (layer, None)


def _maps(layer: str, output: Tensor) -> Tensor:
    if output.dim() != 4:
        raise BlurnetError(
            f"the output of layer {layer!r} is {' × '.join(map(str, output.shape))}; "
            "a spectrum is of maps, N × K × H × W"
        )
    return output
