"""Networks from ``torch.export``: as modules whose layers have their old names."""

from typing import Any

from torch import nn
from torch.export import ExportedProgram

from blurnet.errors import BlurnetError


def as_module(model: Any) -> nn.Module:
    """Give what was taken for a network as a module that can be copied, changed and evaluated.

    Args:
        model: an ``nn.Module``, itself given back; an exported program, or the module that its
            ``.module()`` gives.

    Raises:
        BlurnetError: for anything else.

    """
    if isinstance(model, ExportedProgram):
        return model.module()
    if not isinstance(model, nn.Module):
        raise BlurnetError(
            f"a network is an nn.Module or an exported program, not a {type(model).__name__}"
        )
    return model
