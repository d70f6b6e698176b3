"""What ``blurnet harden`` does, from its options to the files that it leaves."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.inputs import Inputs, NetworkAsked, read_inputs
from blurnet.cli.mask_input import is_searched, read_mask
from blurnet.cli.outputs import CHECKPOINT, claimed
from blurnet.cli.photographs import PhotographsAsked
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import nn

    from blurnet.data import ImageSet
    from blurnet.defenses import Defense
    from blurnet.evaluation import Rate
    from blurnet.evaluation.hardened import Hardened, Remembered
    from blurnet.training import History

HARDENED = "hardened.json"


@dataclass(frozen=True)
class TrainingAsked:
    """How a hardened network is trained: for how long, and whether pose and light are changed."""

    epochs: int = 20
    lr: float = 0.001
    augment: bool = True


@dataclass(frozen=True)
class HardenAsked:
    """What a command line asks for.

    Args:
        network: which.
        photographs: the data to train on, and how many of its test images to count on.
        mask: remembered for the evaluation.
        defense: what it is hardened with.
        training: how it is trained, if it is.
        seed: of all chance.

    """

    network: NetworkAsked
    photographs: PhotographsAsked
    mask: str | None
    defense: "Defense"
    training: TrainingAsked
    seed: int


def defense_asked(
    blur: Sequence[str] | None,
    learned: Sequence[str] | None,
    after: str | None,
    penalty: Sequence[str] | None,
    augmentation: str | None,
    adversarial: str | None,
    *,
    occlusion: bool,
) -> "Defense":
    """Make the defense of the options.

    Raises:
        BlurnetError: if there is none, an option would have no effect, or one is written otherwise.

    """
    from blurnet.cli.defense_options import defense_content
    from blurnet.defenses import Defense
    from blurnet.settings import check

    if occlusion and augmentation is not None:
        raise BlurnetError("--occlusion is --augmentation occlusion; give one of the two")
    content = defense_content(
        blur, learned, penalty, "occlusion" if occlusion else augmentation, adversarial
    )
    if after is not None:
        placeless = [each for each in content["filters"] if each["after"] is None]
        if not placeless:
            raise BlurnetError(
                f"--after {after} has no effect: it is where --blur and --learned stand that do "
                "not say it themselves"
            )
        for each in placeless:
            each["after"] = after
    defense = check(Defense, content)
    if not defense:
        raise BlurnetError(
            "harden with what? Give --blur box:5, --occlusion, --penalty NAME:ALPHA, --learned "
            "START:SIZE or --adversarial NAME"
        )
    return defense


def training_asked(
    defense: "Defense", epochs: int | None, lr: float | None, augment: bool | None
) -> TrainingAsked:
    """Give how a network is trained.

    Raises:
        BlurnetError: if it is not trained and something is said of how.

    """
    given = {"epochs": epochs, "lr": lr, "augment": augment}
    said = {name: value for name, value in given.items() if value is not None}
    if said and not defense.trained:
        raise BlurnetError(
            f"--{next(iter(said))} has no effect: a fixed blur is put in as it is, without training"
        )
    return TrainingAsked(**said)  # type: ignore[arg-type]


def harden_network(asked: HardenAsked, out: Path, *, replace: bool, quiet: bool) -> "Hardened":
    """Harden a network and write it to a folder.

    Args:
        asked: what.
        out: the folder, which gets ``network.safetensors``, ``hardened.json`` and ``report.html``.
        replace: whether another hardened network there may be replaced.
        quiet: whether no progress is shown.

    Raises:
        BlurnetError: for inputs that do not fit, and if something else is in the folder.

    """
    from blurnet import defenses
    from blurnet.evaluation.hardened import Hardened
    from blurnet.files import read_json
    from blurnet.report.hardened_page import write_hardened_page
    from blurnet.report.page.page import REPORT, check_page
    from blurnet.settings import check

    defense = asked.defense
    if asked.photographs.data is None:
        raise BlurnetError(
            "on which data? Give --data folder:DIR, to count what hardening costs"
            + (" and to train on" if defense.trained else "")
        )
    inputs = read_inputs(asked.network, asked.photographs)
    if defense.trained and inputs.train is None:
        raise BlurnetError(f"{asked.photographs.data}: no images to train on")
    if asked.mask is not None and not is_searched(asked.mask):
        read_mask(asked.mask, inputs)  # before the long part
    check_page(out / REPORT)
    example = inputs.photographs.floats[:1]
    net = defenses.harden(inputs.network, defense, example=example, seed=asked.seed)
    with claimed(out, _question(asked, inputs), HARDENED, replace=replace) as answered:
        if answered:
            return check(Hardened, read_json(out / HARDENED))
        hardened = _hardened(asked, inputs, net, out, quiet=quiet)
        write_hardened_page(out, hardened)
    (out / CHECKPOINT).unlink(missing_ok=True)  # the answer is there, and marked as such
    return hardened


def _hardened(
    asked: HardenAsked, inputs: Inputs, net: "nn.Module", out: Path, *, quiet: bool
) -> "Hardened":
    from blurnet import defenses
    from blurnet.cli.outputs import computed_now
    from blurnet.defenses.loading import FILE
    from blurnet.evaluation.hardened import Hardened
    from blurnet.files import write_whole

    start, defense = time.monotonic(), asked.defense
    before = _accuracy(inputs.network, inputs.photographs)
    history = _trained(asked, inputs, net, out, quiet=quiet) if defense.trained else None
    remembered = _remembered(asked)
    hardened = Hardened(
        network=inputs.name,
        defense=defenses.defense_of(net),
        classes=inputs.classes,
        remembered=remembered,
        weights=asked.network.weights is not None or asked.network.file is not None,
        epochs=asked.training.epochs if history else 0,
        trained_on=len(inputs.train) if history and inputs.train is not None else 0,
        losses=tuple(history.losses) if history else (),
        before=before,
        after=_accuracy(net, inputs.photographs),
        seed=asked.seed,
        computed=computed_now(time.monotonic() - start),
    )
    defenses.save(
        net,
        out / FILE,
        classes=inputs.classes,
        example=list(inputs.photographs.shape),
        model=remembered.model,
    )
    write_whole(out / HARDENED, (hardened.model_dump_json(indent=1) + "\n").encode())
    return hardened


def _trained(
    asked: HardenAsked, inputs: Inputs, net: "nn.Module", out: Path, *, quiet: bool
) -> "History":
    from blurnet.cli.progress import step_progress
    from blurnet.defenses import train
    from blurnet.training import Checkpoints, FitSettings, SignAugmentation, set_aside_broken

    assert inputs.train is not None
    set_aside_broken(out / CHECKPOINT)
    images = inputs.train.labelled_as(inputs.classes)
    with step_progress(f"training on {len(images)} images", quiet=quiet) as on_step:
        return train(
            net,
            images,
            settings=FitSettings(epochs=asked.training.epochs, lr=asked.training.lr),
            augmentation=SignAugmentation() if asked.training.augment else None,
            seed=asked.seed,
            on_step=on_step,
            checkpoints=Checkpoints(out / CHECKPOINT, _question(asked, inputs)),
        )


def _accuracy(net: "nn.Module", images: "ImageSet") -> "Rate":
    from blurnet.evaluation import predict, rate

    return rate(predict(net, images.images).classes == images.labels)


def _remembered(asked: HardenAsked) -> "Remembered":
    from blurnet.evaluation.hardened import Remembered
    from blurnet.experiments.steps.building import placed

    photographs, named = asked.photographs, asked.network.model
    return Remembered(
        model=_model_of(asked.network.file) if named is None else placed(named, Path()),
        data=photographs.data,
        mask=asked.mask,
        size=photographs.size,
        channels=photographs.channels or 3,
    )


def _model_of(file: Path | None) -> str | None:
    """Give what a network's file says that builds it."""
    from blurnet.data import read_safetensors
    from blurnet.defenses.loading import FILE
    from blurnet.models.weights import told_in

    assert file is not None
    path = file / FILE if file.is_dir() else file
    told = told_in(path, read_safetensors(path)[1])
    return told.model or (told.recipe or {}).get("model")


def _question(asked: HardenAsked, inputs: Inputs) -> dict[str, object]:
    from blurnet.cli.fingerprints import fingerprint_of

    return {
        "command": "harden",
        "network": fingerprint_of(inputs.network, asked.network),
        "data": inputs.photographs.fingerprint(),
        "train": None if inputs.train is None else inputs.train.fingerprint(),
        "defense": asked.defense.model_dump(mode="json"),
        "mask": asked.mask,
        "epochs": asked.training.epochs,
        "lr": asked.training.lr,
        "augment": asked.training.augment,
        "seed": asked.seed,
    }
