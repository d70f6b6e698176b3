"""Save a network with what it is, and load it again."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.data.tensors import read_safetensors
from blurnet.devices import chosen_device
from blurnet.errors import BlurnetError
from blurnet.models import (
    MODELS,
    Classifier,
    as_classifier,
    build_named,
    built,
    copy_of,
    load_weights,
    network_of,
    write_network,
)
from blurnet.models.weights import Told, told_in
from blurnet.settings import check

from .defense import Defense
from .harden import defense_of, harden
from .recipe import Recipe

FILE = "network.safetensors"
"""What a network's file is called in the folder that holds it."""


def save(
    model: nn.Module,
    path: str | Path,
    /,
    *,
    classes: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    **metadata: Any,
) -> Path:
    """Write a network as one safetensors file, its weights under their own names.

    Beside them: the names of its logits, its defense, and what its Classifier does: mean, std,
    size, and where the logits are, unless that is a function.

    Args:
        model: any network, hardened or not, or a Classifier.
        path: the file; without a suffix, a folder that gets a ``network.safetensors``.
        classes: the names of its logits, in order; None: the Classifier's own.
        recipe: how it was made, if it was made by one.
        metadata: what else to write beside, as JSON; ``model="file.py:callable"`` lets ``load``
            build the network by itself, ``example=[C, H, W]`` says what it takes.

    Returns:
        The file.

    Raises:
        BlurnetError: if the disk does not take it, or something in metadata is not JSON.

    Examples:
        >>> net = blurnet.harden(model, blurnet.Blur("box", 5))
        >>> file = blurnet.save(net, "network.safetensors", classes=classes)

    """
    path = Path(path)
    file = path if path.suffix else path / FILE
    classifier = as_classifier(copy_of(model), classes=classes)
    told: dict[str, Any] = {
        "defense": defense_of(classifier).model_dump(mode="json"),
        "size": classifier.size,
    }
    for name, values in (("mean", classifier.mean), ("std", classifier.std)):
        told[name] = None if values is None else values.flatten().tolist()
    if isinstance(classifier.logits, str | int):
        told["logits"] = classifier.logits
    if classifier.classes is not None:
        told["labels"] = list(classifier.classes)
    if recipe is not None:
        told["recipe"] = recipe.model_dump(mode="json")
    told |= metadata
    try:
        json.dumps(told)
    except TypeError as error:
        raise BlurnetError(f"{file}: what is written beside weights is JSON: {error}") from None
    weights = {
        name: tensor
        for name, tensor in network_of(classifier).state_dict().items()
        if isinstance(tensor, Tensor)
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BlurnetError(f"{file}: cannot write there: {error.strerror}") from None
    write_network(file, weights, {name: each for name, each in told.items() if each is not None})
    return file


def load(
    path: str | Path, model: nn.Module | Callable[..., nn.Module] | str | None = None
) -> Classifier:
    """Read a network that ``save`` wrote, hardened as it was.

    Args:
        path: the file, or the folder that holds ``network.safetensors``.
        model: the network without its filters, left as it is, or what builds it, or its name as
            for ``import_model``; None: what the file says, whose code is then run: give it for a
            file whose writer you do not trust.

    Returns:
        The network, in evaluation mode, where ``model`` is, or on the chosen device.

    Raises:
        BlurnetError: if the file is missing or damaged, does not say how the network is built where
            ``model`` does not, or holds the weights of another.

    Examples:
        >>> net = blurnet.harden(model, blurnet.Blur("box", 5))
        >>> file = blurnet.save(net, "runs/hard", classes=classes)
        >>> again = blurnet.load("runs/hard", model)  # the blur is put in again
        >>> torch.equal(again(images), net.eval()(images)), again.classes
        (True, ('stop', 'stopAhead', 'yield'))

    """
    file = Path(path)
    file = file / FILE if file.is_dir() else file
    weights, metadata = read_safetensors(file)
    told = told_in(file, metadata)
    classes = told.labels
    network = as_classifier(_undefended(file, model, told, weights, classes))
    try:
        network = Classifier(
            network.model,
            mean=told.mean if network.mean is None else network.mean,
            std=told.std if network.std is None else network.std,
            logits=told.logits if network.logits is None else network.logits,
            classes=classes or network.classes,
            size=told.size if network.size is None else network.size,
        )
    except BlurnetError as error:
        raise BlurnetError(f"{file}: {error}") from None
    if told.defense is not None:
        example = None if told.example is None else torch.full((1, *told.example), 0.5)
        try:
            network = harden(network, check(Defense, told.defense), example=example)
        except BlurnetError as error:
            kind = type(network_of(network)).__name__
            raise BlurnetError(
                f"{file}: its defense does not fit this network, a {kind}: {error}"
            ) from None
    load_weights(network_of(network), weights, file)
    return network.eval() if isinstance(model, nn.Module) else network.eval().to(chosen_device())


def _undefended(
    file: Path,
    model: Any,
    told: Told,
    weights: Mapping[str, Tensor],
    classes: tuple[str, ...] | None,
) -> nn.Module:
    count = None if classes is None else len(classes)
    if isinstance(model, nn.Module):
        if defense_of(model):
            raise BlurnetError(f"load: give the network without its filters; {file} says them")
        return copy_of(model)
    if model is not None and not isinstance(model, str):
        return built(model, count, seed=0, what=getattr(model, "__name__", "model"))
    spec = model or told.model or (told.recipe or {}).get("model")
    if not isinstance(spec, str):
        spec = _of_our_own(weights, count)
    elif spec != model and spec.partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
        raise BlurnetError(f"{file}: it says that {spec!r}, of Python itself, builds its network")
    if spec is None:
        raise BlurnetError(
            f"{file}: the file does not say how its network is built: give it, load(path, model=…) "
            "(--model file.py:callable)"
        )
    return build_named(spec, count)


def _of_our_own(weights: Mapping[str, Tensor], classes: int | None) -> str | None:
    """Give the name of blurnet's own network that has exactly these weights, if there is one."""
    if classes is None:
        return None
    found = {name: weight.shape for name, weight in weights.items()}
    for name, build in MODELS.items():
        with torch.device("meta"):
            own = build(classes).state_dict()
        if {name: weight.shape for name, weight in own.items()} == found:
            return name
    return None
