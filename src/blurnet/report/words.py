"""The words and number formats that the terminal and the page share."""

from dataclasses import dataclass
from typing import Protocol

from blurnet.defenses import Blur, Defense

ABSENT = "–"
"""Written where nothing was measured."""


@dataclass(frozen=True)
class Measure:
    """What a number is called, and what it means."""

    name: str
    meaning: str


class Bounded(Protocol):
    """Something with a 95 % interval, such as a ``Rate``."""

    @property
    def low(self) -> float:
        """The lower limit."""

    @property
    def high(self) -> float:
        """The upper limit."""


ACCURACY = Measure("accuracy", "clean images classified as their true class")
SUCCESS = Measure(
    "attack success",
    "attacked images not classified as their true class, whatever the network's answer is "
    "without the sticker",
)
ALTERED = Measure(
    "prediction altered",
    "attacked images whose prediction differs from the same network's on the clean image",
)
REACHED = Measure(
    "target reached", "attacked images classified as the class that the attack aimed at"
)
CONTROL = Measure(
    "control",
    "images not classified as their true class under opaque stickers of random colours in the "
    "same mask, the mean over ten; what those do is no merit of the attack",
)
STRONGEST = Measure(
    "strongest control",
    "the same under the control's strongest sticker, of the ten of random colours, plain white and "
    "plain black: an attack that does less has failed",
)
CEILING = Measure(
    "ceiling",
    "accuracy with the sticker's pixels grey, filled with the image's mean, or inpainted from "
    "what is around them, the best of the three: what a defender could get who is told the place",
)
TEST_ACCURACY = Measure("test accuracy", "held-out signs classified as their class")
L2_DISSIMILARITY = Measure(
    "L2 dissimilarity",
    "(1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂, how far the sticker moved the images; 0 is not at all",
)
INTERVAL = Measure(
    "interval",
    "at 95 %: Wilson's score interval, which takes the images for independent (views of one sign "
    "are not quite that). Of test accuracies a block bootstrap over runs of frames; of several "
    "seeds joined with Student's t over them; of a maximum over targets, Clopper-Pearson limits "
    "that allow for it.",
)


def percent(share: float) -> str:
    """Write a share as a percentage, with a space that does not break."""
    return f"{number(share)}\u00a0%"


def number(share: float | None) -> str:
    """Write a share in percent, without the sign."""
    return ABSENT if share is None else f"{100 * share:.1f}"


def short(value: float) -> str:
    """Write a weight in as few characters as will do: 0.1, 1e-4."""
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def span(interval: Bounded) -> str:
    """Write an interval of shares in percent, without the sign."""
    return between(interval.low, interval.high)


def between(low: float, high: float) -> str:
    """Write two shares in percent, without the sign."""
    return f"{number(low)}–{number(high)}"


def counted(count: int, noun: str) -> str:
    """Write a number of things, such as "1 seed" or "3 seeds"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def blur_words(blur: Blur) -> str:
    """Describe a filter: kernel, size, place and border."""
    learned = "learned " if blur.trainable else ""
    after = "the first convolution" if blur.after is None else blur.after
    return f"{learned}{blur.kernel} {blur.size}×{blur.size} after {after}, border: {blur.padding}"


def defense_words(defense: Defense, *, warm_start: bool = False) -> str:
    """Describe how a network was hardened: filters, penalties, augmentation, adversarial training.

    Args:
        defense: what hardened it.
        warm_start: whether its training started at the undefended network's weights.

    """
    parts = [
        f"{'learned' if blur.trainable else 'fixed'} {blur.kernel} {blur.size}×{blur.size} after "
        f"{'the first convolution' if blur.after is None else blur.after}"
        for blur in defense.filters
    ]
    parts += [
        f"{penalty.name.replace('_', ' ')} α {short(penalty.alpha)}"
        + (f" on {', '.join(penalty.layers)}" if penalty.layers else "")
        for penalty in defense.penalties
    ]
    for given in (defense.augmentation, defense.adversarial):
        if given is not None:
            told = ", ".join(f"{key} {value}" for key, value in given.items() if key != "name")
            name = str(given.get("name")).replace("_", " ")
            parts.append(f"trained on {name}" + (f" ({told})" if told else ""))
    if warm_start:
        parts.append("warm start from the undefended network")
    return "; ".join(parts) or "no defense"
