"""What stands beside every attack in results: control, ceiling, bracket."""

from blurnet.evaluation import Rate
from blurnet.settings import Settings

WELL_POSED = 0.05
"""So much accuracy random colours in the mask, or filling it in, may cost; as in suites."""


class Fooled(Settings):
    """Which images an attack fooled, so that networks can be compared on the same ones as pairs.

    Args:
        scene: the hash of the images, the place and the class: what has the same is comparable.
        tried: how many targets each image was attacked at.
        counts: for each network how many of them fooled each image, with spaces between them.

    """

    scene: str
    tried: int
    counts: tuple[str, ...]

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """For each network the share of targets that fooled each image."""
        return tuple(
            tuple(int(count) / self.tried for count in network.split()) for network in self.counts
        )


class Covered(Settings):
    """What covering the place does where nobody searched for the colours, over a row's networks.

    Args:
        accuracy: without a sticker.
        control: views not classified as their true class under random colours, the mean over ten.
        strongest: the same under the sticker that is enough for most views, of the random ones,
            plain white and plain black; the mean over networks, each its own.
        strongest_by: those stickers, each once.
        any_sticker: views that some of these stickers are enough for.
        plain: "white" and "black" → the same under that sticker.
        ceiling: accuracy with the place filled in, the best of three ways.
        fills: those ways, each once.

    """

    accuracy: Rate
    control: Rate
    strongest: Rate
    strongest_by: tuple[str, ...]
    any_sticker: Rate
    plain: dict[str, Rate]
    ceiling: Rate
    fills: tuple[str, ...]

    @property
    def colors_cost(self) -> float:
        """The accuracy that random colours cost."""
        return self.control.value - (1 - self.accuracy.value)

    @property
    def covering_costs(self) -> float:
        """The accuracy that filling the place in costs."""
        return self.accuracy.value - self.ceiling.value

    @property
    def well_posed(self) -> bool:
        """Whether neither costs more than ``WELL_POSED``: else figures measure covering."""
        return max(self.colors_cost, self.covering_costs) <= WELL_POSED + 1e-9


class Bracketed(Settings):
    """A row's networks on one scene: certified ≤ truth ≤ attacked.

    Args:
        scene: what it shows, and where the sticker is.
        images: how many views there are.
        accuracy: without a sticker.
        attacked: views classified right that no attack of the run fools, and no sticker of the
            control: the truth is at most that.
        attacks: those attacks.
        covered: the control and the ceiling; None in results of before.
        certified: what is certified; None: nothing was.

    """

    scene: str
    images: int
    accuracy: Rate
    attacked: Rate
    attacks: tuple[str, ...]
    covered: Covered | None = None
    certified: Rate | None = None
