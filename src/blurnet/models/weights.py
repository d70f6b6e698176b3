"""Weights from safetensors files; a pickle is never opened."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from blurnet.data.tensors import read_safetensors, to_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import write_whole


class Network(NamedTuple):
    """A classifier and what its outputs are called.

    ``classes[i]`` names logit i.
    """

    model: nn.Module
    classes: tuple[str, ...]


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], source: object) -> None:
    """Put ``weights`` into ``model``, all of them or none.

    Args:
        model: the network, changed in place.
        weights: a tensor for each entry of the model's state.
        source: where the weights are from, for the error's text.

    Raises:
        BlurnetError: where names or shapes are not the model's.

    """
    state = model.state_dict()
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{name} is not of this network" for name in found if name not in wanted]
    faults += [
        f"{name} is {found[name]}, not {wanted[name]}"
        for name in wanted
        if name in found and found[name] != wanted[name]
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise BlurnetError(
            f"{source}: weights of another architecture than {type(model).__name__}: "
            f"{'; '.join(faults[:3])}{more}"
        )
    model.load_state_dict(dict(weights))


def read_network(path: Path, build: Callable[[int], nn.Module]) -> Network:
    """Read a trained network whose file's metadata names its outputs.

    Args:
        path: a safetensors file. Its metadata has ``labels``, a JSON list of the outputs' names, in
            order.
        build: makes the network that the weights belong to, from the number of its outputs.

    Returns:
        The network, in evaluation mode, and its classes.

    Raises:
        BlurnetError: if the file is missing, no safetensors file, names no outputs, or holds
            weights of another architecture.

    """
    weights, metadata = read_safetensors(path)
    labels = labels_in(metadata)
    if labels is None:
        raise BlurnetError(
            f"{path}: the file's metadata has no 'labels', a JSON list of the outputs' names"
        )
    model = build(len(labels))
    load_weights(model, weights, path)
    return Network(model.eval(), labels)


def labels_in(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Give the outputs' names in a file's metadata; None if it names none."""
    try:
        labels = json.loads(metadata["labels"])
    except (KeyError, json.JSONDecodeError):
        return None
    if not isinstance(labels, list) or not labels or not all(isinstance(n, str) for n in labels):
        return None
    return tuple(labels)


def write_network(
    path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, object]
) -> None:
    """Write a trained network's weights, and what they are, as one safetensors file.

    Args:
        path: the file; its folder exists.
        weights: the network's state.
        metadata: what JSON can hold, by name; ``labels`` names the outputs, as ``read_network``
            expects.

    Raises:
        BlurnetError: if the disk does not take it.

    """
    tensors, stored = {}, set()
    for name, tensor in weights.items():
        own = tensor.detach().cpu().contiguous()
        if own.numel() and own.data_ptr() in stored:  # one tensor under two names
            own = own.clone()
        stored.add(own.data_ptr())
        tensors[name] = own
    described = {name: json.dumps(value) for name, value in metadata.items()}
    write_whole(path, to_safetensors(tensors, described))
