"""What checks ask a network themselves: logits and gradients, on a frozen copy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from blurnet.attacks.check import mask_of
from blurnet.attacks.fast.attacked_network import frozen_copy
from blurnet.models.memory import Pieces, images_at_once

from .audited import Audited

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, labels) → one for each image."""


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Give z_y − max_{k ≠ y} z_k of each image, N."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


@torch.no_grad()
def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """Give a network's logits, N × K, in pieces that fit in memory; it is in evaluation mode."""
    pieces = Pieces(images_at_once(network, images, gradients=False))
    found = pieces.run(len(images), lambda part: network(images[part]))
    return torch.cat([logits for _, logits in found])


def gradient_of(network: nn.Module, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """Give the gradient of a loss of each image, N × C × H × W.

    Raises:
        RuntimeError: as the network's backward pass.

    """

    def differentiated(part: slice) -> Tensor:
        with torch.enable_grad():
            variable = images[part].detach().clone().requires_grad_()
            value = loss(network(variable.clone()), labels[part]).sum()
            return torch.autograd.grad(value, variable)[0]

    pieces = Pieces(images_at_once(network, images, gradients=True))
    return torch.cat([gradient for _, gradient in pieces.run(len(images), differentiated)])


@dataclass(frozen=True, eq=False)
class Sampled:
    """The sample's images, and a frozen copy of the network in evaluation mode."""

    network: nn.Module
    images: Tensor
    labels: Tensor
    mask: Tensor
    """1 × 1 × H × W or n × 1 × H × W."""
    seed: int

    @classmethod
    def of(cls, audited: Audited) -> "Sampled":
        """Take it from an evaluation."""
        sample = audited.sample
        mask = mask_of(audited.mask, audited.images)
        return cls(
            frozen_copy(audited.network.model),
            audited.images[sample],
            audited.labels[sample],
            mask if len(mask) == 1 else mask[sample],
            audited.seed,
        )

    @cached_property
    def stickered(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The images under opaque stickers: two of random colours, white and black."""
        generator = torch.Generator().manual_seed(self.seed)
        one, two = (torch.rand(self.images.shape, generator=generator) for _ in range(2))
        white = torch.ones_like(self.images)
        return self._under(one), self._under(two), self._under(white), self._under(0 * white)

    def _under(self, sticker: Tensor) -> Tensor:
        return self.images * (1 - self.mask) + sticker.to(self.images) * self.mask
