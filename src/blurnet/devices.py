"""Where networks compute.

A network's device decides: images are moved there piece by piece, answers come back to where the
images are.
"""

import os
from itertools import chain

import torch
from torch import nn

from blurnet.errors import BlurnetError

VARIABLE = "BLURNET_DEVICE"
"""In the environment, which workers inherit: where networks go that blurnet builds or reads."""


def device_of(model: nn.Module) -> torch.device:
    """Give where a network's weights are; the CPU, if it has none."""
    tensors = chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def chosen_device() -> torch.device:
    """Give where networks go that blurnet builds or reads: the CPU, unless something was chosen."""
    return checked_device(os.environ.get(VARIABLE) or "cpu")


def choose_device(name: str) -> torch.device:
    """Choose where networks go from now on, in this process and those that it starts.

    Args:
        name: "cpu", "cuda", "cuda:N", or "auto": the first GPU if there is one, else the CPU.

    Raises:
        BlurnetError: as ``checked_device``.

    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = checked_device(name)
    os.environ[VARIABLE] = str(device)
    return device


def checked_device(name: str) -> torch.device:
    """Give a device by its name.

    Raises:
        BlurnetError: if there is none of that name, or this machine does not have it.

    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise BlurnetError(f"no device {name!r}; there are: cpu, cuda, cuda:N, auto")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            there = "no GPU that PyTorch can use" if not count else f"cuda:0 to cuda:{count - 1}"
            raise BlurnetError(f"device {name}: this machine has {there}; take cpu, or auto")
    return device


def said(device: torch.device) -> str:
    """Give a device's name, with that of the GPU."""
    if device.type != "cuda":
        return str(device)
    return f"{device} ({torch.cuda.get_device_name(device)})"
