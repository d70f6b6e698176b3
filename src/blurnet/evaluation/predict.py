"""What a network answers."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models import as_classifier, check_network
from blurnet.models.memory import Pieces, images_at_once
from blurnet.models.modes import evaluating

FASTEST = 128
"""Images at once, at most: 128 of 32 × 32 pixels were fastest."""


class Answers(NamedTuple):
    """The class each image got, int64, N, and the softmax probability it got it with, N.

    On the CPU, wherever the network and the images are.
    """

    classes: Tensor
    confidence: Tensor


def predict(model: nn.Module, images: Tensor, *, piece: int | None = None) -> Answers:
    """Classify images.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out; run
            in evaluation mode and left as it was.
        images: floating point in [0, 1], N × C × H × W, or uint8, which is divided by 255; left as
            they are.
        piece: how many images go through the network at once; None for what is fastest and takes
            no more memory than ``blurnet.models.memory.BUDGET``. Halved where memory runs out.

    Raises:
        BlurnetError: if the network does not take such images, or gives logits that are not finite.

    """
    if piece is not None and piece < 1:
        raise BlurnetError(f"piece is at least 1, not {piece}")
    if not len(images):
        return Answers(torch.empty(0, dtype=torch.int64), torch.empty(0))
    network = as_classifier(model)
    with evaluating(network), torch.no_grad():
        try:
            if piece is None:
                piece = min(FASTEST, images_at_once(network, images, gradients=False))
            found = [
                answers
                for _, answers in Pieces(piece).run(
                    len(images), lambda part: network(_floats(images[part])).softmax(1).max(1)
                )
            ]
        except BlurnetError:
            raise
        except Exception:
            check_network(network, _floats(images[:1]))  # says in one line what is wrong
            raise
    answers = Answers(
        torch.cat([each.indices for each in found]).cpu(),
        torch.cat([each.values for each in found]).cpu(),
    )
    if not answers.confidence.isfinite().all():  # as the softmax of what is infinite, too
        raise BlurnetError("logits are not finite (NaN or infinite) on some images")
    return answers


def _floats(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images
