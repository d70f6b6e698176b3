"""Whether a network is a classifier, found out on an example."""

import warnings
from weakref import WeakSet

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError, BlurnetWarning
from blurnet.models.classifier import as_classifier, network_of
from blurnet.models.inputs import find_input, one_line
from blurnet.models.memory import is_out_of_memory, out_of_memory
from blurnet.models.modes import evaluating

_warned: WeakSet[nn.Module] = WeakSet()


def check_network(model: nn.Module, example: Tensor) -> int:
    """Give the number of logits.

    Args:
        model: any network; run once in evaluation mode, and left as it was.
        example: images that it is to take, float32 in [0, 1], N × C × H × W.

    Raises:
        BlurnetError: in one line, if the network raises an error on images of this shape, gives
            something else than N × K logits, logits that are not finite, or not one for each class.

    Warns:
        BlurnetWarning: once a network, if its outputs look like probabilities.

    """
    classifier = as_classifier(model)
    if example.dim() != 4 or not example.is_floating_point():
        raise BlurnetError(
            "images are float32 in [0, 1], N × C × H × W, not "
            f"{str(example.dtype).removeprefix('torch.')}, {_said(example.shape)}"
        )
    try:
        with torch.no_grad(), evaluating(classifier):
            logits = classifier(example)
    except BlurnetError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory() from error
        raise BlurnetError(
            f"the network does not take images of {_said(example.shape[1:])}: "
            f"it said: {one_line(error)}; {_remedy(classifier, example)}"
        ) from error
    if logits.dim() != 2 or len(logits) != len(example) or logits.shape[1] < 2:
        raise BlurnetError(
            f"a classifier gives N × K logits, K at least 2; of {len(example)} images this network "
            f"gives {_said(logits.shape)}: say what the logits are, as in Classifier(model, "
            "logits=lambda output: output.flatten(1))"
        )
    if not bool(logits.isfinite().all()):
        bad = int((~logits.isfinite()).sum())
        raise BlurnetError(
            f"{bad} of {logits.numel()} logits are not finite (NaN or infinite): the network's "
            "weights or its normalisation are broken"
        )
    classes = classifier.classes
    if classes is not None and len(classes) != logits.shape[1]:
        raise BlurnetError(f"{len(classes)} classes are named, the network has {logits.shape[1]}")
    network = network_of(classifier)
    if are_probabilities(logits) and network not in _warned:
        _warned.add(network)
        warnings.warn(
            "the network's outputs are probabilities (in [0, 1], of sum 1); attacks need logits, "
            "whose gradients a softmax flattens: take it off",
            BlurnetWarning,
            stacklevel=2,
        )
    return int(logits.shape[1])


def are_probabilities(logits: Tensor) -> bool:
    """Say whether outputs, N × K, all lie in [0, 1] and sum to 1 ± 1e-5."""
    within = bool((logits >= 0).all() and (logits <= 1).all())
    return within and bool(((logits.sum(1) - 1).abs() <= 1e-5).all())


def _remedy(model: nn.Module, example: Tensor) -> str:
    try:
        takes = find_input(model)
    except BlurnetError:
        return "give images of the size that it takes, or say it: size= (--size)"
    if takes.shape[1] != example.shape[1]:
        return f"it takes images of {_said(takes.shape[1:])}: of {takes.shape[1]} channels"
    return (
        f"it takes images of {_said(takes.shape[1:])}: give these, or have them resized, "
        f"Classifier(model, size={takes.shape[2]}) (--size {takes.shape[2]})"
    )


def _said(shape: torch.Size | tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a scalar"
