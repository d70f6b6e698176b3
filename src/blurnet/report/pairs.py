"""What the same images say of two networks, in words: McNemar's test, and what could be seen."""

import torch

from blurnet.evaluation.statistics import (
    LEVEL,
    SEEDS,
    Difference,
    Paired,
    detectable_pairs,
    difference,
    fewest_settled,
    paired,
    power_apart,
    power_pairs,
)
from blurnet.experiments.brackets import Fooled
from blurnet.report.cells import NOTHING, Cell, Words
from blurnet.report.words import Measure, counted, percent

PAIRED = Measure(
    "against unfiltered",
    "the difference of the success, in points, on the same images, and the exact McNemar test of "
    "the images on which the two networks differ",
)


def pair_of(first: Fooled | None, second: Fooled | None) -> Paired | None:
    """Compare two networks on the same images; None if they are not the same, or not known."""
    if not comparable(first, second) or first is None or second is None:
        return None
    if first.tried > 1 or len(first.counts) > 1:
        return None
    one, other = (torch.tensor(each.shares[0]) > 0 for each in (first, second))
    return paired(one, other)


def difference_of(first: Fooled | None, second: Fooled | None) -> Difference | None:
    """Compare rows of networks, each trained with the same seed; None as for ``pair_of``."""
    if not comparable(first, second) or first is None or second is None:
        return None
    one, other = (torch.tensor(each.shares, dtype=torch.float64) for each in (first, second))
    if first.tried == 1:
        return difference(one > 0, other > 0)
    return difference(one, other)


def comparable(first: Fooled | None, second: Fooled | None) -> bool:
    """Say whether two rows were attacked alike on the same images."""
    return (
        first is not None
        and second is not None
        and (first.scene, first.tried, len(first.counts))
        == (second.scene, second.tried, len(second.counts))
    )


def p_words(p: float) -> str:
    """Write a p-value."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def settled_words(pair: Paired, first: str, second: str, compared: int = 1) -> str:
    """Say whether the images settle that a defense helped.

    Args:
        pair: which images are fooled, undefended (the first) and defended.
        first: what counted in the first alone, such as "the sticker fools the unfiltered network".
        second: likewise.
        compared: how many networks the second was chosen from, as the one that differs most: p
            counts so many times (Bonferroni).

    """
    p = min(1.0, pair.p * compared)
    text = (
        f"Of the same {pair.images} images, {first} alone on {pair.first} and {second} alone on "
        f"{pair.second}: exact McNemar test {p_words(p)}"
        + (f" (for the best of {compared})" if compared > 1 else "")
    )
    if p < LEVEL:
        helped = "helped" if pair.first > pair.second else "harmed"
        return f"{text}, so it {helped} against what was tried."
    needed = fewest_settled()
    return (
        f"{text}: {pair.images} images do not settle that it helped, which takes at least {needed} "
        "images on which they differ, all on one side."
    )


def difference_cell(found: Difference | None) -> Cell:
    """Show a difference in points, with its interval and McNemar's p."""
    if found is None:
        return NOTHING
    limits = f"{100 * found.low:+.1f}…{100 * found.high:+.1f}".replace("-", "−")
    said = [limits]
    if len(found.p) == 1:
        said.append(p_words(found.p[0]))
    elif found.p:
        said.append(f"p < 0.05 on {sum(p < LEVEL for p in found.p)} of {len(found.p)} seeds")
    if not found.settled:
        said.append("not settled")
    value = f"{100 * found.value:+.1f}".replace("-", "−")
    return Words(value, ", ".join(said))


def detectable_words(images: int) -> str:
    """Say what so many images can show at all."""
    pairs = detectable_pairs(images)
    if pairs is None:
        return f"{images} images are too few to settle any difference between two networks."
    return (
        f"What {images} images can show: two networks on the same images differ for certain only "
        f"if at least {fewest_settled()} images, {percent(fewest_settled() / images)}, go one way "
        f"and none the other; a true difference of {percent(pairs)} is found in 4 of 5 "
        f"repetitions, and 5 against 20\u00a0% in {percent(power_pairs(images, 0.15))} of them at "
        f"best (in {percent(power_apart(images, 0.05, 0.2))} where each network has other images)."
    )


def seeds_words(seeds: int) -> str:
    """Say how many seeds there are, and if they are too few that rates are not to be compared."""
    if seeds >= SEEDS:
        return counted(seeds, "seed")
    return f"{seeds} of {SEEDS} seeds: do not compare"
