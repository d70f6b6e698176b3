"""Weights from safetensors files; a pickle is never opened."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from blurnet.data.tensors import read_safetensors, to_safetensors
from blurnet.devices import chosen_device
from blurnet.errors import BlurnetError
from blurnet.files import parse_json, write_whole
from blurnet.settings import check

Side = Annotated[int, Field(ge=1, le=2**14)]
Number = Annotated[float, Field(allow_inf_nan=False)]


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
        weights: as for ``check_weights``, as is ``source``.
        source: see there.

    Raises:
        BlurnetError: as ``check_weights``.

    """
    check_weights(model, weights, source)
    model.load_state_dict(dict(weights))


def check_weights(model: nn.Module, weights: Mapping[str, Tensor], source: object) -> None:
    """Refuse weights that are not a network's.

    Args:
        model: the network.
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
    faults += [
        f"{name} is {tensor.dtype}, not {state[name].dtype}"
        for name, tensor in weights.items()
        if name in state and tensor.is_complex() != state[name].is_complex()
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise BlurnetError(
            f"{source}: weights of another architecture than {type(model).__name__}: "
            f"{'; '.join(faults[:3])}{more}"
        )


def read_network(path: Path, build: Callable[[int], nn.Module]) -> Network:
    """Read a trained network whose file's metadata names its outputs.

    Args:
        path: a safetensors file. Its metadata has ``labels``, a JSON list of the outputs' names, in
            order.
        build: makes the network that the weights belong to, from the number of its outputs.

    Returns:
        The network, in evaluation mode, on the chosen device, and its classes.

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
    return Network(model.eval().to(chosen_device()), labels)


class Told(BaseModel):
    """What a file of blurnet's says of its network, beside the weights; see ``defenses.save``.

    Args:
        labels: the outputs' names, in order.
        defense: what hardened it.
        size: height and width that its Classifier takes.
        mean: one a channel, or one.
        std: likewise.
        logits: where the output holds them.
        model: what builds it.
        recipe: how it was made.
        example: C, H, W of an image that it takes.

    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    labels: tuple[str, ...] | None = None
    defense: dict[str, Any] | None = None
    size: list[Side] | Side | None = None
    mean: list[Number] | None = Field(None, min_length=1)
    std: list[Number] | None = Field(None, min_length=1)
    logits: str | int | None = None
    model: str | None = None
    recipe: dict[str, Any] | None = None
    example: tuple[Side, Side, Side] | None = Field(None, strict=False)


def told_in(path: Path, metadata: Mapping[str, str]) -> Told:
    """Read what a file of blurnet's says of its network.

    Raises:
        BlurnetError: if it says something that makes no sense.

    """
    values = {name: parsed(metadata[name]) for name in Told.model_fields if name in metadata}
    values["labels"] = labels_in(metadata)
    try:
        return check(Told, values)
    except BlurnetError as error:
        raise BlurnetError(f"{path}: what it says of its network is damaged: {error}") from None


def parsed(text: str) -> Any:
    """Give a value of a file's metadata: JSON, or the text itself where it is none."""
    try:
        return parse_json(text)
    except ValueError:
        return text


def labels_in(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Give the outputs' names in a file's metadata; None if it names none."""
    labels = parsed(metadata.get("labels", ""))
    if not isinstance(labels, list) or not labels or not all(isinstance(n, str) for n in labels):
        return None
    return tuple(labels)


def filters_in(metadata: Mapping[str, str]) -> bool:
    """Say whether a file's metadata names filters that its network has."""
    defense = parsed(metadata.get("defense", ""))
    return isinstance(defense, dict) and bool(defense.get("filters"))


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
