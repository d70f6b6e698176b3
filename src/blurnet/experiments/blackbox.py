"""The black-box experiment: a sticker made for one network, carried over to filtered ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from blurnet.attacks import RP2Settings
from blurnet.data import parse_classes, synthetic
from blurnet.data.scene import Scene
from blurnet.defenses.blur import FilterDescription, defend
from blurnet.engine.step import Cell, Outcome
from blurnet.errors import BlurnetError
from blurnet.experiments.settings import Settings
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import Recipe, check_names, trained_network
from blurnet.experiments.steps.sticker import made_sticker, published_scene
from blurnet.experiments.steps.transfer import transfer_cell, transfer_rates
from blurnet.filters import Padding
from blurnet.models import build
from blurnet.training import FitSettings

Transfer = Literal["same_weights", "surrogate"]


class Row(Settings):
    """A defended network: its filters, and what was published about it, as shares."""

    label: str
    filters: tuple[FilterDescription, ...] = ()
    published: dict[str, float] | None = None


class Blackbox(Settings):
    """The settings of a black-box experiment; ``blackbox.yaml`` says what each is for."""

    experiment: Literal["blackbox"]
    rp2: Path | None
    data: str | None
    classes: str
    split: Literal["block", "random"]
    skip_unreadable: bool
    model: str
    training: FitSettings
    seed: int
    surrogate_seed: int
    true_class: str
    target: str
    attack: RP2Settings
    padding: Padding
    transfer: tuple[Transfer, ...]
    rows: tuple[Row, ...]

    def expand(self) -> "Plan":
        """Read and check all inputs, and lay out the cells. Writes nothing, computes nothing long.

        Raises:
            BlurnetError: for whatever is wrong with an input, before any work is done.

        """
        if self.rp2 is not None:
            victim, published, scene, target = published_scene(self.rp2)
        source = None
        if self.data is not None or self.rp2 is None:
            source = DataSource(
                "synthetic" if self.data is None else self.data,
                parse_classes(self.classes),
                self.split,
                self.skip_unreadable,
            )
        stickers: dict[Transfer, Cell] = {}
        if self.rp2 is not None:
            stickers["same_weights"] = published
        else:
            assert source is not None
            victim = self._trained(source, self.seed, "the network")
            scene, target = synthetic.draw_scene(self.true_class), self.target
            stickers["same_weights"] = self._attacked(victim, scene, target, self.seed)
        classes = victim.config["classes"]
        check_names(f"{self.rp2 or 'the drawn scene'}", (scene.true_class, target), classes)
        if target == scene.true_class:
            raise BlurnetError(
                f"the target is {target!r}, which the scene shows; choose another of the classes"
            )
        if source is not None:
            check_names(f"the data {source.spec}", source.names(), classes)
            check_names("the scene and its target", (scene.true_class, target), source.names())
            surrogate = self._trained(source, self.surrogate_seed, "the surrogate")
            stickers["surrogate"] = self._attacked(surrogate, scene, target, self.surrogate_seed)
        model = self.model if self.rp2 is None else "lisa_cnn"
        network = build(model, len(classes), seed=0)
        rows = []
        for transfer in self.transfer:
            for row in self.rows if transfer in stickers else ():
                filters = tuple(
                    f.model_copy(update={"padding": f.padding or self.padding}) for f in row.filters
                )
                defend(network, filters, example=scene.floats[:1])
                cell = transfer_cell(
                    f"{row.label}, {transfer}", victim, filters, stickers[transfer], source
                )
                rows.append(PlannedRow(row, transfer, filters, cell))
        if not rows:
            raise BlurnetError(
                "the experiment has no rows to fill: rows of transfer 'surrogate' need --data "
                "where --rp2 gives the network"
            )
        return Plan(tuple(rows), {"true_class": scene.true_class, "target": target})

    def _trained(self, source: DataSource, seed: int, called: str) -> Cell:
        recipe = Recipe(model=self.model, training=self.training)
        return trained_network(source, recipe, seed=seed, called=called)

    def _attacked(self, network: Cell, scene: Scene, target: str, seed: int) -> Cell:
        called = network.title.removeprefix("train ")
        return made_sticker(network, scene, target, self.attack, seed=seed, called=called)


@dataclass(frozen=True)
class PlannedRow:
    """A row of the table, and the cell that fills it."""

    row: Row
    transfer: Transfer
    filters: tuple[FilterDescription, ...]
    cell: Cell


@dataclass(frozen=True)
class Plan:
    """What a black-box experiment needs done, and how its table follows from it."""

    planned: tuple[PlannedRow, ...]
    found: dict[str, str]
    """Settings that the inputs decide, where ``--rp2`` brings them."""

    @property
    def cells(self) -> list[Cell]:
        """The cells whose records the table reads."""
        return [planned.cell for planned in self.planned]

    def rows(self, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
        """Make the table's rows from the records.

        Args:
            outcomes: cell key → what the cell found.

        """
        return [_table_row(planned, outcomes[planned.cell.key].values) for planned in self.planned]


def _table_row(planned: PlannedRow, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": planned.row.label,
        "defense": [f.model_dump() for f in planned.filters],
        "transfer": planned.transfer,
        **transfer_rates(values),
        "published": planned.row.published if planned.transfer == "same_weights" else None,
        "cell": planned.cell.key,
    }
