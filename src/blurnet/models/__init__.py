"""Networks: (num_classes) -> nn.Module; images in [0, 1] in, logits out, normalisation inside."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from blurnet.errors import BlurnetError
from blurnet.models.checking import check_network as check_network
from blurnet.models.classifier import Classifier as Classifier
from blurnet.models.classifier import as_classifier as as_classifier
from blurnet.models.classifier import network_of as network_of
from blurnet.models.copying import copy_of as copy_of
from blurnet.models.grey_resnet import GreyResNet as GreyResNet
from blurnet.models.lisa_cnn import LisaCNN as LisaCNN
from blurnet.models.small_resnet import SmallResNet as SmallResNet
from blurnet.models.modes import evaluating as evaluating
from blurnet.models.weights import Network as Network
from blurnet.models.weights import load_weights as load_weights
from blurnet.models.weights import read_network as read_network
from blurnet.models.weights import write_network as write_network

MODELS: dict[str, Callable[[int], nn.Module]] = {
    "grey_resnet": GreyResNet,
    "lisa_cnn": LisaCNN,
    "lisa_cnn_wide": partial(LisaCNN, first=128),
    "small_resnet": SmallResNet,
}


def build(name: str, num_classes: int, *, seed: int) -> nn.Module:
    """Build a network with freshly drawn weights.

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
        return MODELS[name](num_classes)
