"""Train one network in a folder, from its recipe to a file that says what it is."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from blurnet.defenses import Defense, Recipe, save
from blurnet.engine import OnBegin, Records, run_steps
from blurnet.errors import BlurnetError
from blurnet.evaluation import Rate
from blurnet.settings import Settings

from .sources import DataSource
from .steps.network import network_of
from .steps.training import trained

NETWORK = "network.safetensors"


class Trained(Settings):
    """What a training gave.

    Args:
        network: the file that holds the network and says what it is.
        classes: what its logits are called.
        defense: what hardened it, the places of filters filled in.
        test_accuracy: of the data's test images.
        train_images: how many it was trained on.
        step: the key of its record.
        seconds: how long the training took, when it was done.

    """

    network: Path
    classes: tuple[str, ...]
    defense: Defense
    test_accuracy: Rate
    train_images: int
    step: str
    seconds: float


def train_network(
    source: DataSource,
    recipe: Recipe,
    folder: Path,
    *,
    seed: int,
    start: Mapping[str, Tensor] | None = None,
    on_begin: OnBegin | None = None,
    replace: bool = False,
) -> Trained:
    """Train a network and write it to ``folder``.

    Args:
        source: what it is trained and tested on.
        recipe: what it is and how it is trained.
        folder: where its record and ``network.safetensors`` are kept; made if it does not exist. A
            training that was cut off there goes on where it was, and one that is recorded there is
            not done again.
        seed: of all chance.
        start: the weights, without filters, that training starts from; drawn if None.
        on_begin: told of the training's progress; see ``run_steps``.
        replace: whether a network there that was trained otherwise may be replaced.

    Raises:
        BlurnetError: for wrong inputs, or another network there, before anything is written; if
            the training fails; if another run holds the folder; if the disk does not take the
            results.

    """
    planned = trained(source, recipe, seed=seed, called="a network", start=start)
    records, path = Records(folder), folder / NETWORK
    if path.exists() and planned.step.key not in records and not replace:
        raise BlurnetError(
            f"{path}: a network that was trained otherwise is there; choose another folder with "
            "--out, or --replace it"
        )
    with records.locked():
        run_steps([planned.step], records, on_begin)
        outcome = records.outcome(planned.step)
        values = outcome.values
        assert values.test_accuracy is not None
        assert values.train_images is not None
        save(
            network_of(outcome),
            path,
            classes=values.classes,
            recipe=recipe.model_copy(update={"defense": planned.defense}),
            example=[recipe.channels, recipe.size, recipe.size],
            seed=seed,
            test_accuracy=values.test_accuracy.value,
        )
    return Trained(
        network=path,
        classes=values.classes,
        defense=planned.defense,
        test_accuracy=values.test_accuracy,
        train_images=values.train_images,
        step=planned.step.key,
        seconds=records.recorded(planned.step.key).computed.seconds,
    )
