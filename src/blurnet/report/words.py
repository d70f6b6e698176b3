"""The words and number formats that the terminal and the page share."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

TRANSFERS = {
    "same_weights": "The attacker had these very weights, without the filter",
    "surrogate": "The attacker had a network trained with another seed",
}
"""What the attacker knew, by a row's ``transfer``."""


class Measure(NamedTuple):
    """What a number of a row is called, and what it means."""

    name: str
    meaning: str


MEASURES = {
    "accuracy": Measure("accuracy", "clean images classified as their true class"),
    "attack_success_rate": Measure(
        "attack success",
        "attacked images not classified as their true class, whatever the network "
        "made of them without the sticker",
    ),
    "prediction_altered_rate": Measure(
        "prediction altered",
        "attacked images whose prediction differs from the same network's on the clean image",
    ),
    "target_reached_rate": Measure(
        "target reached", "attacked images classified as the class that the attack aimed at"
    ),
    "control_success_rate": Measure(
        "control",
        "images not classified as their true class under opaque stickers of random "
        "colours in the same mask, the mean over ten; what those do is no merit of the attack",
    ),
}
L2_DISSIMILARITY = Measure(
    "L2 dissimilarity",
    "(1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂, how far the sticker moved the images; 0 is not at all",
)
INTERVAL = (
    "Wilson score interval at 95 %. It takes the images for independent; views of one sign are "
    "not quite that."
)


def percent(share: float) -> str:
    """Write a share as a percentage, with a space that does not break."""
    return f"{100 * share:.1f}\u00a0%"


def short(number: float) -> str:
    """Write a weight in as few characters as will do: 0.1, 1e-4."""
    if number == 0 or abs(number) >= 1e-3:
        return f"{number:g}"
    mantissa, exponent = f"{number:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def span(interval: Sequence[float]) -> str:
    """Write an interval of shares in percent, without the sign."""
    low, high = interval
    return f"{100 * low:.1f}–{100 * high:.1f}"


def by_transfer(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Part a table's rows by ``transfer``; both orders are kept."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["transfer"], []).append(row)
    return groups


def filter_words(filters: Sequence[Mapping[str, Any]]) -> str:
    """Describe a row's filters: kernel, size, place and border."""
    return "; ".join(
        f"{f['kernel']} {f['size']}×{f['size']} after {f['after']}, border: {f['padding']}"
        for f in filters
    )


def comparable(settings: Mapping[str, Any]) -> bool:
    """Tell whether a black-box run asked for what was published: RP2's own network and signs."""
    return settings["rp2"] is not None


def published_words(settings: Mapping[str, Any]) -> str:
    """Say what the published numbers are about, or why they do not stand beside this run's."""
    if not comparable(settings):
        return (
            "What the talk published is not comparable and is left out: it is about RP2's own "
            "network on RP2's 40 photographs; this run trained its network and drew its signs."
        )
    return (
        "Published (the talk's Table 1): RP2's own network, 40 photographs and sticker, with a "
        "padding that is not stated."
    )
