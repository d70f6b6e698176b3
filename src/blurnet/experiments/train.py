"""Train one network in a folder, from its recipe to a file that says what it is."""

import json
from pathlib import Path
from typing import Any

from blurnet.data.tensors import read_safetensors
from blurnet.engine.local import OnCell, run_cells
from blurnet.engine.records import Records
from blurnet.errors import BlurnetError
from blurnet.experiments.settings import check
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import IMAGE, Recipe, trained_network
from blurnet.models import Network, read_network, write_network

NETWORK = "network.safetensors"


def train_network(
    source: DataSource, recipe: Recipe, folder: Path, *, seed: int, on_cell: OnCell | None = None
) -> dict[str, Any]:
    """Train a network and write it to ``folder``.

    Args:
        source: what it is trained and tested on.
        recipe: what it is and how it is trained.
        folder: where its record and ``network.safetensors`` are kept; made if it does not exist. A
            training that was cut off there goes on where it was, and one that is recorded there is
            not done again.
        seed: of all chance.
        on_cell: told of the training's progress; see ``run_cells``.

    Returns:
        ``test_accuracy``, its ``interval``, ``test_images``, ``train_images``, ``classes``,
        ``checkpoint`` (the network's file) and ``cell``.

    Raises:
        BlurnetError: for wrong inputs, before anything is written; if the training fails; if
            another run holds the folder; if the disk does not take the results.

    """
    cell = trained_network(source, recipe, seed=seed, called="a network")
    records, path = Records(folder), folder / NETWORK
    with records.locked():
        run_cells([cell], records, on_cell)
        outcome = records[cell.key]
        accuracy = outcome.values["test_accuracy"]
        metadata = {
            "labels": outcome.values["classes"],
            "recipe": recipe.model_dump(mode="json"),
            "seed": seed,
            "data": source.identity(),
            "test_accuracy": accuracy,
        }
        write_network(path, outcome.tensors, metadata)
    return {
        "test_accuracy": accuracy["value"],
        "interval": [accuracy["low"], accuracy["high"]],
        "test_images": accuracy["total"],
        "train_images": outcome.values["train_images"],
        "classes": outcome.values["classes"],
        "checkpoint": str(path),
        "cell": cell.key,
    }


def read_trained(path: Path) -> Network:
    """Read a network that ``train_network`` wrote, filters included, or RP2's published one.

    Args:
        path: a safetensors file. Its metadata has ``labels``, and ``recipe`` unless the network is
            an undefended LISA-CNN.

    Returns:
        The network, in evaluation mode, and its classes.

    Raises:
        BlurnetError: if the file holds no such network.

    """
    described = read_safetensors(path)[1].get("recipe", '{"model": "lisa_cnn"}')
    try:
        recipe = check(Recipe, json.loads(described))
    except (ValueError, BlurnetError) as error:
        raise BlurnetError(
            f"{path}: the 'recipe' in the file's metadata is not blurnet's: {error}"
        ) from None
    return read_network(path, lambda classes: recipe.network(classes, IMAGE, seed=0))
