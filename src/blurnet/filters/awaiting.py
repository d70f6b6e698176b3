"""A layer's output on its way to the activation that the network's code calls by a function."""

from collections.abc import Callable, Iterable
from typing import Any, Never

from torch import Tensor

from blurnet.errors import BlurnetError

Change = Callable[[Tensor], Tensor]

_NAMES = (
    "celu clamp clamp_max clamp_min elu gelu hardsigmoid hardswish hardtanh leaky_relu logsigmoid "
    "log_sigmoid mish prelu relu relu6 rrelu selu sigmoid silu softplus softsign tanh tanhshrink "
    "threshold"
)
ACTIVATIONS = frozenset(_NAMES.split())
"""Functions and methods that are taken for an activation; each also in place, ``relu_``."""

_ASKED = "shape dtype device ndim size dim numel layout is_cuda requires_grad"
_READ = frozenset(_ASKED.split())
"""What the network's code may ask of the output before its activation."""


class Awaiting:
    """Stands for a layer's output until an activation is called on it; then gives what follows.

    The network's code gets it from the layer and hands it to ``F.relu`` and the like, which leave
    it to ``__torch_function__``: the activation is applied to the plain tensor, the changes to what
    comes of that, and a plain tensor goes on. Anything else that is done with it is an error.

    Args:
        output: what the layer gave.
        place: for the error's text.

    """

    def __init__(self, output: Tensor, place: str) -> None:
        self.output = output
        self.place = place
        self.changes: list[Change] = []
        self.done = False
        self.in_place: Tensor | None = None

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Take the place of a function of PyTorch that is called with one of these."""
        kwargs = kwargs or {}
        name = function_name(function)
        first = args[0] if args else kwargs.get("input", kwargs.get("self"))
        if isinstance(first, Awaiting) and first.in_place is None and is_activation(name):
            return first.activated(function, args, kwargs)
        return function(*_plain(args, name), **_plain(kwargs, name))

    def activated(self, function: Any, args: Any, kwargs: Any) -> Tensor:
        """Apply the activation, then the changes."""
        name = function_name(function)
        if self.done:
            self._refuse(f"by {name} after its activation")
        self.done = True
        args = [self.output if each is self else each for each in args]
        kwargs = {key: self.output if each is self else each for key, each in kwargs.items()}
        maps: Tensor = function(*args, **kwargs)
        for change in self.changes:
            maps = change(maps)
        if name.endswith("_") or kwargs.get("inplace"):
            self.in_place = maps
        return maps

    def plain(self, use: str) -> Tensor:
        """Give the tensor itself: it is known where the activation was called in place."""
        if self.in_place is None:
            self._refuse(f"by {use}{' after its activation' if self.done else ''}")
        return self.in_place

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _READ:
            return getattr(self.output if self.in_place is None else self.in_place, name)
        if self.in_place is None and is_activation(name):
            method = getattr(Tensor, name)
            return lambda *args, **kwargs: self.activated(method, (self, *args), kwargs)
        return getattr(self.plain(name), name)

    def _refuse(self, use: str) -> Never:
        raise BlurnetError(
            f"{self.place}: the layer's output is used {use}, not by one activation alone "
            f"(relu, silu, gelu, …): name the layer itself, {self.place.partition('+')[0]!r}, or "
            "one that comes after"
        )


def is_activation(name: str) -> bool:
    """Whether a function of this name is taken for an activation."""
    return name.removesuffix("_") in ACTIVATIONS


def function_name(function: Any) -> str:
    """Give a function's name: ``relu`` for ``F.relu``, ``Tensor.relu``, ``aten.relu.default``."""
    name = str(getattr(function, "__name__", function))
    return name.partition(".")[0]


def _plain(values: Any, use: str) -> Any:
    if isinstance(values, Awaiting):
        return values.plain(use)
    if isinstance(values, dict):
        return {key: _plain(value, use) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_plain(value, use) for value in values]
    return values


def _operators(names: Iterable[str]) -> None:
    """Have the operators (``-x``, ``x + y``, ``x[0]``) reach the plain tensor, or the refusal."""

    def operator(name: str) -> Any:
        def apply(self: Awaiting, *args: Any) -> Any:
            use = name.strip("_")
            return getattr(self.plain(use), name)(*_plain(args, use))

        return apply

    for name in names:
        setattr(Awaiting, name, operator(name))


_OPERATORS = (
    "add radd iadd sub rsub isub mul rmul imul truediv rtruediv itruediv floordiv mod pow rpow "
    "matmul rmatmul neg pos abs invert and or xor lt le gt ge getitem setitem len iter bool "
    "float int contains"
)
_operators(f"__{name}__" for name in _OPERATORS.split())
