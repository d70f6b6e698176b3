"""Which network and which photographs: from the words of a command line."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.photographs import PhotographsAsked, read_photographs
from blurnet.cli.trained import as_trained
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.data import ImageSet
    from blurnet.models import Classifier

RP2_NETWORK = "lisa_cnn.safetensors"

_log = logging.getLogger("blurnet")


@dataclass(frozen=True)
class NetworkAsked:
    """Which network a command line names.

    Args:
        file: a file or folder that blurnet wrote.
        model: how it is made; beside ``file``, what its weights belong to.
        weights: its weights, as are the others only for ``model``.
        classes: the names of its outputs, with commas.
        mean: numbers with commas.
        std: likewise.

    """

    file: Path | None = None
    model: str | None = None
    weights: Path | None = None
    classes: str | None = None
    mean: str | None = None
    std: str | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a command works on.

    Args:
        network: images in [0, 1] in, logits out.
        classes: the names of its outputs.
        name: what tables call the network.
        photographs: labelled by the network's outputs, each with its name.
        train: of the same data set, if it has a part to train on.
        rp2: RP2's folder, if the photographs are its own.

    """

    network: "Classifier"
    classes: tuple[str, ...]
    name: str
    photographs: "ImageSet"
    train: "ImageSet | None" = None
    rp2: Path | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The photographs' names."""
        return self.photographs.names or tuple(map(str, range(len(self.photographs))))

    @property
    def shown(self) -> tuple[str, ...]:
        """The classes that the photographs show, in the order of the network's outputs."""
        return tuple(name for name, count in self.photographs.counts().items() if count)


def read_inputs(
    network: NetworkAsked, photographs: PhotographsAsked, *, resized: bool = False
) -> Inputs:
    """Read the network and the photographs, and check that they belong together.

    Args:
        network: which.
        photographs: which.
        resized: whether a transform resizes them before the network gets them.

    Raises:
        BlurnetError: if one of them is not named, is named twice, or does not fit the other.

    """
    import torch

    from blurnet.evaluation.inputs import understood

    _refuse_void(network, photographs)
    if not resized:
        photographs = as_trained(network, photographs)
    model = None if network.file is None and network.model else _written(network, photographs.rp2)
    test, train = read_photographs(photographs)
    if model is None:
        model = _own(network, test.classes, photographs)
    if model.classes is None:
        raise BlurnetError("what are the network's outputs called? Give --classes a,b,c")
    labelled = test.labelled_as(model.classes)
    if not resized:
        _refuse_size(model, labelled)
        understood(model, labelled.select(torch.arange(1)).floats)
    name = str(network.file or network.model or _called(model, photographs.rp2))
    return Inputs(model, model.classes, name, labelled, train, photographs.rp2)


def _called(model: "Classifier", rp2: Path | None) -> str:
    """Call the network in RP2's folder RP2's own only if its content is."""
    from blurnet.data.rp2 import is_published_network
    from blurnet.models.classifier import network_of

    if is_published_network(network_of(model), model.classes or ()):
        return "RP2's own network"
    return f"the network in {rp2}, not RP2's own"


def _refuse_void(network: NetworkAsked, photographs: PhotographsAsked) -> None:
    """Refuse options that would have no effect beside others."""
    if network.file is None and network.model is None and photographs.rp2 is None:
        raise BlurnetError(
            "which network? Give --model SPEC (file.py:callable), a file or folder that blurnet "
            "wrote, or --rp2 DIR for RP2's own"
        )
    void = []
    if network.model is None or network.file is not None:
        held = "the network's file holds its own"
        void += [
            (f"--{name}", held)
            for name in ("weights", "classes", "mean", "std")
            if getattr(network, name) is not None
        ]
    if photographs.rp2 is not None:
        brings = "--rp2 brings its own photographs, which are stop signs of 32 × 32 pixels"
        given = ("data", "photographs", "true_class", "size", "channels")
        void += [
            (f"--{name.replace('_', '-')}", brings)
            for name in given
            if _is_given(photographs, name)
        ]
    elif photographs.photographs is not None:
        if photographs.data is not None:
            void.append(("--data", "--photographs is what is looked at"))
        if photographs.true_class is None:
            raise BlurnetError(
                f"what do the photographs in {photographs.photographs} show? Give --true-class NAME"
            )
    for option, reason in void[:1]:
        raise BlurnetError(f"{option} has no effect: {reason}; leave it out")


def _is_given(photographs: PhotographsAsked, name: str) -> bool:
    return getattr(photographs, name) is not None


def _written(asked: NetworkAsked, rp2: Path | None) -> "Classifier":
    from blurnet.defenses import load

    if asked.file is None:
        assert rp2 is not None
        if not rp2.is_dir():
            raise BlurnetError(
                f"{rp2}: no such folder; --rp2 takes one with {RP2_NETWORK}, victims/ and masks/"
            )
        return load(rp2 / RP2_NETWORK, "lisa_cnn")
    return load(asked.file, asked.model)


def _own(asked: NetworkAsked, found: Sequence[str], photographs: PhotographsAsked) -> "Classifier":
    from blurnet.data import parse_classes
    from blurnet.models import import_model

    assert asked.model is not None
    classes = parse_classes(asked.classes) if asked.classes else _labels(asked.weights)
    if classes is None:
        if photographs.data is None:
            raise BlurnetError(
                "what are the network's outputs called, in their order? Give --classes a,b,c"
            )
        _log.info(
            "the network's outputs are taken for the %d classes of %s, sorted: %s (--classes names "
            "others)",
            len(found),
            photographs.data,
            ", ".join(found[:5]) + (" …" if len(found) > 5 else ""),
        )
        classes = tuple(found)
    return import_model(
        asked.model,
        weights=asked.weights,
        classes=classes,
        mean=numbers_of("--mean", asked.mean),
        std=numbers_of("--std", asked.std),
    )


def _labels(weights: Path | None) -> tuple[str, ...] | None:
    """Give what a safetensors file calls the outputs, if it says so."""
    from blurnet.data import read_safetensors
    from blurnet.models.weights import labels_in

    if weights is None or weights.suffix != ".safetensors":
        return None
    return labels_in(read_safetensors(weights)[1])


def numbers_of(option: str, text: str | None) -> tuple[float, ...] | None:
    """Read numbers with commas; None for none."""
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise BlurnetError(
            f"{option} {text}: write one number, or one for each channel with commas between them"
        ) from None


def _refuse_size(model: "Classifier", photographs: "ImageSet") -> None:
    from blurnet.data.images import pixels

    size = photographs.shape[1:]
    if model.size is not None and model.size != size:
        raise BlurnetError(
            f"the photographs have {pixels(size)} pixels, and the network takes "
            f"{pixels(model.size)}; --size {model.size[0]} resizes them"
        )
