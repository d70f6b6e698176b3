"""What an attack lowers: J of the logits, and whether it got there."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Literal["cross_entropy", "margin", "logit"]
Goal = Literal["targeted", "untargeted"]


def attack_loss(
    logits: Tensor, classes: Tensor, loss: Loss, goal: Goal, *, clamped: bool = True
) -> Tensor:
    """Give J of each image, which the attack lowers.

    Args:
        logits: z, N × classes.
        classes: the target y*, or untargeted the true class y, int64, N.
        loss: "cross_entropy": −log softmax(z)_y*. "logit": −z_y*. "margin":
            max(0, max_{k ≠ y*} z_k − z_y*), Carlini and Wagner's f₆ with κ = 0 (arXiv 1608.04644):
            an image that is reached pulls no more, so the others get all the gradient.
        goal: "targeted"; or "untargeted", J turned round: −J, and
            max(0, z_y − max_{k ≠ y} z_k) of the margin.
        clamped: False leaves a margin below 0 as it is, with its gradient.

    Returns:
        float, N.

    """
    sign = 1 if goal == "targeted" else -1
    if loss == "cross_entropy":
        return sign * F.cross_entropy(logits, classes, reduction="none")
    own = logits.gather(1, classes[:, None])
    if loss == "logit":
        return -sign * own[:, 0]
    others = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    margin = sign * (others - own[:, 0])
    return margin.clamp(min=0) if clamped else margin


def reached(logits: Tensor, classes: Tensor, goal: Goal) -> Tensor:
    """Say which images are taken for the target, or no longer for the true class, bool, N."""
    taken = logits.argmax(1) == classes
    return taken if goal == "targeted" else ~taken
