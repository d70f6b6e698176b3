"""The black-box experiment: a sticker made for one network, carried over to filtered ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from blurnet.attacks import RP2Settings
from blurnet.data import parse_classes, synthetic
from blurnet.data.rp2 import load_noise, load_scene
from blurnet.data.scene import Scene
from blurnet.errors import BlurnetError
from blurnet.evaluation import attack_rates, mean_rate, predict, rate
from blurnet.filters import Padding
from blurnet.models import build
from blurnet.training import FitSettings

from .cells import Cell, OnStep, Outcome
from .defense import FilterDescription, defend
from .judging import CONTROL_SEED, CONTROL_STICKERS, control_images
from .networks import Recipe, check_names, network_of, published_network, trained_network
from .settings import Settings
from .sources import DataSource
from .stickers import made_sticker, published_sticker

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
        if self.rp2 is not None and not self.rp2.is_dir():
            raise BlurnetError(
                f"{self.rp2}: no such folder; --rp2 takes one with lisa_cnn.safetensors, "
                "sticker_noise.safetensors, victims/ and masks/"
            )
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
            victim = published_network(self.rp2 / "lisa_cnn.safetensors", "lisa_cnn")
            scene = load_scene(self.rp2)
            noise, target = load_noise(self.rp2)
            stickers["same_weights"] = published_sticker(noise, scene, target)
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
                cell = _transfer_cell(
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
    rates = attack_rates(
        torch.tensor(values["clean"]["classes"]),
        torch.tensor(values["attacked"]["classes"]),
        values["true"],
        values["target"],
    )
    measured = {
        "accuracy": rates.accuracy,
        "attack_success_rate": rates.attack_success_rate,
        "prediction_altered_rate": rates.prediction_altered_rate,
        "target_reached_rate": rates.target_reached_rate,
        "control_success_rate": mean_rate(torch.tensor(values["control"]) != values["true"]),
    }
    test = values["test"]
    if test is not None:
        measured["test_accuracy"] = rate(torch.arange(test["total"]) < test["count"])
    return {
        "label": planned.row.label,
        "defense": [f.model_dump() for f in planned.filters],
        "transfer": planned.transfer,
        **{name: measured_rate.value for name, measured_rate in measured.items()},
        "l2_dissimilarity": values["l2_dissimilarity"],
        "images": rates.accuracy.total,
        "test_images": None if test is None else test["total"],
        "intervals": {name: [r.low, r.high] for name, r in measured.items()},
        "published": planned.row.published if planned.transfer == "same_weights" else None,
        "cell": planned.cell.key,
    }


def _transfer_cell(
    label: str,
    network: Cell,
    filters: Sequence[FilterDescription],
    sticker: Cell,
    source: DataSource | None,
) -> Cell:
    return Cell(
        kind="transfer",
        title=f"carry the sticker over to: {label}",
        config={
            "filters": [f.model_dump() for f in filters],
            "test": None if source is None else source.identity(),
            "control": {"stickers": CONTROL_STICKERS, "seed": CONTROL_SEED},
        },
        work=partial(_transfer, filters, source),
        needs={"network": network, "sticker": sticker},
    )


def _transfer(
    filters: Sequence[FilterDescription],
    source: DataSource | None,
    needs: Mapping[str, Outcome],
    _on_step: OnStep,
    _folder: Path,
) -> Outcome:
    network, sticker = needs["network"], needs["sticker"]
    classes = network.values["classes"]
    clean = sticker.tensors["clean"]
    model = defend(network_of(network), filters, example=clean[:1].float() / 255)
    test = None
    if source is not None:
        signs = source.load().test
        labels = torch.tensor([classes.index(name) for name in signs.classes])[signs.labels]
        right = predict(model, signs.images).classes == labels
        test = {"count": int(right.sum()), "total": len(right)}
    control = [
        predict(model, views).classes.tolist()
        for views in control_images(clean.float() / 255, sticker.tensors["mask"])
    ]
    answers = {
        "clean": predict(model, clean),
        "attacked": predict(model, sticker.tensors["adversarial"]),
    }
    values = {
        "classes": classes,
        "true": classes.index(sticker.values["true_class"]),
        "target": classes.index(sticker.values["target"]),
        **{
            state: {"classes": a.classes.tolist(), "confidence": a.confidence.tolist()}
            for state, a in answers.items()
        },
        "control": control,
        "l2_dissimilarity": sticker.values["l2_dissimilarity"],
        "test": test,
    }
    return Outcome(values)
