"""Harden any network: put filters in, and write down what was done."""

from torch import Tensor, nn

from blurnet.penalties import Penalty

from .blur import Blur
from .defense import Defense


def harden(
    model: nn.Module,
    *parts: Blur | Penalty | Defense,
    example: Tensor | None = None,
    seed: int = 0,
) -> nn.Module:
    """Give a copy of a network with filters in it.

    Args:
        model: any network, left as it is; a Classifier stays a Classifier.
        parts: what to put in: blurs, and what is written down for training, penalties; or a whole
            defense.
        example: an image that the network takes, N × C × H × W; None: one is found.
        seed: where the random start of a trainable filter is drawn from.

    """
    raise NotImplementedError


def defense_of(model: nn.Module) -> Defense:
    """Give what a network was hardened with, every place filled in; an empty defense for none."""
    raise NotImplementedError
