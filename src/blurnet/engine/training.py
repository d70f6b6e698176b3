"""Train one network in a folder, from its recipe to a file that says what it is."""

from pathlib import Path
from typing import Any

from blurnet.experiments.networks import Recipe, trained_network
from blurnet.experiments.sources import DataSource
from blurnet.models import write_network

from .local import OnCell, run_cells
from .records import Records

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
