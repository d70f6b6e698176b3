"""blurnet's own networks by name, and how one is built."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from blurnet.devices import chosen_device
from blurnet.errors import BlurnetError
from blurnet.models.grey_resnet import GreyResNet
from blurnet.models.lisa_cnn import LisaCNN
from blurnet.models.small_resnet import SmallResNet

MODELS: dict[str, Callable[[int], nn.Module]] = {
    "grey_resnet": GreyResNet,
    "lisa_cnn": LisaCNN,
    "lisa_cnn_wide": partial(LisaCNN, first=128),
    "small_resnet": SmallResNet,
}


def build(name: str, num_classes: int, *, seed: int) -> nn.Module:
    """Build a network with freshly drawn weights, on the chosen device.

    Args:
        name: a key of ``MODELS``.
        num_classes: the number of logits, at least 1.
        seed: where the weights are drawn from. The process's own generator is left as it was.

    Raises:
        BlurnetError: for an unknown name; the message lists the choices.

    """
    if name not in MODELS:
        raise BlurnetError(f"no model {name!r}; there are: {', '.join(sorted(MODELS))}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[name](num_classes).to(chosen_device())
