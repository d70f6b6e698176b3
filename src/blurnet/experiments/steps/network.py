"""Cells that give a network: one read from a file, one trained."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from blurnet.defenses.blur import FilterDescription, defend
from blurnet.defenses.hardening import hardening
from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.errors import BlurnetError
from blurnet.evaluation import predict, rate
from blurnet.experiments.settings import Settings
from blurnet.experiments.sources import DataSource
from blurnet.models import MODELS, build, load_weights, read_network
from blurnet.penalties import Penalty, penalty_terms
from blurnet.training import Checkpoints, FitSettings, Harden, Progress, SignAugmentation, fit

IMAGE = (3, 32, 32)
"""The shape of the images that experiments run on."""

CHECKPOINT_SECONDS = 30.0
"""How much training a kill can cost."""


def published_network(path: Path, model: str) -> Cell:
    """Describe the network in a weights file.

    Args:
        path: a safetensors file, as ``read_network`` takes it; read here.
        model: the name of its architecture, a key of ``MODELS``.

    Raises:
        BlurnetError: if the file does not hold such a network.

    """
    network = read_network(path, MODELS[model])
    weights = network.model.state_dict()
    values = {"model": model, "filters": [], "classes": list(network.classes)}
    return Cell(
        kind="network",
        title=f"read the network {path.name}",
        config=values | {"weights": hash_tensors(weights)},
        work=lambda _needs, _on_step, _folder: Outcome(values, weights),
    )


class Recipe(Settings):
    """How a network is made and trained.

    Args:
        model: the name of its architecture, a key of ``MODELS``.
        training: the loop's settings.
        augmentation: how training images are changed, or None for not at all.
        filters: what is put into the network before it is trained.
        penalties: what is added to its loss.
        hardening: what each batch is made harder with: ``name``, a key of ``HARDENING``, and its
            settings; None for nothing.
        warm_start: how the same network without filters, penalties and hardening is trained, at
            whose weights the layers start; False to start at random ones.

    """

    model: str
    training: FitSettings = FitSettings()
    augmentation: SignAugmentation | None = None
    filters: tuple[FilterDescription, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    hardening: dict[str, Any] | None = None
    warm_start: FitSettings | Literal[False] = False

    @property
    def undefended(self) -> "Recipe | None":
        """The network whose weights a warm start takes: the same, without any defense."""
        if not self.warm_start:
            return None
        return Recipe(model=self.model, training=self.warm_start, augmentation=self.augmentation)

    def harden(self) -> Harden | None:
        """Make the hardening.

        Raises:
            BlurnetError: if there is none of that name, or it has no such setting.

        """
        return None if self.hardening is None else hardening(**self.hardening)

    def network(
        self,
        classes: int,
        image: tuple[int, ...],
        *,
        seed: int,
        start: Mapping[str, Tensor] | None = None,
    ) -> nn.Module:
        """Build the network, filters included, untrained.

        Args:
            classes: the number of its outputs.
            image: the shape of its images, C × H × W.
            seed: where weights and random kernels are drawn from.
            start: the weights of the network without filters, in place of random ones.

        Raises:
            BlurnetError: if there is no such model, or a filter or a penalty makes no sense in it.

        """
        generator = torch.Generator().manual_seed(seed)
        undefended = build(self.model, classes, seed=seed)
        if start is not None:
            load_weights(undefended, start, "the warm start")
        example = torch.zeros(1, *image)
        network = defend(undefended, self.filters, example=example, generator=generator)
        with penalty_terms(network, self.penalties):
            return network


def trained_network(source: DataSource, recipe: Recipe, *, seed: int, called: str) -> Cell:
    """Describe training a network.

    Args:
        source: what it is trained and tested on.
        recipe: what it is and how it is trained; checked here.
        seed: of its weights, of the order of the images and of all other chance.
        called: what it is to the experiment, for the progress display.

    Raises:
        BlurnetError: if the recipe or the data make no sense.

    """
    recipe.harden()
    recipe.network(len(source.names()), IMAGE, seed=seed)
    needs = {}
    if recipe.undefended is not None:
        needs["undefended"] = trained_network(
            source, recipe.undefended, seed=seed, called="an undefended network to start from"
        )
    return Cell(
        kind="train",
        title=f"train {called} ({recipe.model}, seed {seed})",
        config={
            "recipe": recipe.model_dump(mode="json"),
            "classes": list(source.names()),
            "seed": seed,
            "data": source.identity(),
        },
        work=partial(_train, source, recipe, seed),
        needs=needs,
    )


def network_of(outcome: Outcome) -> nn.Module:
    """Make the network that a network's cell gave, in evaluation mode."""
    values = outcome.values
    recipe = Recipe(model=values["model"], filters=values["filters"])
    model = recipe.network(len(values["classes"]), IMAGE, seed=0)
    load_weights(model, outcome.tensors, "a record of this run")
    return model.eval()


def check_names(whose: str, names: Sequence[str], classes: Sequence[str]) -> None:
    """Raise a BlurnetError if some of ``names`` are none of a network's ``classes``."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise BlurnetError(
            f"{whose}: {', '.join(map(repr, unknown[:3]))} "
            f"{f'and {len(unknown) - 3} more ' if len(unknown) > 3 else ''}"
            f"{'is' if len(unknown) == 1 else 'are'} not among the network's outputs: "
            f"{', '.join(classes)}"
        )


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, shapes and contents (SHA-256, hexadecimal)."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()


def _train(
    source: DataSource,
    recipe: Recipe,
    seed: int,
    needs: Mapping[str, Outcome],
    on_step: OnStep,
    folder: Path,
) -> Outcome:
    train, test = source.load()
    start = needs["undefended"].tensors if "undefended" in needs else None
    network = recipe.network(len(train.classes), IMAGE, seed=seed, start=start)
    history = fit(
        network,
        train,
        settings=recipe.training,
        generator=torch.Generator().manual_seed(seed),
        penalties=recipe.penalties,
        augment=recipe.augmentation,
        harden=recipe.harden(),
        checkpoints=Checkpoints(
            folder / "checkpoint.safetensors",
            {"recipe": recipe.model_dump(mode="json"), "classes": train.classes, "seed": seed},
            every_seconds=CHECKPOINT_SECONDS,
        ),
        on_progress=_told(on_step),
    )
    values = {
        "model": recipe.model,
        "filters": [description.model_dump() for description in recipe.filters],
        "classes": list(train.classes),
        "train_images": len(train),
        "test_accuracy": asdict(rate(predict(network, test.images).classes == test.labels)),
        "epoch_losses": history.losses,
    }
    return Outcome(values, network.state_dict())


def _told(on_step: OnStep) -> Callable[[Progress], None]:
    """Turn a training's progress into words: the running loss and accuracy, and the speed."""
    start, seen, loss, accuracy = time.monotonic(), 0, math.nan, math.nan

    def on_progress(now: Progress) -> None:
        nonlocal seen, loss, accuracy
        seen += now.images
        loss = now.loss if math.isnan(loss) else 0.95 * loss + 0.05 * now.loss
        accuracy = now.accuracy if math.isnan(accuracy) else 0.95 * accuracy + 0.05 * now.accuracy
        speed = seen / max(time.monotonic() - start, 1e-9)
        note = f"loss {loss:.3f}, accuracy {100 * accuracy:.1f} %, {speed:.0f} images/s"
        on_step(now.step, now.steps, note)

    return on_progress
