"""The black-box experiment: a sticker made for one network, carried over to filtered ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from blurnet.attacks import RP2Settings
from blurnet.defenses import Defense
from blurnet.engine import Step
from blurnet.errors import BlurnetError
from blurnet.settings import Settings

from .inputs import RP2_ONLY, Given, Inputs, finished_only, read_inputs
from .plan import Plan, PlannedRow, Read
from .rates import bracket_of, fooled_of, transfer_rates
from .results import BlackboxRow, Published, Transfer
from .steps.control import covered
from .steps.network import PlannedNetwork, filtered
from .steps.sticker import made
from .steps.transfer import carried_over
from .steps.values import ControlValues, StickerValues, TransferValues


class Row(Settings):
    """A defended network: its filters, and what was published about it."""

    label: str
    defense: Defense = Defense()
    published: Published | None = None


class Blackbox(Inputs):
    """The settings of a black-box experiment; ``blackbox.yaml`` says what each is for.

    Args:
        seed: the defended network's, and its attacker's.
        surrogate_seed: the surrogate's, where the attacker never had the network.
        target: what a sticker made here is to be taken for.
        attack: RP2's settings.
        transfer: what the attacker had.
        rows: the defended networks.

    """

    row: ClassVar[type[BlackboxRow]] = BlackboxRow

    kind: Literal["blackbox"]
    seed: int = 0
    surrogate_seed: int = 1
    target: str = "stopAhead"
    attack: RP2Settings = RP2Settings()
    transfer: tuple[Transfer, ...] = ("same_weights", "surrogate")
    rows: tuple[Row, ...] = Field(min_length=1)

    def void(self) -> Sequence[str]:
        """Name the settings that ``rp2`` makes void: with ``data`` a surrogate is trained."""
        always = (*RP2_ONLY, "target", "seed", "views", "mask_scale")
        if self.data is not None:
            return always
        for_training = ("model", "training", "augmentation", "surrogate_seed", "attack")
        return (*always, *for_training, "classes", "split", "skip_unreadable", "validation")

    def expand(self, folder: Path) -> Plan[BlackboxRow]:
        """Read and check all inputs, and lay out the steps."""
        given = read_inputs(self, folder, trains=False)
        published, target = given.published, self.target
        if published is not None:
            victim, target = published.network, published.target
        else:
            victim = self._trained(given, self.seed, "the network")
        given.check_target(target, victim.classes)
        stickers: dict[Transfer, Step[StickerValues]] = {
            "same_weights": self._attacked(given, victim, self.seed, target)
            if published is None
            else published.sticker
        }
        if given.source is not None:
            surrogate = self._trained(given, self.surrogate_seed, "the surrogate")
            stickers["surrogate"] = self._attacked(given, surrogate, self.surrogate_seed, target)
        networks = [
            filtered(victim, finished_only(row.label, row.defense).filters) for row in self.rows
        ]
        planned = [
            Planned(
                row,
                transfer,
                network,
                carried_over(
                    network,
                    stickers[transfer],
                    given.source,
                    called=f"{row.label}, {transfer}",
                ),
                covered(network, given.scene, called=row.label),
                given.scene.fingerprint(),
            )
            for transfer in self.transfer
            if transfer in stickers
            for row, network in zip(self.rows, networks, strict=True)
        ]
        if not planned:
            raise BlurnetError(
                "the experiment has no rows to fill: rows of transfer 'surrogate' need --data "
                "where --rp2 gives the network"
            )
        return Plan(planned, given.scene.true_class, target, given.rp2_differs)

    def _trained(self, given: Given, seed: int, called: str) -> PlannedNetwork:
        return given.trained(given.recipe(), seed=seed, called=called)

    def _attacked(
        self, given: Given, network: PlannedNetwork, seed: int, target: str
    ) -> Step[StickerValues]:
        called = network.step.title.removeprefix("train ")
        return made(network, given.scene, target, self.attack, seed=seed, called=called)


@dataclass(frozen=True)
class Planned(PlannedRow[BlackboxRow]):
    """A row of the table, the steps that fill it, and the hash of its scene."""

    asked: Row
    transfer: Transfer
    network: PlannedNetwork
    step: Step[TransferValues]
    control: Step[ControlValues]
    scene: str

    @property
    def called(self) -> str:
        """Its label, and what the attacker had."""
        return f"{self.asked.label} ({self.transfer.replace('_', ' ')})"

    @property
    def stages(self) -> Sequence[Sequence[Step[Any]]]:
        """Its steps."""
        return ((self.step, self.control),)

    def row(self, read: Read) -> BlackboxRow:
        """Make the table's row from the record."""
        values = read(self.step).values
        fooled = torch.tensor(values.attacked.classes)[None] != values.true
        return BlackboxRow(
            label=self.asked.label,
            filters=self.network.defense.filters,
            transfer=self.transfer,
            rates=transfer_rates(values),
            bracket=bracket_of(
                values.classes[values.true],
                {"the sticker that was carried over": fooled},
                [read(self.control).values],
            ),
            fooled=fooled_of(self.scene, fooled[:, None]),
            published=self.asked.published if self.transfer == "same_weights" else None,
            step=self.step.key,
        )
