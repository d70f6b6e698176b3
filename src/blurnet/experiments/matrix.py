"""Defenses against attacks: each network is evaluated by a whole suite, a bracket for each row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from blurnet.data.scene import Scene
from blurnet.defenses import Defense
from blurnet.errors import BlurnetError
from blurnet.evaluation import Suite
from blurnet.evaluation.suites import suite_of

from .defenses import Row
from .inputs import RP2_ONLY, Given, Inputs, read_inputs
from .matrix_rows import EvaluatedNetwork, PlannedMatrixRow
from .plan import Plan
from .results import MatrixRow
from .scenes import held_out_scene
from .sources import check_names
from .steps.evaluate import evaluated, measured_layer
from .steps.evidence import evidence_step
from .steps.network import PlannedNetwork


class Matrix(Inputs):
    """The settings of such an experiment; ``adaptive.yaml`` says what each is for.

    Args:
        seeds: a network is trained with each, and evaluated with the same.
        suite: the name of a suite, or one written out.
        other_classes: images of these are attacked too, besides the true class's.
        other_views: how many images of each.
        rows: the defenses.

    """

    row: ClassVar[type[MatrixRow]] = MatrixRow

    kind: Literal["matrix"]
    seeds: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    suite: str | Suite = "standard"
    other_classes: tuple[str, ...] = ()
    other_views: int = Field(default=20, ge=1)
    rows: tuple[Row, ...] = Field(min_length=1)

    def void(self) -> Sequence[str]:
        """Name the settings that ``rp2`` makes void."""
        return (*RP2_ONLY, "views", *(() if self.other_classes else ("mask_scale",)))

    def expand(self, folder: Path) -> Plan[MatrixRow]:
        """Read and check all inputs, and lay out the steps."""
        if len(set(self.seeds)) < len(self.seeds):
            raise BlurnetError(f"setting seeds: each once; found {list(self.seeds)}")
        suite = suite_of(self.suite)
        given = read_inputs(self, folder, trains=True)
        scenes = tuple(self._scenes(given))
        planned = [
            self._planned(row, given, scenes, suite)
            for asked in self.rows
            for row in asked.expand()
            if given.published is not None or not row.rp2_network
        ]
        if not planned:
            raise BlurnetError("the experiment's only rows are of RP2's own network; give --rp2")
        return Plan(planned, given.scene.true_class, None)

    def _scenes(self, given: Given) -> Iterator[Scene]:
        assert given.source is not None
        check_names("the experiment", (given.scene.true_class,), given.source.names())
        yield given.scene
        for name in self.other_classes:
            yield held_out_scene(given.source, name, self.other_views, self.mask_scale)

    def _planned(
        self, row: Row, given: Given, scenes: Sequence[Scene], suite: Suite
    ) -> PlannedMatrixRow:
        assert given.source is not None
        if row.rp2_network:
            assert given.published is not None
            networks = [given.published.network]
            check_names(f"the data {given.source.spec}", given.source.names(), networks[0].classes)
            defense = Defense()
        else:
            recipe = given.recipe(
                row.model,
                training={**vars(self.training), **row.training},
                augmentation=row.augmentation or self.augmentation,
                defense=row.defense,
                warm_start=self.training if row.warm_start else False,
            )
            networks = [
                given.trained(recipe, seed=seed, called=_called(row)) for seed in self.seeds
            ]
            defense = networks[0].defense
        layer = measured_layer(networks[0], None)
        penalties = defense.penalties
        return PlannedMatrixRow(
            label=row.label,
            model=networks[0].model if row.rp2_network else row.model or self.model,
            defense=defense,
            warm_start=row.warm_start,
            alpha=penalties[0].alpha if len(penalties) == 1 else None,
            epochs=row.epochs[0] if row.epochs else None,
            true_class=given.scene.true_class,
            networks=tuple(
                self._network(network, given, scenes, suite, seed, layer, _called(row))
                for network, seed in zip(networks, self.seeds, strict=False)
            ),
        )

    def _network(
        self,
        network: PlannedNetwork,
        given: Given,
        scenes: Sequence[Scene],
        suite: Suite,
        seed: int,
        layer: str,
        called: str,
    ) -> EvaluatedNetwork:
        assert given.source is not None
        called = f"{called}, seed {seed}"
        return EvaluatedNetwork(
            seed=seed,
            network=network,
            clean=evaluated(network, given.source, layer, called=called),
            evidence=tuple(
                evidence_step(network, scene, suite, seed=seed, called=called) for scene in scenes
            ),
        )


def _called(row: Row) -> str:
    penalties = row.defense.penalties
    alpha = f" α {penalties[0].alpha:g}" if len(penalties) == 1 else ""
    epochs = f", epochs {row.epochs[0]}" if row.epochs else ""
    return f"{row.label}{alpha}{epochs}"
