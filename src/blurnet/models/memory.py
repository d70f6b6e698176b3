"""How many images go through a network at once: as many as a budget of bytes allows.

And fewer where memory runs out all the same: what runs out is done again in halves.
"""

import functools
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating

Piece = TypeVar("Piece")
Found = TypeVar("Found")

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
        budget: in bytes; ``BUDGET`` by default, for a network on a GPU ``BUDGET_ON_GPU``.

    Returns:
        At least 1, also where one image takes more than the budget, or the network takes no two.

    """
    device = device_of(model)

    def run(count: int) -> None:
        images = example[:1].detach().to(device).repeat(count, *(example.dim() - 1) * (1,))
        with torch.set_grad_enabled(gradients):
            if not gradients:
                model(images)
                return
            variable = images.requires_grad_()
            torch.autograd.grad(model(variable.clone()).sum(), variable)

    with evaluating(model):
        return piece_within(run, budget=budget or budget_on(device))


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


class Pieces:
    """A number of images that go through a network at once, halved for good where memory runs out.

    Args:
        at_once: how many at first, at least 1.

    """

    def __init__(self, at_once: int) -> None:
        self.at_once = max(1, at_once)

    def run(self, count: int, work: Callable[[slice], Found]) -> Iterator[tuple[slice, Found]]:
        """Do ``work`` on so many images, piece by piece, in order.

        Args:
            count: how many there are.
            work: gives what is found of the images in a slice; done again where memory ran out.

        Yields:
            Each piece, and what was found.

        Raises:
            BlurnetError: if one image takes more memory than there is.

        """
        start = 0
        while start < count:
            part = slice(start, min(count, start + self.at_once))
            tried = _attempt(work, part)
            if tried is not None:
                yield part, tried.found
                start = part.stop
            elif part.stop - start == 1:
                raise out_of_memory()
            else:
                self.at_once = (part.stop - start + 1) // 2


def in_halves(
    pieces: Iterable[Piece],
    work: Callable[[Piece], Found],
    halves_of: Callable[[Piece], Sequence[Piece]],
) -> Iterator[tuple[Piece, Found]]:
    """Do ``work`` on each piece; one that runs out of memory is done again in halves.

    Args:
        pieces: one after the other.
        work: has no effect before it ends, so that it can be done again.
        halves_of: gives the halves of a piece; none of one image.

    Yields:
        Each piece, or its parts, and what was found.

    Raises:
        BlurnetError: if one image takes more memory than there is.

    """
    for piece in pieces:
        ahead = [piece]
        while ahead:
            tried = _attempt(work, ahead[0])
            if tried is not None:
                yield ahead.pop(0), tried.found
                continue
            halves = halves_of(ahead[0])
            if not halves:
                raise out_of_memory()
            ahead[:1] = halves


class _Tried(NamedTuple):
    found: Any


def _attempt(work: Callable[[Piece], Any], piece: Piece) -> _Tried | None:
    """Do ``work``; None where memory ran out, and what was made until then is let go of."""
    try:
        return _Tried(work(piece))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def is_out_of_memory(error: BaseException | None) -> bool:
    """Say whether an error, or what it came of, is that memory ran out, on a CPU or a GPU."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return True
        if isinstance(error, RuntimeError) and any(said in str(error) for said in _RAN_OUT):
            return True
        error = error.__cause__
    return False


def out_of_memory() -> BlurnetError:
    """Give the error for one image that takes more memory than there is."""
    return BlurnetError(
        "memory ran out with one image in the network; take smaller images (--size), a smaller "
        "network, or a machine with more"
    )


_RAN_OUT = ("can't allocate memory", "not enough memory", "bad_alloc")
"""In what PyTorch's allocator of the CPU's memory says, and what C++ does."""


def piece_within(run: Callable[[int], object], *, budget: int) -> int:
    """Say how many images may be computed at once.

    Args:
        run: computes so many images; called with 1 and 2.
        budget: bytes of all tensors that live at once.

    Returns:
        At least 1; 1 where two images cannot be computed at once.

    """
    try:
        one = peak_bytes(lambda: run(1))
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory() from None
        raise
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
