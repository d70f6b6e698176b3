"""The network as an attack uses it: a copy of its own, frozen, in the precision that is fastest."""

from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn

from blurnet.attacks.fast.shortcuts import FirstMaps, first_maps, rearrange
from blurnet.models.memory import keep_freed_memory

Precision = Literal["float32", "bfloat16", "auto"]

FASTEST = {torch.float32: 160, torch.bfloat16: 320}
"""Images of 32 × 32 at once. Measured on two cores (EPYC, Zen 5): bfloat16 is nearly flat from 160
to 640, float32 from 160 to 320; half as many cost a tenth more."""

LARGEST = 80 * 96 * 96
"""Pixels at once. Of 96 × 96 through ten views, 24 to 80 images are nearly flat, 160 are slower."""

FASTEST_ON_GPU = 2048
"""Enough to fill one; not measured."""


class AttackedNetwork:
    """A copy of a network that gives logits, and gradients of its images alone.

    The user's network is never run with gradients, cast, or changed.

    Args:
        model: images in [0, 1] in, logits out.
        example: what it will get, float32, 1 × C × H × W.
        precision: as in ``RP2Settings``.
        photographs: float32, V × C × H × W, if what it gets are these, changed where ``mask`` is
            above 0 and nowhere else; None if not.
        mask: H × W.

    """

    def __init__(
        self,
        model: nn.Module,
        example: Tensor,
        precision: Precision,
        *,
        photographs: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        self.device = example.device.type
        self.dtype = dtype_of(precision, self.device)
        self.network = deepcopy(model).eval().requires_grad_(False)
        self.first: FirstMaps | None = None
        if photographs is not None and mask is not None:
            self.first = first_maps(self.network, photographs, mask, self.dtype)
        rearrange(self.network, example, self.dtype)
        for layer in self.network.modules():
            if type(layer) in (nn.Conv2d, nn.Linear):
                layer.to(self.dtype)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        keep_freed_memory()

    def __call__(self, attacked: Tensor, view: slice) -> Tensor:
        """Give the logits, float32, N × classes.

        Args:
            attacked: float32, N × C × H × W, over and over the photographs of ``view``.
            view: which photographs.

        """
        if self.first is not None:
            self.first.expect(attacked, view)
        else:
            attacked = attacked.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32):
            logits: Tensor = self.network(attacked)
        return logits.float()


def dtype_of(precision: Precision, device: str) -> torch.dtype:
    """Give the type in which the gradients are computed on a kind of device."""
    if precision == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def fastest_piece(dtype: torch.dtype, *images: Tensor) -> int:
    """Give how many images are best computed at once, the largest being as large as these."""
    pixels = max(image[0, 0].numel() for image in images)
    if images[0].device.type != "cpu":
        return max(1, FASTEST_ON_GPU * 32 * 32 // max(32 * 32, pixels))
    return max(1, min(FASTEST[dtype], LARGEST // pixels))


def _multiplies_bfloat16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device == "cpu" and any(getattr(torch.cpu, name, bool)() for name in asked)
