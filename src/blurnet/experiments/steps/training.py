"""A step that trains a network, with its defense."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from blurnet.data.tensors import hash_tensors
from blurnet.defenses import Defense, Recipe, defense_of, train
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation import predict, rate
from blurnet.experiments.sources import DataSource, Identity
from blurnet.models import MODELS
from blurnet.penalties import penalty_terms
from blurnet.settings import Settings
from blurnet.training import Checkpoints, Progress, set_aside_broken

from .building import build_network, content_of, inner
from .network import PlannedNetwork
from .values import NetworkValues

CHECKPOINT_SECONDS = 30.0
"""How much training a kill can cost."""


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
    classes, identity = tuple(source.names()), source.identity()
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
        path, _, name = recipe.model.rpartition(":")
        name = name if path else "program"
    step = Step(
        kind="train",
        version=1,
        title=f"train {called} ({name}, seed {seed})",
        config=TrainConfig(
            recipe=recipe.model_copy(update={"model": name}),
            content=content,
            classes=classes,
            seed=seed,
            data=identity,
            start="" if start is None else hash_tensors(start),
        ),
        values=NetworkValues,
        work=partial(_train, source, identity, recipe, seed, start),
        needs=needs,
    )
    return PlannedNetwork(step, recipe.model, classes, recipe.size, recipe.channels, defense)


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
    identity: Identity,
    recipe: Recipe,
    seed: int,
    start: Mapping[str, Tensor] | None,
    needs: Needs,
    on_step: OnStep,
    folder: Path,
) -> Outcome[NetworkValues]:
    images, test = source.load_same(identity)
    if "undefended" in needs:
        start = needs["undefended"].tensors
    network = recipe_network(recipe, images.classes, seed=seed, start=start)
    checkpoint = folder / "checkpoint.safetensors"
    set_aside_broken(checkpoint)
    history = train(
        network,
        images,
        defense=recipe.defense,
        settings=recipe.training,
        augmentation=recipe.augmentation,
        seed=seed,
        checkpoints=Checkpoints(
            checkpoint,
            {"recipe": recipe.model_dump(mode="json"), "classes": images.classes, "seed": seed},
            every_seconds=CHECKPOINT_SECONDS,
        ),
        on_progress=_told(on_step),
    )
    values = NetworkValues(
        model=recipe.model,
        size=recipe.size,
        channels=recipe.channels,
        classes=images.classes,
        filters=recipe.defense.filters,
        train_images=len(images),
        test_accuracy=rate(predict(network, test.images).classes == test.labels),
        epoch_losses=tuple(history.losses),
    )
    return Outcome(values, inner(network).state_dict())


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
