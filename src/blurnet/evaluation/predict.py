"""What a network answers."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from blurnet.models.modes import evaluating


class Answers(NamedTuple):
    """The class each image got, int64, N, and the softmax probability it got it with, N."""

    classes: Tensor
    confidence: Tensor


def predict(model: nn.Module, images: Tensor, *, piece: int = 128) -> Answers:
    """Classify images.

    Args:
        model: images in [0, 1] in, logits out; run in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W, or uint8, which is divided by 255.
        piece: how many images go through the network at once; 128 of 32 × 32 pixels were fastest.

    """
    classes, confidence = [], []
    with evaluating(model), torch.no_grad():
        for part in images.split(piece):  # type: ignore[no-untyped-call]
            floats = part.float() / 255 if part.dtype == torch.uint8 else part
            highest = model(floats).softmax(1).max(1)
            classes.append(highest.indices)
            confidence.append(highest.values)
    if not classes:
        return Answers(torch.empty(0, dtype=torch.int64), torch.empty(0))
    return Answers(torch.cat(classes), torch.cat(confidence))
