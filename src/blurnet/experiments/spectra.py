"""The talk's pictures, measured: spectra of maps before and after each defense, and deeper down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from blurnet.attacks import RP2Settings
from blurnet.data import parse_classes, synthetic
from blurnet.data.scene import Scene
from blurnet.defenses.blur import FilterDescription
from blurnet.engine.step import Cell
from blurnet.errors import BlurnetError
from blurnet.experiments.scenes import held_out_scene
from blurnet.experiments.settings import Settings, check
from blurnet.experiments.sources import DataSource
from blurnet.experiments.spectra_table import Plan, PlannedRow
from blurnet.experiments.steps.filtered import filtered_network
from blurnet.experiments.steps.network import IMAGE, Recipe, check_names, trained_network
from blurnet.experiments.steps.spectra import measured_spectra
from blurnet.experiments.steps.sticker import made_sticker, published_scene
from blurnet.experiments.steps.transfer import transfer_cell
from blurnet.experiments.steps.whitebox import attacked
from blurnet.filters import Padding
from blurnet.models import build
from blurnet.penalties import Penalty
from blurnet.spectra import activation_layers, map_layers
from blurnet.training import FitSettings, SignAugmentation

EACH_LAYER = "each layer"
"""Written in a filter's ``after``: a row for each activation of the network that gives maps."""


class SpectraRow(Settings):
    """A network to look into.

    Filters are put into the finished undefended network; with ``trained``, a network is trained
    with them, and with the penalties and the hardening. Such rows need ``--data``.
    """

    label: str
    trained: bool = False
    filters: tuple[FilterDescription, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    hardening: dict[str, Any] | None = None

    def expand(self, layers: Sequence[str]) -> Iterator[tuple["SpectraRow", str | None]]:
        """Give the row, or one for each layer where a filter asks for that, and its layer."""
        if all(f.after != EACH_LAYER for f in self.filters):
            yield self, None
            return
        for layer in layers:
            filters = tuple(
                f.model_copy(update={"after": layer}) if f.after == EACH_LAYER else f
                for f in self.filters
            )
            label = f"{self.label} after {layer}"
            yield self.model_copy(update={"label": label, "filters": filters}), layer


class FewTargets(Settings):
    """A white-box attack: RP2's settings, and how many of the classes are aimed at."""

    targets: int = Field(ge=1)
    settings: RP2Settings


class Spectra(Settings):
    """The settings of such an experiment; ``spectra.yaml`` says what each is for."""

    experiment: Literal["spectra", "deeper"]
    rp2: Path | None
    data: str | None
    classes: str
    split: Literal["block", "random"]
    skip_unreadable: bool
    model: str
    training: FitSettings
    augmentation: SignAugmentation | None
    seed: int
    true_class: str
    target: str
    views: int
    attack: RP2Settings
    trained_sticker: Literal["own", "carried"]
    whitebox: FewTargets | None
    padding: Padding
    cutoff: float
    depth: int = Field(ge=1)
    rows: tuple[SpectraRow, ...] = Field(min_length=1)

    def expand(self) -> Plan:
        """Read and check all inputs, and lay out the cells. Writes nothing, computes nothing long.

        Raises:
            BlurnetError: for whatever is wrong with an input, before any work is done.

        """
        shown = self._inputs()
        planned: dict[str, PlannedRow] = {}
        for described in self.rows:
            if described.trained and self.data is None:
                continue
            model = self.model if described.trained or self.rp2 is None else "lisa_cnn"
            layers, measured = self._layers(model, len(shown.base.config["classes"]))
            for row, layer in described.expand(layers):
                one = self._planned(row, model, layer, measured, shown)
                planned.setdefault(one.spectra.key, one)
        if not planned:
            raise BlurnetError("all of the experiment's rows are of trained networks; give --data")
        found = {"true_class": shown.scene.true_class, "target": shown.target}
        return Plan(tuple(planned.values()), found)

    def _inputs(self) -> "_Inputs":
        source = undefended = None
        if self.data is not None or self.rp2 is None:
            source = DataSource(
                self.data or "synthetic",
                parse_classes(self.classes),
                self.split,
                self.skip_unreadable,
            )
            undefended = self._trained(SpectraRow(label="undefended"), source)
        if self.rp2 is not None:
            base, carried, scene, target = published_scene(self.rp2)
        else:
            assert source is not None
            assert undefended is not None
            base, scene, target = undefended, self._scene(source), self.target
        classes = base.config["classes"]
        if target == scene.true_class:
            raise BlurnetError(
                f"the target is {target!r}, which the scene shows; choose another of the classes"
            )
        check_names("the scene and its target", (scene.true_class, target), classes)
        if source is not None:
            check_names(f"the data {source.spec}", source.names(), classes)
            check_names("the scene and its target", (scene.true_class, target), source.names())
        if self.rp2 is None:
            carried = self._sticker(base, scene, target, "the undefended network")
        for_trained = None
        if undefended is not None and self.trained_sticker == "carried":
            for_trained = self._sticker(undefended, scene, target, "the undefended network")
        aims = self._targets(scene.true_class, classes if source is None else source.names())
        return _Inputs(source, base, scene, target, carried, for_trained, aims)

    def _planned(
        self,
        row: SpectraRow,
        model: str,
        layer: str | None,
        measured: Sequence[str],
        shown: "_Inputs",
    ) -> PlannedRow:
        padded = tuple(
            f.model_copy(update={"padding": f.padding or self.padding}) for f in row.filters
        )
        row = row.model_copy(update={"filters": padded})
        if row.trained:
            assert shown.source is not None
            network = self._trained(row, shown.source)
            sticker = shown.for_trained or self._sticker(
                network, shown.scene, shown.target, row.label
            )
        else:
            if row.penalties or row.hardening or any(f.trainable for f in row.filters):
                raise BlurnetError(
                    f"row {row.label!r}: penalties, hardening and trainable filters are for "
                    "training; write trained: true"
                )
            Recipe(model=model, filters=row.filters).network(
                2, IMAGE, seed=0
            )  # they fit, or say why
            network, sticker = filtered_network(shown.base, row.filters), shown.carried
        whitebox = None
        if self.whitebox is not None:
            whitebox = attacked(
                network,
                shown.scene,
                self.whitebox.settings,
                seed=self.seed,
                called=row.label,
                targets=shown.aims,
            )
        return PlannedRow(
            label=row.label,
            trained=row.trained,
            defense=row.model_dump(mode="json", include={"filters", "penalties", "hardening"}),
            layer=layer,
            attacker=_attacker(sticker, network),
            spectra=measured_spectra(network, sticker, measured, self.cutoff, row.label),
            transfer=transfer_cell(row.label, network, (), sticker, shown.source),
            whitebox=whitebox,
        )

    def _scene(self, source: DataSource) -> Scene:
        if self.data is None:
            return synthetic.draw_scene(self.true_class, self.views)
        return held_out_scene(source, self.true_class, self.views)

    def _trained(self, row: SpectraRow, source: DataSource) -> Cell:
        recipe = check(
            Recipe,
            {
                "model": self.model,
                "training": self.training,
                "augmentation": self.augmentation,
                "filters": row.filters,
                "penalties": row.penalties,
                "hardening": row.hardening,
            },
        )
        return trained_network(source, recipe, seed=self.seed, called=row.label)

    def _sticker(self, network: Cell, scene: Scene, target: str, called: str) -> Cell:
        return made_sticker(network, scene, target, self.attack, seed=self.seed, called=called)

    def _targets(self, true_class: str, names: Sequence[str]) -> list[str]:
        """Choose the white-box attack's targets, at even distances among the classes."""
        others = [name for name in names if name != true_class]
        count = min(len(others), 0 if self.whitebox is None else self.whitebox.targets)
        return [others[place] for place in torch.linspace(0, len(others) - 1, count).round().int()]

    def _layers(self, model: str, classes: int) -> tuple[list[str], list[str]]:
        """List a network's activations that give maps, and those of them that are measured."""
        network, example = build(model, classes, seed=0), torch.zeros(1, *IMAGE)
        activations = activation_layers(network, example)
        resolved = set(map_layers(network, example, self.cutoff))
        measured = [layer for layer in activations if layer in resolved][: self.depth]
        if not measured:
            raise BlurnetError(
                f"setting cutoff: {self.cutoff:g} cycles per pixel parts the frequencies of no "
                f"layer of {model}; 0.25 is half of the highest along an axis"
            )
        return activations, measured


@dataclass(frozen=True)
class _Inputs:
    """What the rows share."""

    source: DataSource | None
    base: Cell
    scene: Scene
    target: str
    carried: Cell
    """The sticker that filters put into the finished network are shown."""
    for_trained: Cell | None
    """The sticker that all trained networks are shown, if not one of their own each."""
    aims: list[str]


def _attacker(sticker: Cell, network: Cell) -> str:
    made_on = sticker.needs.get("network")
    return "itself" if made_on is not None and made_on.key == network.key else "undefended"
