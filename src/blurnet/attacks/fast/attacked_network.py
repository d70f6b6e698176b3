"""The network as an attack uses it: a copy of its own, frozen, in the way that is fastest."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from blurnet.attacks.fast.shortcuts import FirstMaps, first_maps, rearrange
from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models import copy_of
from blurnet.models.memory import is_out_of_memory, keep_freed_memory, out_of_memory

Precision = Literal["float32", "bfloat16", "auto"]

FASTEST = {torch.float32: 160, torch.bfloat16: 320}
"""Images of 32 × 32 at once. Measured on two cores (EPYC, Zen 5): bfloat16 is nearly flat from 160
to 640, float32 from 160 to 320; half as many cost a tenth more."""

LARGEST = 80 * 96 * 96
"""Pixels at once. Of 96 × 96 through ten transforms, 24 to 80 images are nearly flat, 160 are
slower. Bytes bound them as well, see ``blurnet.models.memory``."""

FASTEST_ON_GPU = 2048
"""Enough to fill one; not measured."""


class Way(NamedTuple):
    """One way to compute the network.

    Args:
        rearranged: with the convolutions of ``shortcuts``.
        channels_last: weights, images and maps lie in memory channel by channel of each pixel.
        reshaped: where the network asks for a view of its maps, it gets a copy if need be: a view
            as it means it (``maps.view(-1, n)``) takes maps that lie as PyTorch lays them at first.

    """

    rearranged: bool
    channels_last: bool
    reshaped: bool


WAYS = (
    Way(rearranged=True, channels_last=True, reshaped=False),
    Way(rearranged=True, channels_last=True, reshaped=True),
    Way(rearranged=False, channels_last=True, reshaped=True),
)
"""From the fastest on; the first whose answers are the network's is taken."""

PLAIN = Way(rearranged=False, channels_last=False, reshaped=False)

LOGITS_DIFFER = {torch.float32: 1e-4, torch.bfloat16: 0.2}
GRADIENTS_DIFFER = {torch.float32: 0.1, torch.bfloat16: 0.7}
"""How far they may be from the plain network's, as a share of their length. A gradient jumps where
a ReLU is near 0 or two values of a maximum are equal; a wrong one would be off by its length."""


class AttackedNetwork:
    """A copy of a network that gives logits, and gradients of its images alone.

    The user's network is never run with gradients, cast, or changed. The copy is tried, forward and
    backward, on one or two images, beside the plain network.

    Args:
        model: images in [0, 1] in, logits out.
        example: what it will get, float32, 1 × C × H × W; left as it is.
        precision: as in ``RP2Settings``; float32 also where bfloat16 gives other answers.
        still: photographs, float32, V × C × H × W, and a mask, H × W, if what it gets are these,
            changed where the mask is above 0 and nowhere else; None if not.
        plain: whether to leave the network as it is.

    Raises:
        BlurnetError: if the network cannot be copied, or has no gradient.

    """

    def __init__(
        self,
        model: nn.Module,
        example: Tensor,
        precision: Precision = "float32",
        still: tuple[Tensor, Tensor] | None = None,
        *,
        plain: bool = False,
    ) -> None:
        self.device = device_of(model)
        self.dtype = torch.float32
        self.way = PLAIN
        self.first: FirstMaps | None = None
        self.network = frozen_copy(model)
        self.overwrites = _overwrites(self.network, example)
        keep_freed_memory()
        trial = _Trial(self, still, example)
        if plain:
            return
        for dtype in dict.fromkeys((dtype_of(precision, self.device.type), torch.float32)):
            for way in WAYS:
                with suppress(Exception):  # whatever a network refuses, the next way is tried
                    self.dtype = dtype
                    self._take(way, example, still)
                    if trial.passed(self):
                        return
                self.network = frozen_copy(model)
        self.way, self.first = PLAIN, None

    def _take(self, way: Way, example: Tensor, still: tuple[Tensor, Tensor] | None) -> None:
        self.way, self.first = way, None
        if way.rearranged:
            here = example.device == self.device
            if still is not None and here and not self.overwrites:
                self.first = first_maps(self.network, *still, self.dtype)
            rearrange(self.network, example, self.dtype)
        for layer in self.network.modules():
            if type(layer) in (nn.Conv2d, nn.Linear):
                layer.to(self.dtype)
        if way.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, attacked: Tensor, view: slice) -> Tensor:
        """Give the logits, float32, N × classes.

        Args:
            attacked: float32, N × C × H × W, over and over the photographs of ``view``.
            view: which photographs.

        """
        if self.overwrites:
            attacked = attacked.clone()
        if self.first is not None:
            self.first.expect(attacked, view)
        elif self.way.channels_last:
            attacked = attacked.contiguous(memory_format=torch.channels_last)
        reshaping = _ViewsAreReshapes() if self.way.reshaped else nullcontext()
        lower = self.dtype != torch.float32
        kind = self.device.type
        known = torch.amp.autocast_mode.is_autocast_available(kind)
        casting = torch.autocast(kind, self.dtype, enabled=lower) if known else nullcontext()
        with reshaping, casting:
            logits: Tensor = self.network(attacked)
        return logits.float()


def frozen_copy(model: nn.Module) -> nn.Module:
    """Give a copy in evaluation mode whose weights have no gradients."""
    return copy_of(model).eval().requires_grad_(False)


def dtype_of(precision: Precision, device: str) -> torch.dtype:
    """Give the type in which the gradients are computed on a kind of device."""
    if precision == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def fastest_piece(network: AttackedNetwork, *images: Tensor) -> int:
    """Give how many images are best computed at once, the largest being as large as these."""
    pixels = max(image[0, 0].numel() for image in images)
    if network.device.type != "cpu":
        return max(1, FASTEST_ON_GPU * 32 * 32 // max(32 * 32, pixels))
    return max(1, min(FASTEST[network.dtype], LARGEST // pixels))


def _multiplies_bfloat16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device == "cpu" and any(getattr(torch.cpu, name, bool)() for name in asked)


def _overwrites(network: nn.Module, example: Tensor) -> bool:
    """Say whether a network changes its input in place; it is run once."""
    given = example.clone()
    before = given._version
    with torch.no_grad():
        network(given)
    return given._version != before


class _Trial:
    """What the plain network answers on attacked images, and whether another way answers alike."""

    def __init__(
        self, plain: AttackedNetwork, still: tuple[Tensor, Tensor] | None, example: Tensor
    ) -> None:
        self.images = example
        self.where: Tensor | slice = slice(None)
        if still is not None:
            photographs, mask = still[0][:2], still[1]
            self.where = (mask > 0).expand_as(photographs)
            self.images = torch.where(self.where, 1 - photographs, photographs)
        try:
            self.logits, self.gradient = self._run(plain)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise out_of_memory() from error
            raise BlurnetError(
                "the network has no gradient of its images, which this attack needs (random search "
                f"needs none): {str(error).splitlines()[0]}"
            ) from error

    def passed(self, network: AttackedNetwork) -> bool:
        """Say whether this way gives the same logits and, where the mask is, gradients."""
        logits, gradient = self._run(network)
        return _near(logits, self.logits, LOGITS_DIFFER[network.dtype]) and _near(
            gradient[self.where], self.gradient[self.where], GRADIENTS_DIFFER[network.dtype]
        )

    def _run(self, network: Callable[[Tensor, slice], Tensor]) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            variable = self.images.detach().clone().requires_grad_()
            logits = network(variable.clone(), slice(len(variable)))
            weights = torch.linspace(-1, 1, logits.shape[1]).to(logits)
            (gradient,) = torch.autograd.grad((weights * logits).sum(), variable)
        return logits.detach(), gradient


def _near(found: Tensor, wanted: Tensor, share: float) -> bool:
    off, length = (found - wanted).double().norm(), wanted.double().norm()
    return bool(off <= share * length + 1e-6 * wanted.numel() ** 0.5)


class _ViewsAreReshapes(TorchFunctionMode):
    """``maps.view(-1, n)`` is ``maps.reshape(-1, n)``."""

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.view and not kwargs and not isinstance(args[1], torch.dtype):
            func = Tensor.reshape
        return func(*args, **(kwargs or {}))
