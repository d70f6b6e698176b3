"""What a suite is: attacks, and what is demanded."""

from typing import Literal, Self

from pydantic import Field, model_validator

from blurnet.attacks import RandomSearchSettings, RP2Settings
from blurnet.errors import BlurnetError
from blurnet.settings import Settings


class SuiteAttack(Settings):
    """An attack of a suite.

    Args:
        name: what tables call it.
        describes: one plain sentence: who this attacker is.
        rp2: its settings, if it is RP2.
        random_search: its settings, if it is random search; one of the two is given.
        targets: of a targeted RP2: "all", or so many, drawn by the evaluation's seed.
        gradient: whether it uses the network's gradient.

    """

    name: str
    describes: str
    rp2: RP2Settings | None = None
    random_search: RandomSearchSettings | None = None
    targets: Literal["all"] | int = "all"
    gradient: bool = True

    @model_validator(mode="after")
    def _one_attack(self) -> Self:
        if (self.rp2 is None) == (self.random_search is None):
            raise BlurnetError(
                f"attack {self.name!r} of a suite: give the settings of one attack, rp2 or "
                "random_search"
            )
        return self


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
