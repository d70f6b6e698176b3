"""What a suite is: attacks, and what is demanded."""

from typing import Literal, Self

from pydantic import Field, model_validator

from blurnet.attacks import (
    STICKER_ATTACKS,
    APGDSettings,
    PatchRSSettings,
    PlacedSettings,
    RandomSearchSettings,
    RP2Settings,
)
from blurnet.attacks.registry import Registered
from blurnet.attacks.sticker import StickerSettings
from blurnet.errors import BlurnetError
from blurnet.settings import Settings


class SuiteAttack(Settings):
    """An attack of a suite.

    Args:
        name: what tables call it.
        describes: one plain sentence: who this attacker is.
        rp2: its settings, if it is RP2.
        random_search: its settings, if it is random search.
        patch_rs: likewise, as are
        apgd: and all that follow; one of all these is given. Those beside RP2 are called as in
            ``blurnet.attacks.STICKER_ATTACKS``.
        targets: of a targeted RP2: "all", or so many, drawn by the evaluation's seed.
        gradient: whether it uses the network's gradient.

    """

    name: str
    describes: str
    rp2: RP2Settings | None = None
    random_search: RandomSearchSettings | None = None
    patch_rs: PatchRSSettings | None = None
    apgd: APGDSettings | None = None
    placed_apgd: PlacedSettings | None = None
    targets: Literal["all"] | int = "all"
    gradient: bool = True

    @model_validator(mode="after")
    def _one_attack(self) -> Self:
        given = [name for name in ("rp2", *STICKER_ATTACKS) if getattr(self, name) is not None]
        if len(given) != 1:
            raise BlurnetError(
                f"attack {self.name!r} of a suite: give the settings of one attack: rp2 or "
                f"{' or '.join(STICKER_ATTACKS)}; found {' and '.join(given) or 'none'}"
            )
        return self

    @property
    def by_gradient_alone(self) -> bool:
        """Whether the network's gradient is all that it finds stickers by."""
        searches = self.apgd or (self.placed_apgd and self.placed_apgd.apgd) or None
        return self.gradient and not (searches and searches.search)

    @property
    def sticker(self) -> tuple[Registered, StickerSettings] | None:
        """The attack that makes a sticker for each image, and its settings; None if it is RP2."""
        for name, registered in STICKER_ATTACKS.items():
            if (settings := getattr(self, name)) is not None:
                return registered, settings
        return None


class Suite(Settings):
    """What an evaluation runs, and what it demands.

    Args:
        name: of the suite, such as "standard".
        describes: one plain sentence: what its figures are good for.
        attacks: in the order in which they run.
        control_stickers: how many stickers of random colours the control has.
        well_posed: the control's success and the ceiling's loss of accuracy may be at most so much,
            a share; above it the figures measure covering rather than attacking.
        max_success: the worst case over attacks may be at most so much; None for no demand.
        min_accuracy: the clean accuracy is to be at least so much; None for no demand.

    """

    name: str
    describes: str = ""
    attacks: tuple[SuiteAttack, ...] = Field(min_length=1)
    control_stickers: int = 10
    well_posed: float = 0.05
    max_success: float | None = None
    min_accuracy: float | None = None
