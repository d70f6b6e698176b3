"""Which network and which photographs: from the words of a command line."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.trained import as_trained
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.data import ImageSet
    from blurnet.models import Classifier

RP2_NETWORK = "lisa_cnn.safetensors"
SYNTHETIC = "synthetic"

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


@dataclass(frozen=True)
class PhotographsAsked:
    """Which photographs a command line names.

    Args:
        data: a data set's specification; its test part is taken.
        photographs: a folder of photographs of ``true_class``.
        true_class: of all photographs; of a data set, the class that is taken.
        rp2: RP2's folder.
        size: what they are resized to.
        channels: 1 or 3.
        images: at most so many.

    """

    data: str | None = None
    photographs: Path | None = None
    true_class: str | None = None
    rp2: Path | None = None
    size: int | None = None
    channels: int | None = None
    images: int = 40


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


def read_photographs(asked: PhotographsAsked) -> "tuple[ImageSet, ImageSet | None]":
    """Read the photographs: at most so many, and the part of the data to train on.

    Raises:
        BlurnetError: if none are named, they cannot be read, or are of several sizes.

    """
    from blurnet.data import load_images

    if asked.rp2 is not None:
        return _of_rp2(asked.rp2).spread(asked.images), None
    if asked.photographs is not None:
        assert asked.true_class is not None
        spec, classes = f"folder:{asked.photographs}", (asked.true_class,)
        parts = load_images(spec, size=asked.size, channels=asked.channels or 3, classes=classes)
        return parts.test.spread(asked.images), None
    if asked.data is None:
        raise BlurnetError(
            "which photographs? Give --data folder:DIR (class folders), or --photographs DIR and "
            "--true-class NAME"
        )
    if asked.data == SYNTHETIC and asked.true_class is not None:
        return _drawn_scene(asked), None
    train, test = load_images(asked.data, size=asked.size, channels=asked.channels or 3)
    if asked.true_class is not None:
        there = [name for name, count in test.counts().items() if count]
        if asked.true_class not in there:
            raise BlurnetError(
                f"--true-class {asked.true_class}: no test images of that class in {asked.data}; "
                f"there are: {', '.join(there)}"
            )
        test = test.select(test.labels == test.classes.index(asked.true_class))
    chosen = test.spread(asked.images)
    if len(chosen) < len(test):
        _log.info("%d of %d test images, spread evenly over the classes", len(chosen), len(test))
    return chosen, train if len(train) else None


def _drawn_scene(asked: PhotographsAsked) -> "ImageSet":
    import torch

    from blurnet.data import ImageSet
    from blurnet.data.synthetic import draw_scene

    assert asked.true_class is not None
    scene = draw_scene(asked.true_class, asked.images, size=asked.size or 32)
    labels = torch.zeros(len(scene), dtype=torch.int64)
    drawn = ImageSet(scene.images, labels, (scene.true_class,), names=scene.names)
    return drawn.in_channels(asked.channels or 3)


def _of_rp2(folder: Path) -> "ImageSet":
    import torch

    from blurnet.data import ImageSet, load_scene

    scene = load_scene(folder)
    labels = torch.zeros(len(scene), dtype=torch.int64)
    return ImageSet(scene.images, labels, (scene.true_class,), names=scene.names)


def _refuse_size(model: "Classifier", photographs: "ImageSet") -> None:
    from blurnet.data.images import pixels

    size = photographs.shape[1:]
    if model.size is not None and model.size != size:
        raise BlurnetError(
            f"the photographs have {pixels(size)} pixels, and the network takes "
            f"{pixels(model.size)}; --size {model.size[0]} resizes them"
        )
