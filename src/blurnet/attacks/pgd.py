"""PGD, projected gradient descent in an L∞ ball (Madry et al., arXiv 1706.06083, equation 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    epsilon: float = 8 / 255,
    step_size: float = 2 / 255,
    steps: int = 7,
    generator: torch.Generator,
) -> Tensor:
    """Raise the loss of each image within ε of it.

    x ← Π(x + α · sign ∇_x J(f(x), y)), where Π projects on the ball ‖x − x₀‖_∞ ≤ ε and on [0, 1].

    Args:
        model: images in [0, 1] in, logits out; run in evaluation mode and left as it was.
        images: x₀, float32 in [0, 1], N × C × H × W.
        labels: the true classes y, int64, N.
        epsilon: ε, in units of image values, above 0.
        step_size: α, in units of image values, above 0.
        steps: at least 1.
        generator: where the start, uniform in the ball, is drawn from.

    Returns:
        The attacked images, in [0, 1].

    Raises:
        BlurnetError: if a setting is out of its range.

    """
    if not epsilon > 0 or not step_size > 0 or steps < 1:
        raise BlurnetError(
            "PGD settings: epsilon and step_size are above 0 and steps is at least 1; found "
            f"{epsilon}, {step_size} and {steps}"
        )
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    attacked = images + epsilon * (2 * noise - 1)
    with evaluating(model):
        for _ in range(steps):
            attacked = attacked.clamp(low, high).requires_grad_()
            loss = F.cross_entropy(model(attacked), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, attacked)
            attacked = attacked.detach() + step_size * gradient.sign()
    return attacked.clamp(low, high)
