"""Rows of a sticker that was made without the filter, and carried over."""

from typing import Literal

from blurnet.defenses import Blur
from blurnet.evaluation import Rate
from blurnet.settings import Settings

from ..brackets import Bracketed, Covered, Fooled

Transfer = Literal["same_weights", "surrogate"]
"""What the attacker of a transferred sticker had: these very weights without the filter, or a
network of the same architecture trained with another seed."""


class Published(Settings):
    """What was published about a row, as shares in [0, 1]; None where nothing was."""

    accuracy: float | None = None
    attack_success_rate: float | None = None
    mean: float | None = None
    worst: float | None = None
    l2_dissimilarity: float | None = None


class TransferRates(Settings):
    """What a network answers under a sticker that was carried over to it.

    Args:
        accuracy: clean images classified as their true class.
        attack_success_rate: attacked images not classified as their true class, over all images.
        prediction_altered_rate: attacked images whose prediction differs from the clean one's.
        target_reached_rate: attacked images classified as the sticker's target.
        control_success_rate: images not classified as their true class under random colours, the
            mean over ten stickers.
        test_accuracy: of test images, if the network was asked about any.
        l2_dissimilarity: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂.

    """

    accuracy: Rate
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate
    control_success_rate: Rate
    test_accuracy: Rate | None
    l2_dissimilarity: float


class BlackboxRow(Settings):
    """A filtered network under a sticker made without the filter.

    ``step`` is the key of the transfer's record; ``bracket`` and ``fooled`` are None in results of
    before.
    """

    label: str
    filters: tuple[Blur, ...]
    transfer: Transfer
    rates: TransferRates
    published: Published | None
    step: str
    bracket: Bracketed | None = None
    fooled: Fooled | None = None

    @property
    def covered(self) -> Covered | None:
        """The control and the ceiling."""
        return None if self.bracket is None else self.bracket.covered
