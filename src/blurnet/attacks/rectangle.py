"""The rectangular occlusion attack (Wu, Tong, Vorobeychik, ICLR 2020, arXiv 1909.09552)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating

GREY = 0.5


def rectangle(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    height: int,
    width: int,
    stride: int = 2,
    candidates: int | None = 10,
    step_size: float = 0.1,
    steps: int = 10,
    generator: torch.Generator,
) -> Tensor:
    """Paste a rectangle on each image where it hurts most, and paint it so that it hurts more.

    The place is where a grey rectangle raises the loss most: among all places (the paper's
    exhaustive search), or among the ``candidates`` with the largest sum of squared gradients (its
    gradient-based search). Then signed gradient steps on the pixels inside, from random colours;
    they may take any value in [0, 1].

    Args:
        model: images in [0, 1] in, logits out; run in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W.
        labels: the true classes, int64, N.
        height: of the rectangle, in pixels, 1 to H.
        width: of the rectangle, in pixels, 1 to W.
        stride: the distance between neighbouring places, in pixels, at least 1.
        candidates: how many places are tried for each image, at least 1; None tries all.
        step_size: in units of image values, above 0.
        steps: of painting, at least 0.
        generator: where the colours at the start are drawn from.

    Returns:
        The images with their rectangles, in [0, 1].

    Raises:
        BlurnetError: if a setting is out of its range.

    """
    if not 1 <= height <= images.shape[2] or not 1 <= width <= images.shape[3]:
        raise BlurnetError(
            f"a rectangle of {height} × {width} pixels does not fit in images of "
            f"{images.shape[2]} × {images.shape[3]}"
        )
    if stride < 1 or steps < 0 or not step_size > 0 or (candidates is not None and candidates < 1):
        raise BlurnetError(
            "rectangle settings: stride and candidates are at least 1, steps at least 0 and "
            f"step_size above 0; found {stride}, {candidates}, {steps} and {step_size}"
        )
    with evaluating(model):
        mask = _place(model, images, labels, height, width, stride, candidates)
        colors = torch.rand(images.shape, generator=generator, device=images.device)
        attacked = images + mask * (colors - images)
        for _ in range(steps):
            gradient = _gradient(model, attacked, labels)
            attacked = (attacked + step_size * mask * gradient.sign()).clamp(0, 1)
    return attacked


def _place(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    height: int,
    width: int,
    stride: int,
    candidates: int | None,
) -> Tensor:
    """Give the mask of the worst grey rectangle for each image, N × 1 × H × W, 0 or 1."""
    squared = _gradient(model, images, labels).square().sum(1, keepdim=True)
    sums = F.avg_pool2d(squared, (height, width), stride)
    columns = sums.shape[3]
    tried = sums.flatten(1)
    count = tried.shape[1] if candidates is None else min(candidates, tried.shape[1])
    places = tried.topk(count).indices
    worst_loss = torch.full((len(images),), -torch.inf, device=images.device)
    worst = torch.zeros_like(squared)
    rows, lines = (torch.arange(n, device=images.device) for n in images.shape[2:])
    for place in places.unbind(1):
        top, left = (place // columns * stride)[:, None], (place % columns * stride)[:, None]
        inside_rows = (rows >= top) & (rows < top + height)
        inside_lines = (lines >= left) & (lines < left + width)
        mask = (inside_rows[:, :, None] & inside_lines[:, None, :])[:, None].to(images.dtype)
        with torch.no_grad():
            logits = model(images + mask * (GREY - images))
        loss = F.cross_entropy(logits, labels, reduction="none")
        worse = loss > worst_loss
        worst_loss = torch.where(worse, loss, worst_loss)
        worst = torch.where(worse[:, None, None, None], mask, worst)
    return worst


def _gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    loss = F.cross_entropy(model(images), labels, reduction="sum")
    return torch.autograd.grad(loss, images)[0]
