"""Defenses side by side: trained with several seeds, judged on clean signs, attacked white-box."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from blurnet.attacks import RP2Settings
from blurnet.data import parse_classes, synthetic
from blurnet.data.rp2 import load_scene
from blurnet.data.scene import Scene
from blurnet.defenses.blur import FilterDescription
from blurnet.engine.step import Cell
from blurnet.errors import BlurnetError
from blurnet.experiments.defense_table import Judged, Plan, PlannedRow
from blurnet.experiments.scenes import held_out_scene
from blurnet.experiments.settings import Settings, check
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import (
    Recipe,
    check_names,
    published_network,
    trained_network,
)
from blurnet.experiments.steps.whitebox import attacked, judged
from blurnet.filters import Padding
from blurnet.penalties import Penalty
from blurnet.training import FitSettings, SignAugmentation


class DefenseRow(Settings):
    """A way to train a network, and what was published about it.

    ``training`` and ``augmentation`` change the experiment's for this row; ``warm_start`` starts
    from the undefended network as the experiment trains it; ``alphas`` make a row of each.

    With ``rp2_network``, the network that comes with ``--rp2`` instead, trained by others; a run
    without ``--rp2`` leaves the row out.
    """

    label: str
    rp2_network: bool = False
    model: str | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    augmentation: SignAugmentation | None = None
    filters: tuple[FilterDescription, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    hardening: dict[str, Any] | None = None
    warm_start: bool = False
    alphas: tuple[float, ...] = ()
    published: dict[str, float] | None = None

    def expand(self) -> Iterator["DefenseRow"]:
        """Give a row for each of its ``alphas``, or itself.

        Raises:
            BlurnetError: if there are alphas and no penalty to give them to.

        """
        if not self.alphas:
            yield self
            return
        if len(self.penalties) != 1:
            raise BlurnetError(
                f"row {self.label!r}: alphas are for one penalty, not {len(self.penalties)}"
            )
        (penalty,) = self.penalties
        for alpha in self.alphas:
            changed = Penalty(penalty.name, alpha, penalty.layers, penalty.kernel, penalty.size)
            yield self.model_copy(update={"penalties": (changed,), "alphas": ()})


class Attack(Settings):
    """RP2's settings, and whether scenes of other classes are attacked with them too."""

    settings: RP2Settings
    others: bool = True


class Defenses(Settings):
    """The settings of such an experiment; ``train-defenses.yaml`` says what each is for."""

    experiment: Literal["train-defenses", "alphas", "whitebox"]
    rp2: Path | None
    data: str | None
    classes: str
    split: Literal["block", "random"]
    skip_unreadable: bool
    validation: bool
    model: str
    training: FitSettings
    augmentation: SignAugmentation | None
    padding: Padding
    seeds: tuple[int, ...] = Field(min_length=1)
    layer: str
    true_class: str
    views: int
    other_classes: tuple[str, ...]
    other_views: int
    mask_scale: float
    attacks: dict[str, Attack]
    rows: tuple[DefenseRow, ...] = Field(min_length=1)

    def expand(self) -> Plan:
        """Read and check all inputs, and lay out the cells. Writes nothing, computes nothing long.

        Raises:
            BlurnetError: for whatever is wrong with an input, before any work is done.

        """
        if len(set(self.seeds)) < len(self.seeds):
            raise BlurnetError(f"setting seeds: each once; found {list(self.seeds)}")
        source = DataSource(
            self.data or "synthetic",
            parse_classes(self.classes),
            self.split,
            self.skip_unreadable,
            self.validation,
        )
        scenes = self._scenes(source) if self.attacks else ()
        true_class = scenes[0].true_class if scenes else self.true_class
        if true_class not in source.names():
            raise BlurnetError(
                f"setting true_class: {true_class!r} is not among the data's classes: "
                f"{', '.join(source.names())}"
            )
        rows = [row for described in self.rows for row in described.expand()]
        planned = [
            self._published(row, source, scenes)
            if row.rp2_network
            else self._planned(row, source, scenes)
            for row in rows
            if self.rp2 is not None or not row.rp2_network
        ]
        if not planned:
            raise BlurnetError("the experiment's only rows are of RP2's own network; give --rp2")
        return Plan(tuple(planned), true_class)

    def _scenes(self, source: DataSource) -> tuple[Scene, ...]:
        """Give the views to attack: first those of the true class, then those of others."""
        if self.rp2 is not None:
            if not self.rp2.is_dir():
                raise BlurnetError(
                    f"{self.rp2}: no such folder; --rp2 takes one with lisa_cnn.safetensors, "
                    "victims/ and masks/"
                )
            first = load_scene(self.rp2)
        elif self.data is None:
            first = synthetic.draw_scene(self.true_class, self.views)
        else:
            first = held_out_scene(source, self.true_class, self.views, self.mask_scale)
        for name in (first.true_class, *self.other_classes):
            if name not in source.names():
                raise BlurnetError(
                    f"{name!r} is to be attacked and is not among the data's classes: "
                    f"{', '.join(source.names())}"
                )
        others = (
            held_out_scene(source, name, self.other_views, self.mask_scale)
            for name in self.other_classes
        )
        return (first, *others)

    def _planned(
        self, row: DefenseRow, source: DataSource, scenes: tuple[Scene, ...]
    ) -> PlannedRow:
        filters = tuple(
            f.model_copy(update={"padding": f.padding or self.padding}) for f in row.filters
        )
        recipe = check(
            Recipe,
            {
                "model": row.model or self.model,
                "training": {**vars(self.training), **row.training},
                "augmentation": row.augmentation or self.augmentation,
                "filters": filters,
                "penalties": row.penalties,
                "hardening": row.hardening,
                "warm_start": row.warm_start and self.training,
            },
        )
        alpha = row.penalties[0].alpha if len(row.penalties) == 1 else None
        called = row.label if alpha is None else f"{row.label} α {alpha:g}"
        each = [
            self._judged(
                trained_network(source, recipe, seed=seed, called=called),
                source,
                scenes,
                seed,
                called,
            )
            for seed in self.seeds
        ]
        defense = recipe.model_dump(mode="json", exclude={"training", "augmentation"})
        return PlannedRow(row.label, defense, alpha, row.published, tuple(each))

    def _published(
        self, row: DefenseRow, source: DataSource, scenes: tuple[Scene, ...]
    ) -> PlannedRow:
        assert self.rp2 is not None
        network = published_network(self.rp2 / "lisa_cnn.safetensors", "lisa_cnn")
        check_names(f"the data {source.spec}", source.names(), network.config["classes"])
        each = [
            self._judged(network, source, scenes, seed, row.label, train=False)
            for seed in self.seeds
        ]
        return PlannedRow(row.label, {"model": "lisa_cnn"}, None, row.published, tuple(each))

    def _judged(
        self,
        network: Cell,
        source: DataSource,
        scenes: tuple[Scene, ...],
        seed: int,
        called: str,
        *,
        train: bool = True,
    ) -> Judged:
        called = f"{called}, seed {seed}"
        attacks = {
            name: tuple(
                attacked(network, scene, attack.settings, seed=seed, called=f"{called} ({name})")
                for scene in (scenes if attack.others else scenes[:1])
            )
            for name, attack in self.attacks.items()
        }
        return Judged(
            seed,
            network if train else None,
            judged(network, source, self.layer, called),
            attacks,
        )
