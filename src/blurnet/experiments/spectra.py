"""The talk's pictures, measured: spectra of maps before and after each defense, and deeper down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field

from blurnet.attacks import RP2Settings
from blurnet.defenses import Defense
from blurnet.engine import Step
from blurnet.errors import BlurnetError
from blurnet.settings import Settings
from blurnet.spectra import activation_layers, map_layers

from .inputs import RP2_ONLY, Given, Inputs, finished_only, read_inputs
from .plan import Plan
from .results import SpectraRow
from .spectra_rows import PlannedSpectra
from .steps.network import PlannedNetwork, filtered
from .steps.spectra import measured_spectra
from .steps.sticker import made
from .steps.transfer import carried_over
from .steps.values import StickerValues
from .steps.whitebox import attacked

EACH_LAYER = "each layer"
"""Written in a filter's ``after``: a row for each activation of the network that gives maps."""


class Row(Settings):
    """A network to look into.

    Filters are put into the finished undefended network; with ``trained``, a network is trained
    with its defense. Such rows need ``--data``.
    """

    label: str
    trained: bool = False
    defense: Defense = Defense()

    def expand(self, layers: Sequence[str]) -> Iterator[tuple["Row", str | None]]:
        """Give the row, or one for each layer where a filter asks for that, and its layer."""
        filters = self.defense.filters
        if all(blur.after != EACH_LAYER for blur in filters):
            yield self, None
            return
        for layer in layers:
            placed = tuple(
                replace(blur, after=layer) if blur.after == EACH_LAYER else blur for blur in filters
            )
            defense = self.defense.model_copy(update={"filters": placed})
            label = f"{self.label} after {layer}"
            yield self.model_copy(update={"label": label, "defense": defense}), layer


class FewTargets(Settings):
    """A white-box attack: RP2's settings, and how many of the classes are aimed at."""

    targets: int = Field(ge=1)
    settings: RP2Settings


class Spectra(Inputs):
    """The settings of such an experiment; ``spectra.yaml`` says what each is for.

    Args:
        seed: of all chance.
        target: what stickers made here are to be taken for.
        attack: RP2's settings for these.
        trained_sticker: what trained networks are shown: "own", a sticker made on that very
            network; "carried", the undefended network's.
        whitebox: a white-box attack; None for none.
        cutoff: where high frequencies begin, in cycles per pixel of the map.
        depth: measured besides the input: the first so many activations.
        rows: the networks.

    """

    row: ClassVar[type[SpectraRow]] = SpectraRow

    kind: Literal["spectra"]
    seed: int = 0
    target: str = "stopAhead"
    attack: RP2Settings = RP2Settings()
    trained_sticker: Literal["own", "carried"] = "own"
    whitebox: FewTargets | None = None
    cutoff: float = 0.25
    depth: int = Field(default=2, ge=1)
    rows: tuple[Row, ...] = Field(min_length=1)

    def void(self) -> Sequence[str]:
        """Name the settings that ``rp2`` makes void: with ``data`` networks are trained."""
        always = (*RP2_ONLY, "target", "views", "mask_scale")
        if self.data is not None:
            return always
        for_training = ("model", "training", "augmentation", "attack", "trained_sticker")
        of_data = ("classes", "split", "skip_unreadable", "validation")
        return (*always, *for_training, *of_data, *(() if self.whitebox else ("seed",)))

    def expand(self, folder: Path) -> Plan[SpectraRow]:
        """Read and check all inputs, and lay out the steps."""
        shown = self._shown(read_inputs(self, folder, trains=False))
        planned: dict[str, PlannedSpectra] = {}
        for described in self.rows:
            if described.trained and self.data is None:
                continue
            base = shown.undefended if described.trained else shown.base
            assert base is not None
            layers, measured = self._layers(base)
            for row, layer in described.expand(layers):
                one = self._planned(row, layer, measured, shown)
                planned.setdefault(one.spectra.key, one)
        if not planned:
            raise BlurnetError("all of the experiment's rows are of trained networks; give --data")
        given = shown.given
        return Plan(
            tuple(planned.values()), given.scene.true_class, shown.target, given.rp2_differs
        )

    def _shown(self, given: Given) -> "_Shown":
        undefended = None
        if given.source is not None:
            undefended = self._trained(Row(label="undefended"), given)
        if given.published is not None:
            base, target = given.published.network, given.published.target
        else:
            assert undefended is not None
            base, target = undefended, self.target
        given.check_target(target, base.classes)
        of_undefended = None
        if undefended is not None:
            of_undefended = self._sticker(undefended, given, target, "the undefended network")
        carried = of_undefended if given.published is None else given.published.sticker
        assert carried is not None
        names = base.classes if given.source is None else given.source.names()
        return _Shown(
            given,
            base,
            undefended,
            target,
            carried,
            of_undefended if self.trained_sticker == "carried" else None,
            self._targets(given.scene.true_class, names),
        )

    def _planned(
        self, row: Row, layer: str | None, measured: Sequence[str], shown: "_Shown"
    ) -> PlannedSpectra:
        given, target = shown.given, shown.target
        if row.trained:
            network = self._trained(row, given)
            sticker = shown.for_trained or self._sticker(network, given, target, row.label)
        else:
            defense = finished_only(row.label, row.defense, "; write trained: true")
            network, sticker = filtered(shown.base, defense.filters), shown.carried
        whitebox = None
        if self.whitebox is not None:
            whitebox = attacked(
                network,
                given.scene,
                self.whitebox.settings,
                seed=self.seed,
                called=row.label,
                targets=shown.aims,
            )
        made_on = sticker.needs.get("network")
        itself = made_on is not None and made_on.key == network.step.key
        return PlannedSpectra(
            label=row.label,
            trained=row.trained,
            network=network,
            layer=layer,
            attacker="itself" if itself else "undefended",
            spectra=measured_spectra(network, sticker, measured, self.cutoff, called=row.label),
            transfer=carried_over(network, sticker, given.source, called=row.label),
            whitebox=whitebox,
        )

    def _trained(self, row: Row, given: Given) -> PlannedNetwork:
        recipe = given.recipe(defense=row.defense)
        return given.trained(recipe, seed=self.seed, called=row.label)

    def _sticker(
        self, network: PlannedNetwork, given: Given, target: str, called: str
    ) -> Step[StickerValues]:
        return made(network, given.scene, target, self.attack, seed=self.seed, called=called)

    def _targets(self, true_class: str, names: Sequence[str]) -> list[str]:
        """Choose the white-box attack's targets, at even distances among the classes."""
        others = [name for name in names if name != true_class]
        count = min(len(others), 0 if self.whitebox is None else self.whitebox.targets)
        return [others[place] for place in torch.linspace(0, len(others) - 1, count).round().int()]

    def _layers(self, network: PlannedNetwork) -> tuple[list[str], list[str]]:
        """List a network's activations that give maps, and those of them that are measured."""
        model = network.undefended()
        activations = activation_layers(model, network.example)
        resolved = set(map_layers(model, network.example, self.cutoff))
        measured = [layer for layer in activations if layer in resolved][: self.depth]
        if not measured:
            raise BlurnetError(
                f"setting cutoff: {self.cutoff:g} cycles per pixel parts the frequencies of no "
                f"layer of {network.model}; 0.25 is half of the highest along an axis"
            )
        return activations, measured


@dataclass(frozen=True)
class _Shown:
    """What the rows share.

    Args:
        given: the inputs.
        base: the finished network that filters are put into.
        undefended: the network that is trained without a defense; None without data.
        target: of the stickers.
        carried: the sticker that filters put into the finished network are shown.
        for_trained: the sticker that all trained networks are shown; None: each has its own.
        aims: the white-box attack's targets.

    """

    given: Given
    base: PlannedNetwork
    undefended: PlannedNetwork | None
    target: str
    carried: Step[StickerValues]
    for_trained: Step[StickerValues] | None
    aims: list[str]
