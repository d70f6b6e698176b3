"""What all kinds of experiments are given, and how it is read and checked: once, for all."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from blurnet.data import CLASS_SETS, RP2_CLASSES, SYNTHETIC, parse_classes
from blurnet.data.scene import Scene
from blurnet.defenses import Defense, Recipe
from blurnet.errors import BlurnetError
from blurnet.filters import Padding
from blurnet.settings import Settings, check
from blurnet.training import FitSettings, SignAugmentation

from .plan import Plan
from .scenes import scene_of
from .sources import DataSource, check_names
from .steps.building import placed
from .steps.network import PlannedNetwork
from .steps.sticker import Published, read_published
from .steps.training import trained

RP2_ONLY = ("true_class", "size", "channels")
"""What the photographs that come with ``rp2`` decide in every kind of experiment."""


class Inputs(Settings):
    """The settings that all kinds of experiments share.

    Args:
        kind: a key of ``KINDS``.
        rp2: a folder with what RP2 published: a network, photographs, a mask and a sticker.
        data: what networks are trained and tested on; see ``DataSource.spec``. None for drawn
            signs, or for nothing where ``rp2`` gives all that is needed.
        classes: "rp2" (the 17 of RP2's network), "all", or names with commas between them. None for
            all classes of own data, and for the 17 otherwise.
        split: how an archive that comes in one piece is parted into train and test.
        skip_unreadable: go on without images that cannot be read.
        validation: test on the last fifth of the training part instead of test images.
        model: a key of ``blurnet.models.MODELS``; ``package.module:callable``; or
            ``file.py:callable``, the file relative to that of the experiment.
        size: height and width of the images, in pixels.
        channels: of the images, 3 for RGB or 1 for grey.
        training: how networks are trained.
        augmentation: how training images are changed; None for not at all.
        padding: what lies beyond the border for filters that do not say it themselves.
        true_class: what the attacked scene shows.
        views: how many images of it are attacked.
        mask_scale: of the sticker on held-out images, two bars: 1 is 72 of 32 × 32 pixels.

    """

    row: ClassVar[type[BaseModel]]
    """What its table consists of."""

    kind: str
    rp2: Path | None = None
    data: str | None = None
    classes: str | None = None
    split: Literal["block", "random"] = "block"
    skip_unreadable: bool = False
    validation: bool = False
    model: str = "lisa_cnn"
    size: int = Field(default=32, ge=1)
    channels: int = Field(default=3, ge=1)
    training: FitSettings = FitSettings()
    augmentation: SignAugmentation | None = None
    padding: Padding = "zeros"
    true_class: str = "stop"
    views: int = Field(default=40, ge=1)
    mask_scale: float = 1

    @model_validator(mode="before")
    @classmethod
    def _padded(cls, content: Any) -> Any:
        """Give the experiment's padding to the filters of rows that have none of their own."""
        if not isinstance(content, dict) or not isinstance(content.get("rows"), list | tuple):
            return content
        padding = content.get("padding", cls.model_fields["padding"].default)
        return content | {"rows": [_with_padding(row, padding) for row in content["rows"]]}

    @abstractmethod
    def expand(self, folder: Path) -> Plan[Any]:
        """Read and check all inputs, and lay out the steps. Writes nothing, computes nothing long.

        Args:
            folder: where the file of a user's own model is looked for first.

        Raises:
            BlurnetError: for whatever is wrong with an input, before any work is done.

        """

    @abstractmethod
    def void(self) -> Sequence[str]:
        """Name the settings that ``rp2`` makes void, given the others."""


@dataclass(frozen=True, eq=False)
class Given:
    """An experiment's inputs, read and checked.

    Args:
        asked: the settings.
        folder: that of the experiment's file.
        source: the images that networks are trained and tested on; None where none are.
        published: what came with ``rp2``.
        scene: what is attacked.

    """

    asked: Inputs
    folder: Path
    source: DataSource | None
    published: Published | None
    scene: Scene

    def recipe(self, model: str | None = None, **more: Any) -> Recipe:
        """Describe a network as the experiment trains it.

        Args:
            model: another one than the experiment's.
            more: other fields of the recipe.

        """
        described = {
            "model": placed(model or self.asked.model, self.folder),
            "size": self.asked.size,
            "channels": self.asked.channels,
            "training": self.asked.training,
            "augmentation": self.asked.augmentation,
        }
        return check(Recipe, described | more)

    def trained(self, recipe: Recipe, *, seed: int, called: str) -> PlannedNetwork:
        """Plan training a network on the experiment's data."""
        assert self.source is not None
        return trained(self.source, recipe, seed=seed, called=called)

    @property
    def rp2_differs(self) -> tuple[str, ...] | None:
        """What of the folder ``rp2`` is not RP2's own; None without one."""
        return None if self.published is None else self.published.differs

    def check_target(self, target: str, classes: Sequence[str]) -> None:
        """Raise a BlurnetError if a sticker cannot aim at ``target`` on a network's classes."""
        true = self.scene.true_class
        if target == true:
            raise BlurnetError(
                f"the target is {target!r}, which the scene shows; choose another of the classes"
            )
        whose = "the scene and its target" if self.asked.rp2 is None else str(self.asked.rp2)
        check_names(whose, (true, target), classes)
        if self.source is not None:
            check_names(f"the data {self.source.spec}", self.source.names(), classes)
            check_names(whose, (true, target), self.source.names())


def read_inputs(asked: Inputs, folder: Path, *, trains: bool) -> Given:
    """Read and check what an experiment is given.

    Args:
        asked: its settings.
        folder: that of its file.
        trains: whether it trains networks even where ``rp2`` gives one.

    Raises:
        BlurnetError: if something is missing, broken, or does not fit the rest.

    """
    published = None if asked.rp2 is None else read_published(asked.rp2)
    source = None
    if asked.data is not None or published is None or trains:
        spec = SYNTHETIC if asked.data is None else asked.data
        source = DataSource(
            spec,
            _classes(asked, spec),
            asked.split,
            asked.skip_unreadable,
            asked.validation,
            asked.size,
            asked.channels,
        )
        _check_classes(asked, source)
    if published is not None:
        scene = published.scene
    else:
        assert source is not None
        if asked.true_class not in source.names():
            raise BlurnetError(
                f"setting true_class: {asked.true_class!r} is not among the data's classes: "
                f"{', '.join(source.names())}"
            )
        scene = scene_of(source, asked.true_class, asked.views, asked.mask_scale)
    return Given(asked, folder, source, published, scene)


def finished_only(label: str, defense: Defense, instead: str = "") -> Defense:
    """Give a defense of a finished network back.

    Args:
        label: the row's.
        defense: what its network gets.
        instead: what would do for one that takes effect by training.

    Raises:
        BlurnetError: if it takes effect by training.

    """
    if defense.trained:
        raise BlurnetError(
            f"row {label!r}: penalties, augmentation, adversarial training and trainable filters "
            f"are for training, and this network is finished{instead}"
        )
    return defense


def _classes(asked: Inputs, spec: str) -> tuple[str, ...] | None:
    if asked.classes is not None:
        return parse_classes(asked.classes)
    return RP2_CLASSES if spec == SYNTHETIC else None


def _check_classes(asked: Inputs, source: DataSource) -> None:
    """Read the data, and say what would do where they lack the classes of a set."""
    try:
        source.names()
    except BlurnetError as error:
        if asked.classes in CLASS_SETS and "no class" in str(error):
            raise BlurnetError(f"{error}; --classes all takes what there is") from None
        raise


def _with_padding(row: Any, padding: Any) -> Any:
    if not isinstance(row, dict) or not isinstance(row.get("defense"), dict):
        return row
    filters = row["defense"].get("filters")
    if not isinstance(filters, list | tuple):
        return row
    padded = [{"padding": padding} | each if isinstance(each, dict) else each for each in filters]
    return row | {"defense": row["defense"] | {"filters": padded}}
