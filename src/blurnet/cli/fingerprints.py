"""What tells one network, or one mask, from another: by content, wherever it lies."""

import hashlib
from typing import TYPE_CHECKING

from blurnet.cli.inputs import NetworkAsked

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.models import Classifier


def fingerprint_of(network: "Classifier", asked: NetworkAsked) -> str:
    """Hash a network: its weights, what its Classifier does, and the file of its code.

    Args:
        network: as it is used.
        asked: how it was named; the content of ``file.py`` is hashed too.

    """
    from pathlib import Path

    import torch

    digest = hashlib.sha256(repr((network.extra_repr(), network.classes)).encode())
    spec = asked.model or ""
    code = Path(spec.rpartition(":")[0] if ".py:" in spec else spec)
    digest.update(code.read_bytes() if code.is_file() else spec.encode())
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            digest.update(name.encode())
            digest.update(content_of(tensor))
    return digest.hexdigest()


def content_of(tensor: "Tensor") -> bytes:
    """Give a tensor's shape and values as bytes."""
    import torch

    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return repr(tuple(tensor.shape)).encode() + plain.view(torch.uint8).numpy().tobytes()
