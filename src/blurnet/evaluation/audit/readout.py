"""A readout on a network's frozen features that tells one point from others."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.models import copy_of

NUMBERS = 4096
"""An image carries its number, divided by this, in a row of its own."""


def features_of(network: nn.Module, example: Tensor) -> nn.Module | None:
    """Give a copy of a network that ends before its last linear layer; None if it has none.

    Args:
        network: frozen, in evaluation mode; images in, logits out.
        example: 1 × C × H × W.

    """
    outputs: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(
            lambda _, __, output, name=name: outputs.__setitem__(name, output)
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        with torch.no_grad():
            logits = network(example)
    finally:
        for handle in handles:
            handle.remove()
    last = [
        name
        for name, output in outputs.items()
        if output.shape == logits.shape and torch.equal(output, logits)
    ]
    if not last:
        return None
    copy = copy_of(network)
    inside, _, name = last[-1].rpartition(".")
    setattr(copy.get_submodule(inside), name, nn.Identity())
    with torch.no_grad():
        found = copy(example)
    return copy if found.dim() == 2 else None


def separated(inner: Tensor, corner: Tensor) -> tuple[Tensor, Tensor] | None:
    """Fit a logistic readout, and put its limit midway between the inner points and the other.

    Args:
        inner: n × d.
        corner: d.

    Returns:
        w, d, and b: w · φ + b is below 0 at every inner point and above 0 at the other, and 1 away
        from 0 at the nearest; None if no such readout was found.

    """
    points = torch.cat([inner, corner[None]]).double()
    # one scale for all features: one that no inner point wakes would outweigh all others, asleep
    points = points - points[:-1].mean(0)
    points = points / points.norm(dim=1).mean().clamp(min=1e-12)
    labels = torch.zeros(len(points), dtype=torch.float64, device=points.device)
    labels[-1] = 1
    weight = points.new_zeros(points.shape[1]).requires_grad_()
    bias = points.new_zeros(()).requires_grad_()
    fit = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")
    balance = torch.where(labels > 0, 0.5, 0.5 / len(inner))

    def loss() -> Tensor:
        fit.zero_grad()
        each = F.binary_cross_entropy_with_logits(
            points @ weight + bias, labels, balance, reduction="sum"
        )
        value: Tensor = each + 1e-6 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        fit.step(loss)  # type: ignore[no-untyped-call]
    found = weight.detach()
    scores = torch.cat([inner, corner[None]]).double() @ found
    above, below = scores[-1], scores[:-1].max()
    if not above > below:
        return None
    half = (above - below) / 2
    return (found / half).to(inner), (-(above + below) / 2 / half).to(inner)


class Numbered(nn.Module):
    """A readout of its own for each image, which carries its number in a row below it.

    Args:
        features: a network that gives features, N × d.
        weights: n × d.
        limits: n.

    """

    weights: Tensor
    limits: Tensor

    def __init__(self, features: nn.Module, weights: Tensor, limits: Tensor) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("weights", weights)
        self.register_buffer("limits", limits)

    def numbered(self, images: Tensor) -> Tensor:
        """Give images their numbers, n × C × (H + 1) × W."""
        number = torch.arange(len(images), device=images.device) / NUMBERS
        row = number[:, None, None, None].expand(-1, images.shape[1], 1, images.shape[3])
        return torch.cat([images, row.to(images)], 2)

    def padded(self, mask: Tensor) -> Tensor:
        """Give a mask that leaves the numbers alone."""
        return F.pad(mask, (0, 0, 0, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Give two logits; the second is the higher above the limit of the image's readout."""
        number = (images[:, 0, -1, 0] * NUMBERS).round().long()
        score = (self.features(images[:, :, :-1]) * self.weights[number]).sum(1)
        score = score + self.limits[number]
        return torch.stack([-score, score], 1)
