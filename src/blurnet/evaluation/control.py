"""The control: what opaque stickers do that nobody searched for."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from blurnet.attacks.control import PLAIN

from .attack import CONTROL_STICKERS, control_answers, plain_answers
from .evidence import Control, PlainSticker
from .metrics import mean_rate, rate
from .statistics import worst_rate


def control_of(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mask: Tensor,
    *,
    stickers: int = CONTROL_STICKERS,
) -> Control:
    """Ask a network about images under stickers of random colours, plain white and plain black.

    Args:
        model: images in [0, 1] in, logits out.
        images: without a sticker, float32 in [0, 1], N × C × H × W.
        labels: their classes, int64, N.
        mask: H × W, or N × H × W; a pixel above 0.5 is covered.
        stickers: how many of random colours, the same each time.

    """
    random = control_answers(model, images, mask, stickers=stickers)
    plain = dict(zip(PLAIN, plain_answers(model, images, mask), strict=True))
    return control_from(random, plain, labels)


def control_from(random: Tensor, plain: Mapping[str, Tensor], labels: Tensor | int) -> Control:
    """Count what the stickers of the control do.

    Args:
        random: answers, int64, stickers × N.
        plain: name → answers, int64, N.
        labels: the classes, int64, N, or the class of all images.

    """
    names = [*(f"random {place + 1}" for place in range(len(random))), *plain]
    wrong = torch.cat([random, *(answers[None] for answers in plain.values())]) != labels
    return Control(
        answers=tuple(map(tuple, random.tolist())),
        success=mean_rate(random != labels),
        plain=tuple(
            PlainSticker(
                name=name, answers=tuple(answers.tolist()), success=rate(answers != labels)
            )
            for name, answers in plain.items()
        ),
        strongest=worst_rate(wrong),
        strongest_by=names[int(wrong.sum(1).argmax())],
        any_sticker=rate(wrong.any(0)),
    )
