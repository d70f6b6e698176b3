"""How many images go through a network at once: as many as a budget of bytes allows."""

import functools
import sys
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from blurnet.models.modes import evaluating

BUDGET = 256 * 2**20
"""Bytes that the tensors of one pass may take on a CPU. LISA-CNN's 320 images of 32 × 32 with
gradients take 64 MiB, a ResNet-18's 10 of 224 × 224 these 256."""

UNMEASURED = 128 * 3 * 32 * 32
"""Values of a batch that is too small for a measurement to pay: 128 colour images of 32 × 32."""

BUDGET_ON_GPU = 4 * 2**30
"""The same elsewhere, where small pieces leave most of the device idle; not measured."""


def measured_piece(
    model: nn.Module, example: Tensor, *, gradients: bool, budget: int | None = None
) -> int:
    """Say how many images may go through a network at once.

    One image and two go through it, in evaluation mode, and the bytes that live at once are
    counted: what the second adds is what each image costs, the rest is paid once.

    Args:
        model: any network that gives a tensor; left as it was.
        example: what it gets, floating point, 1 × C × H × W at least; left as it is.
        gradients: whether gradients of the images are to be computed too.
        budget: in bytes; ``BUDGET`` by default, on a GPU ``BUDGET_ON_GPU``.

    Returns:
        At least 1, also where one image takes more than the budget, or the network takes no two.

    """

    def run(count: int) -> None:
        images = example[:1].detach().repeat(count, *(example.dim() - 1) * (1,))
        with torch.set_grad_enabled(gradients):
            if not gradients:
                model(images)
                return
            variable = images.requires_grad_()
            torch.autograd.grad(model(variable.clone()).sum(), variable)

    with evaluating(model):
        return piece_within(run, budget=budget or budget_on(example.device))


def images_at_once(model: nn.Module, images: Tensor, *, gradients: bool) -> int:
    """Say how many of these images may go through a network at once.

    Args:
        model: any network that gives a tensor; left as it was.
        images: N × C × H × W, or N of another shape. A batch of at most ``UNMEASURED`` values goes
            through whole; of a larger one the first is measured, see ``measured_piece``.
        gradients: whether gradients of the images are to be computed too.

    """
    if images.numel() <= UNMEASURED:
        return max(1, len(images))
    example = images[:1]
    return measured_piece(
        model, example if example.is_floating_point() else example.float(), gradients=gradients
    )


def piece_within(run: Callable[[int], object], *, budget: int) -> int:
    """Say how many images may be computed at once.

    Args:
        run: computes so many images; called with 1 and 2.
        budget: bytes of all tensors that live at once.

    Returns:
        At least 1; 1 where two images cannot be computed at once.

    """
    one = peak_bytes(lambda: run(1))
    try:
        two = peak_bytes(lambda: run(2))
    except Exception:  # such as a program that was exported for one image at a time
        return 1
    each = max(1, two - one)
    return max(1, (budget - max(0, one - each)) // each)


def budget_on(device: torch.device) -> int:
    """Give the default budget of a device, in bytes."""
    return BUDGET if device.type == "cpu" else BUDGET_ON_GPU


def peak_bytes(work: Callable[[], object]) -> int:
    """Count the bytes of the tensors that ``work`` makes, as many as live at once at its worst.

    What an operator needs inside itself is not seen. What was compiled runs as it was written.
    """
    compiled = "torch._dynamo" in sys.modules  # nothing can be compiled that has not loaded it
    eager = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    with eager, _Living() as living:
        work()
    most: int = living.most
    return most


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB that was freed, from now on; elsewhere it does nothing.

    It gives back to the system what exceeds twice the largest mapping that was ever freed, and a
    batch's maps are then mapped anew, page by page: a quarter of an attack's time, and most of what
    a filter costs at inference, measured. One mapping of just below its limit of 32 MiB, never
    touched, is enough.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


class _Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the storages that operators made and nobody has let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self.known: dict[int, tuple[int, weakref.ref[Any]]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to say otherwise, torch loads its compiler, which takes seconds

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for given in tree_leaves((args, kwargs)):
            self._meet(given, made=False)
        result = func(*args, **kwargs)
        for given in tree_leaves(result):
            self._meet(given, made=True)
        return result

    def _meet(self, given: Any, *, made: bool) -> None:
        if not isinstance(given, Tensor) or given.layout is not torch.strided:
            return
        storage = given.untyped_storage()
        place = storage._cdata
        if place in self.known:
            return
        size = storage.nbytes() if made else 0
        gone = weakref.ref(storage, lambda _: self._forget(place))
        self.known[place] = (size, gone)
        self.now += size
        self.most = max(self.most, self.now)

    def _forget(self, place: int) -> None:
        size, _ = self.known.pop(place)
        self.now -= size
