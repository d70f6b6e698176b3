"""A device that no machine needs: tensors that say they are elsewhere, computed on the CPU.

What mixes them with the CPU's raises, as a GPU does; so do their ``numpy()`` and a CPU's generator.
So mistakes about devices are found where there is no GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

ELSEWHERE = torch.device("lazy:0")
"""A kind of device of PyTorch's for which there is nothing; autograd runs it beside the CPU."""

_aten = torch.ops.aten
_INDEXED = (_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default)
"""What takes the CPU's indices on any device."""


class Away(Tensor):
    """A tensor that says it is elsewhere."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Away":
        made = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=ELSEWHERE,
        )
        made.held = held
        return made

    def __repr__(self) -> str:
        return f"Away({self.held!r})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Machine(TorchDispatchMode):
    """Sees what moves there, and what is made there."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def machine() -> Iterator[torch.device]:
    """Have the device in the block."""
    with _Machine():
        yield ELSEWHERE


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    away = [each for each in tensors if isinstance(each, Away)]
    wanted = kwargs.get("device")
    there = bool(away) if wanted is None else torch.device(wanted).type == ELSEWHERE.type
    if wanted is None and func is not _aten.copy_.default:
        _check_together(func, args, tensors, away)
    if there and kwargs.get("generator") is not None:
        raise RuntimeError("expected a generator of that device and found one of the CPU")
    if wanted is not None and there:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    held_args, held_kwargs = tree_map(_held, (args, kwargs))
    with torch._C._DisableTorchDispatch():
        result = func(*held_args, **held_kwargs)
    if func is _aten.copy_.default:
        return args[0]
    if not there:
        return result
    wrapped = tree_map(lambda each: Away(each) if isinstance(each, Tensor) else each, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if away else wrapped


def _held(each: Any) -> Any:
    return each.held if isinstance(each, Away) else each


def _check_together(func: Any, args: Any, tensors: list[Tensor], away: list[Away]) -> None:
    here = [each for each in tensors if not isinstance(each, Away) and each.dim()]
    if func in _INDEXED and isinstance(args[0], Away):
        values = [each for each in args[2:] if isinstance(each, Tensor) and each.dim()]
        here = [each for each in values if not isinstance(each, Away)]
    if away and here:
        raise RuntimeError(f"{func}: expected all tensors on one device; found the CPU and another")
