"""The one place where experiments make a network: ours by name or a user's own, filters put in."""

import hashlib
import inspect
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.data.tensors import hash_tensors
from blurnet.defenses import Blur, harden
from blurnet.errors import BlurnetError
from blurnet.models import MODELS, build, check_network, import_model, load_weights
from blurnet.models.classifier import network_of


def build_network(
    model: str,
    classes: Sequence[str],
    *,
    size: int,
    channels: int,
    filters: Sequence[Blur] = (),
    seed: int,
    start: Mapping[str, Tensor] | None = None,
) -> nn.Module:
    """Make a network with freshly drawn weights, or at given ones, and put filters in.

    Args:
        model: a key of ``MODELS``, or a user's own, as ``import_model`` takes it.
        classes: what its logits are called.
        size: height and width of its images, in pixels.
        channels: of its images.
        filters: what is put into it.
        seed: where weights and random kernels are drawn from.
        start: the weights of the network without filters, in place of the drawn ones.

    Raises:
        BlurnetError: if there is no such model, it does not take such images or has another number
            of logits, the weights are of another architecture, or a filter does not fit.

    """
    if model in MODELS:
        network = build(model, len(classes), seed=seed)
    else:
        network = import_model(model, classes=tuple(classes), seed=seed)
    if start is not None:
        load_weights(inner(network), start, "the weights to start from")
    example = torch.zeros(1, channels, size, size)
    logits = check_network(network, example)
    if logits != len(classes):
        shown = ", ".join(classes[:5]) + (", …" if len(classes) > 5 else "")
        raise BlurnetError(
            f"the network {model} has {logits} logits and there are {len(classes)} classes "
            f"({shown}); there must be one logit for each class"
        )
    return put_in(network, filters, example=example, seed=seed) if filters else network


def put_in(
    network: nn.Module, filters: Sequence[Blur], *, example: Tensor, seed: int = 0
) -> nn.Module:
    """Harden a network without saying so each time: many steps build the same one."""
    log = logging.getLogger("blurnet.harden")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        return harden(network, *filters, example=example, seed=seed)
    finally:
        log.setLevel(before)


def inner(network: nn.Module) -> nn.Module:
    """Give the user's network, out of the Classifier around it: records hold its own weights."""
    return network_of(network)


def content_of(network: nn.Module) -> str:
    """Tell a user's network, before it is trained, from any other, wherever its file lies.

    Returns:
        A hash (SHA-256, hexadecimal) of its weights, its modules and the source of their classes.

    """
    digest = hashlib.sha256(hash_tensors(network.state_dict()).encode())
    digest.update(re.sub(r" at 0x[0-9a-f]+", "", str(network)).encode())
    kinds = {type(module) for module in network.modules()}
    own = [kind for kind in kinds if kind.__module__.partition(".")[0] not in ("torch", "blurnet")]
    for kind in sorted(own, key=lambda kind: kind.__qualname__):
        try:
            digest.update(inspect.getsource(kind).encode())
        except (OSError, TypeError):
            digest.update(kind.__qualname__.encode())
    return digest.hexdigest()


def placed(model: str, folder: Path) -> str:
    """Give a model's name such that it means the same wherever a step runs.

    Args:
        model: as settings have it.
        folder: where a file is looked for first; then in the working directory.

    Returns:
        ``path.py:callable`` and ``path.pt2`` with an absolute path; anything else as it is.

    """
    path, colon, name = model.rpartition(":") if ".py:" in model else (model, "", "")
    if model in MODELS or Path(path).suffix not in (".py", ".pt2"):
        return model
    found = [place / path for place in (folder, Path()) if (place / path).is_file()]
    return f"{found[0].resolve() if found else path}{colon}{name}"
