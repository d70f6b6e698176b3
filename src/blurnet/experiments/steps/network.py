"""Steps that give a network: read from a file, trained, or given filters when it is finished."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.defenses import Blur, Defense, Recipe, defense_of
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.errors import BlurnetError
from blurnet.evaluation import predict, rate
from blurnet.experiments.sources import DataSource, Identity
from blurnet.models import MODELS, load_weights, read_network
from blurnet.penalties import penalty_terms
from blurnet.settings import Settings
from blurnet.training import Checkpoints, Progress, fit

from .building import build_network, content_of, hash_tensors, inner, put_in
from .values import NetworkValues

CHECKPOINT_SECONDS = 30.0
"""How much training a kill can cost."""


@dataclass(frozen=True, eq=False)
class PlannedNetwork:
    """A network that a step gives, and what is known of it before.

    ``defense`` is what hardens it, the places of filters filled in.
    """

    step: Step[NetworkValues]
    model: str
    classes: tuple[str, ...]
    size: int
    channels: int
    defense: Defense

    @property
    def example(self) -> Tensor:
        """An image that it takes."""
        return torch.zeros(1, self.channels, self.size, self.size)

    def undefended(self) -> nn.Module:
        """Build it without its defense, untrained."""
        return build_network(
            self.model, self.classes, size=self.size, channels=self.channels, seed=0
        )


class ReadConfig(Settings):
    """Of a network that is read from a file: what it is, and the hash of its weights."""

    model: str
    classes: tuple[str, ...]
    weights: str


class TrainConfig(Settings):
    """Of a network that is trained.

    Args:
        recipe: what it is and how it is trained; of a user's own network the model is named by its
            callable alone, and ``content`` tells the rest.
        content: see ``content_of``.
        classes: what its logits are called.
        seed: of all chance.
        data: what it is trained and tested on.
        start: the hash of the weights that it starts from; "" for drawn ones.

    """

    recipe: Recipe
    content: str = ""
    classes: tuple[str, ...]
    seed: int
    data: Identity
    start: str = ""


class FilterConfig(Settings):
    """Of a finished network that filters are put into."""

    filters: tuple[Blur, ...]


def read_from_file(path: Path, model: str, *, size: int) -> PlannedNetwork:
    """Plan reading the network in a weights file.

    Args:
        path: a safetensors file, as ``read_network`` takes it; read here.
        model: its architecture, a key of ``MODELS``.
        size: of its images.

    Raises:
        BlurnetError: if the file does not hold such a network.

    """
    network = read_network(path, MODELS[model])
    weights = network.model.state_dict()
    classes = network.classes
    values = NetworkValues(model=model, size=size, channels=3, classes=classes)
    step = Step(
        kind="network",
        version=1,
        title=f"read the network {path.name}",
        config=ReadConfig(model=model, classes=classes, weights=hash_tensors(weights)),
        values=NetworkValues,
        work=lambda _needs, _on_step, _folder: Outcome(values, weights),
    )
    return PlannedNetwork(step, model, classes, size, 3, Defense())


def trained(
    source: DataSource,
    recipe: Recipe,
    *,
    seed: int,
    called: str,
    start: Mapping[str, Tensor] | None = None,
) -> PlannedNetwork:
    """Plan training a network.

    Args:
        source: what it is trained and tested on.
        recipe: what it is and how it is trained; checked here.
        seed: of its weights, of the order of the images and of all other chance.
        called: what it is to the experiment, for the progress display.
        start: the weights, without filters, that training starts from; drawn if None.

    Raises:
        BlurnetError: if the recipe or the data make no sense.

    """
    classes = tuple(source.names())
    network = recipe_network(recipe, classes, seed=seed, start=start)
    filters = defense_of(network).filters
    defense = recipe.defense.model_copy(update={"filters": filters})
    recipe = recipe.model_copy(update={"defense": defense})
    needs = {}
    if recipe.undefended is not None:
        needs["undefended"] = trained(
            source,
            recipe.undefended,
            seed=seed,
            called="an undefended network to start from",
            start=start,
        ).step
    name, content = recipe.model, ""
    if recipe.model not in MODELS:
        undefended = recipe.model_copy(update={"defense": Defense()})
        content = content_of(recipe_network(undefended, classes, seed=seed, start=start))
        name = recipe.model.rpartition(":")[2]
    step = Step(
        kind="train",
        version=1,
        title=f"train {called} ({name}, seed {seed})",
        config=TrainConfig(
            recipe=recipe.model_copy(update={"model": name}),
            content=content,
            classes=classes,
            seed=seed,
            data=source.identity(),
            start="" if start is None else hash_tensors(start),
        ),
        values=NetworkValues,
        work=partial(_train, source, recipe, seed, start),
        needs=needs,
    )
    return PlannedNetwork(step, recipe.model, classes, recipe.size, recipe.channels, defense)


def filtered(network: PlannedNetwork, filters: Sequence[Blur]) -> PlannedNetwork:
    """Plan putting filters into a finished network, without training it again.

    Args:
        network: the finished one.
        filters: what to put where; with none the network itself is given back.

    Raises:
        BlurnetError: if a filter does not fit, or is to be trained.

    """
    if not filters:
        return network
    if any(blur.trainable for blur in filters):
        raise BlurnetError("a trainable filter is put into a network that is trained with it")
    made = put_in(network.undefended(), filters, example=network.example)
    defense = defense_of(made)
    filters = defense.filters
    step = Step(
        kind="filter",
        version=1,
        title=f"put {len(filters)} {'filter' if len(filters) == 1 else 'filters'} into a network",
        config=FilterConfig(filters=filters),
        values=NetworkValues,
        work=partial(_filter, filters),
        needs={"network": network.step},
    )
    return replace(network, step=step, defense=defense)


def network_of(outcome: Outcome[NetworkValues]) -> nn.Module:
    """Make the network that a step gave, in evaluation mode."""
    values = outcome.values
    network = build_network(
        values.model,
        values.classes,
        size=values.size,
        channels=values.channels,
        filters=values.filters,
        seed=0,
    )
    load_weights(inner(network), outcome.tensors, "a record of this run")
    return network.eval()


def recipe_network(
    recipe: Recipe,
    classes: Sequence[str],
    *,
    seed: int,
    start: Mapping[str, Tensor] | None = None,
) -> nn.Module:
    """Build a recipe's network, filters included, untrained.

    Args:
        recipe: what it is.
        classes: what its logits are called.
        seed: where weights and random kernels are drawn from.
        start: the weights of the network without filters, in place of random ones.

    Raises:
        BlurnetError: as ``build_network``, and if a penalty makes no sense in it.

    """
    network = build_network(
        recipe.model,
        classes,
        size=recipe.size,
        channels=recipe.channels,
        filters=recipe.defense.filters,
        seed=seed,
        start=start,
    )
    with penalty_terms(network, recipe.defense.penalties):
        return network


def _train(
    source: DataSource,
    recipe: Recipe,
    seed: int,
    start: Mapping[str, Tensor] | None,
    needs: Needs,
    on_step: OnStep,
    folder: Path,
) -> Outcome[NetworkValues]:
    train, test = source.load()
    if "undefended" in needs:
        start = needs["undefended"].tensors
    network = recipe_network(recipe, train.classes, seed=seed, start=start)
    history = fit(
        network,
        train,
        settings=recipe.training,
        generator=torch.Generator().manual_seed(seed),
        penalties=recipe.defense.penalties,
        augment=recipe.augmentation,
        harden=recipe.defense.harden(),
        checkpoints=Checkpoints(
            folder / "checkpoint.safetensors",
            {"recipe": recipe.model_dump(mode="json"), "classes": train.classes, "seed": seed},
            every_seconds=CHECKPOINT_SECONDS,
        ),
        on_progress=_told(on_step),
    )
    values = NetworkValues(
        model=recipe.model,
        size=recipe.size,
        channels=recipe.channels,
        classes=train.classes,
        filters=recipe.defense.filters,
        train_images=len(train),
        test_accuracy=rate(predict(network, test.images).classes == test.labels),
        epoch_losses=tuple(history.losses),
    )
    return Outcome(values, inner(network).state_dict())


def _filter(
    filters: tuple[Blur, ...], needs: Needs, _on_step: OnStep, _folder: Path
) -> Outcome[NetworkValues]:
    network: Outcome[NetworkValues] = needs["network"]
    before = network.values
    example = torch.zeros(1, before.channels, before.size, before.size)
    made = put_in(network_of(network), filters, example=example)
    values = NetworkValues(
        model=before.model,
        size=before.size,
        channels=before.channels,
        classes=before.classes,
        filters=(*before.filters, *filters),
    )
    return Outcome(values, inner(made).state_dict())


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
