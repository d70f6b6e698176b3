"""What a sticker attack raises, of logits and classes: the larger, the nearer to a mistake."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

StickerLoss = Literal["cross_entropy", "margin", "dlr"]


def margin_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Give z_y − max_{k ≠ y} z_k of each image, N; below 0 it is not taken for y.

    Args:
        logits: z, N × K.
        labels: y, int64, N.

    """
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


def untargeted(logits: Tensor, labels: Tensor, loss: StickerLoss) -> Tensor:
    """Give what raises any other class, N.

    Args:
        logits: z, N × K.
        labels: y, int64, N.
        loss: "cross_entropy": −log softmax(z)_y. "margin": max_{k ≠ y} z_k − z_y. "dlr", the
            difference of logits ratio (Croce and Hein, arXiv 2003.01690, equation 6):
            (max_{k ≠ y} z_k − z_y) / (z_π1 − z_π3), z_πi the i-th largest; of two classes the
            margin.

    """
    if loss == "cross_entropy":
        return F.cross_entropy(logits, labels, reduction="none")
    lead = -margin_of(logits, labels)
    if loss == "margin" or logits.shape[1] < 3:
        return lead
    first, _, third = logits.topk(3, 1).values.unbind(1)
    return lead / (first - third + 1e-12)


def targeted(logits: Tensor, labels: Tensor, targets: Tensor, loss: StickerLoss) -> Tensor:
    """Give what raises one other class, N.

    Args:
        logits: z, N × K.
        labels: y, int64, N.
        targets: t, int64, N.
        loss: "cross_entropy": log softmax(z)_t. "margin": z_t − z_y. "dlr" (equation 7):
            (z_t − z_y) / (z_π1 − (z_π3 + z_π4) / 2); of fewer than four classes the margin.

    """
    if loss == "cross_entropy":
        return -F.cross_entropy(logits, targets, reduction="none")
    lead = (logits.gather(1, targets[:, None]) - logits.gather(1, labels[:, None]))[:, 0]
    if loss == "margin" or logits.shape[1] < 4:
        return lead
    first, _, third, fourth = logits.topk(4, 1).values.unbind(1)
    return lead / (first - (third + fourth) / 2 + 1e-12)
