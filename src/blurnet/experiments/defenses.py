"""Defenses side by side: trained with several seeds, tested on clean signs, attacked white-box."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from blurnet.attacks import RP2Settings
from blurnet.defenses import Defense, Recipe
from blurnet.errors import BlurnetError
from blurnet.settings import Settings
from blurnet.training import SignAugmentation

from .defense_rows import PlannedDefense, Trained
from .inputs import RP2_ONLY, Given, Inputs, read_inputs
from .places import Attackable, Place, other_scenes
from .plan import Plan
from .results import DefenseRow, Published
from .sources import check_names
from .steps.control import covered
from .steps.evaluate import evaluated, measured_layer
from .steps.network import PlannedNetwork
from .steps.whitebox import attacked


class Row(Settings):
    """A way to train a network, and what was published about it.

    ``training`` and ``augmentation`` change the experiment's for this row; ``warm_start`` starts
    from the undefended network as the experiment trains it; ``alphas`` make a row of each, and
    so do ``epochs``, in place of the training's.

    With ``rp2_network``, the network that comes with ``--rp2`` instead, trained by others; a run
    without ``--rp2`` leaves the row out.
    """

    label: str
    rp2_network: bool = False
    model: str | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    augmentation: SignAugmentation | None = None
    defense: Defense = Defense()
    warm_start: bool = False
    alphas: tuple[float, ...] = ()
    epochs: tuple[int, ...] = ()
    published: Published | None = None

    def expand(self) -> Iterator["Row"]:
        """Give a row for each of its ``alphas`` and ``epochs``, or itself.

        Raises:
            BlurnetError: if there are alphas and no penalty to give them to, or epochs and an
                ``epochs`` of the training besides.

        """
        if self.epochs and "epochs" in self.training:
            raise BlurnetError(f"row {self.label!r}: give epochs or training.epochs, not both")
        for row in self._each_alpha():
            for epochs in self.epochs:
                training = self.training | {"epochs": epochs}
                yield row.model_copy(update={"training": training, "epochs": (epochs,)})
            if not self.epochs:
                yield row

    def _each_alpha(self) -> Iterator["Row"]:
        if not self.alphas:
            yield self
            return
        if len(self.defense.penalties) != 1:
            raise BlurnetError(
                f"row {self.label!r}: alphas are for one penalty, not {len(self.defense.penalties)}"
            )
        (penalty,) = self.defense.penalties
        for alpha in self.alphas:
            changed = {"penalties": (replace(penalty, alpha=alpha),)}
            defense = self.defense.model_copy(update=changed)
            yield self.model_copy(update={"defense": defense, "alphas": ()})


def trained_as(recipe: Recipe) -> str:
    """Tell how a network is trained, whatever its defense: what has the same is comparable."""
    plain = recipe.model_copy(update={"defense": Defense()})
    return hashlib.sha256(plain.model_dump_json().encode()).hexdigest()[:12]


class Attack(Settings):
    """RP2's settings, and whether scenes of other classes are attacked with them too."""

    settings: RP2Settings
    others: bool = True


class Defenses(Inputs):
    """The settings of such an experiment; ``train-defenses.yaml`` says what each is for.

    Args:
        seeds: a network is trained with each.
        layer: whose maps are measured; None for the first convolution.
        other_classes: attacked too, besides the true class.
        other_views: how many images of each.
        places: where the sticker is on scenes of other classes: "bars" above and below the legend,
            or a place of ``areas`` that was found by greying training signs with the experiment's
            undefended networks: "quiet" or "sensitive"; see ``evaluation.places``.
        areas: of such places, as shares of the image; 0.0293 is 30 of 32 × 32 pixels.
        attacks: by name.
        rows: the defenses.

    """

    row: ClassVar[type[DefenseRow]] = DefenseRow

    kind: Literal["defenses"]
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    layer: str | None = None
    other_classes: tuple[str, ...] = ()
    other_views: int = Field(default=20, ge=1)
    places: tuple[Place, ...] = Field(default=("bars",), min_length=1)
    areas: tuple[float, ...] = Field(default=(0.0293,), min_length=1)
    attacks: dict[str, Attack] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=1)

    def void(self) -> Sequence[str]:
        """Name the settings that ``rp2`` makes void."""
        return (*RP2_ONLY, "views", *(() if self.other_classes else ("mask_scale",)))

    def expand(self, folder: Path) -> Plan[DefenseRow]:
        """Read and check all inputs, and lay out the steps."""
        if len(set(self.seeds)) < len(self.seeds):
            raise BlurnetError(f"setting seeds: each once; found {list(self.seeds)}")
        given = read_inputs(self, folder, trains=True)
        scenes = self._scenes(given)
        planned = [
            self._published(row, given, scenes)
            if row.rp2_network
            else self._planned(row, given, scenes)
            for asked in self.rows
            for row in asked.expand()
            if given.published is not None or not row.rp2_network
        ]
        if not planned:
            raise BlurnetError("the experiment's only rows are of RP2's own network; give --rp2")
        return Plan(planned, given.scene.true_class, None, given.rp2_differs)

    def _scenes(self, given: Given) -> tuple[Attackable, ...]:
        """Give the views to attack: first those of the true class, then those of others."""
        assert given.source is not None
        names = given.source.names()
        for name in (given.scene.true_class, *self.other_classes):
            if name not in names:
                raise BlurnetError(
                    f"{name!r} is to be attacked and is not among the data's classes: "
                    f"{', '.join(names)}"
                )
        networks: tuple[PlannedNetwork, ...] = ()
        if any(place != "bars" for place in self.places) and self.other_classes:
            networks = tuple(
                given.trained(given.recipe(), seed=seed, called="an undefended network")
                for seed in self.seeds
            )
        others = (
            scene
            for name in self.other_classes
            for scene in other_scenes(
                given.source,
                name,
                self.other_views,
                networks,
                places=self.places,
                areas=self.areas,
                mask_scale=self.mask_scale,
            )
        )
        return (Attackable(given.scene), *others)

    def _planned(self, row: Row, given: Given, scenes: Sequence[Attackable]) -> PlannedDefense:
        recipe = given.recipe(
            row.model,
            training={**vars(self.training), **row.training},
            augmentation=row.augmentation or self.augmentation,
            defense=row.defense,
            warm_start=self.training if row.warm_start else False,
        )
        penalties = row.defense.penalties
        alpha = penalties[0].alpha if len(penalties) == 1 else None
        called = row.label if alpha is None else f"{row.label} α {alpha:g}"
        epochs = row.epochs[0] if row.epochs else None
        if epochs is not None:
            called = f"{called}, epochs {epochs}"
        networks = [given.trained(recipe, seed=seed, called=called) for seed in self.seeds]
        layer = measured_layer(networks[0], self.layer)
        return PlannedDefense(
            label=row.label,
            model=row.model or self.model,
            defense=networks[0].defense,
            warm_start=row.warm_start,
            alpha=alpha,
            epochs=epochs,
            published=row.published,
            true_class=given.scene.true_class,
            trained_as=trained_as(recipe),
            scenes=tuple(scenes),
            networks=tuple(
                self._evaluated(network, given, scenes, seed, layer, called)
                for network, seed in zip(networks, self.seeds, strict=True)
            ),
        )

    def _published(self, row: Row, given: Given, scenes: Sequence[Attackable]) -> PlannedDefense:
        assert given.published is not None
        assert given.source is not None
        network = given.published.network
        check_names(f"the data {given.source.spec}", given.source.names(), network.classes)
        layer = measured_layer(network, self.layer)
        own = "network" not in given.published.differs
        return PlannedDefense(
            label=row.label if own else f"the network in {self.rp2}, not RP2's own",
            model=network.model,
            defense=Defense(),
            warm_start=False,
            alpha=None,
            epochs=None,
            published=row.published if own else None,
            true_class=given.scene.true_class,
            trained_as="",
            scenes=tuple(scenes),
            networks=tuple(
                self._evaluated(network, given, scenes, seed, layer, row.label)
                for seed in self.seeds
            ),
        )

    def _evaluated(
        self,
        network: PlannedNetwork,
        given: Given,
        scenes: Sequence[Attackable],
        seed: int,
        layer: str,
        called: str,
    ) -> Trained:
        assert given.source is not None
        called, attacked_at_all = f"{called}, seed {seed}", bool(self.attacks)
        return Trained(
            seed=seed,
            network=network,
            evaluate=evaluated(network, given.source, layer, called=called),
            controls=tuple(
                covered(network, each.scene, called=called, place=each.place)
                for each in (scenes if attacked_at_all else ())
            ),
            attacks={
                name: tuple(
                    attacked(
                        network,
                        scene.scene,
                        attack.settings,
                        seed=seed,
                        called=f"{called} ({name})",
                        place=scene.place,
                    )
                    for scene in (scenes if attack.others else scenes[:1])
                )
                for name, attack in self.attacks.items()
            },
        )
