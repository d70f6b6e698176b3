"""Copies of any network."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.exported import as_module

Model = TypeVar("Model", bound=nn.Module)

_ENDS = (str, bytes, int, float, complex, bool, type, FunctionType, BuiltinFunctionType, ModuleType)


def copy_of(model: Model) -> Model:
    """Give a deep copy of any network; it shares nothing with the original.

    Args:
        model: any network. What ``torch.compile`` made of it, or of a part of it, is taken off:
            the copy is the network that was compiled. Maps that it kept from its last run are
            copied without their graph.

    Raises:
        BlurnetError: if something in it cannot be copied.

    """
    original = uncompiled(as_module(model))
    memo: dict[int, Any] = {}
    for tensor in _kept(original):
        memo[id(tensor)] = tensor.detach().clone()
    try:
        for part in list(original.modules()):
            inner = uncompiled(part)
            if inner is not part:
                memo[id(part)] = deepcopy(inner, memo)
        return deepcopy(original, memo)  # type: ignore[return-value]
    except (RuntimeError, TypeError, RecursionError, AttributeError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise BlurnetError(
            f"the network, a {type(original).__name__}, cannot be copied: {said}; "
            "take out of it what it keeps and does not need"
        ) from error


def uncompiled(model: nn.Module) -> nn.Module:
    """Give the network that ``torch.compile`` was given; itself if it was not compiled."""
    while "_orig_mod" in model._modules:
        inner = model._modules["_orig_mod"]
        assert inner is not None
        model = inner
    return model


def _kept(model: nn.Module) -> Iterator[Tensor]:
    """Give the tensors that have a graph, which ``deepcopy`` refuses."""
    seen: set[int] = set()
    ahead: list[Any] = [part for part in model.modules() if "_orig_mod" not in part._modules]
    while ahead:
        value = ahead.pop()
        if id(value) in seen or isinstance(value, _ENDS):
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            if value.grad_fn is not None:
                yield value
        elif isinstance(value, Mapping):
            ahead += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            ahead += value
        elif isinstance(value, nn.Module) or not type(value).__module__.startswith("torch."):
            ahead += getattr(value, "__dict__", {}).values()
