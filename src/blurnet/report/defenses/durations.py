"""Networks that were trained for several numbers of epochs: what the duration alone does.

A network that was trained briefly is less accurate, and RP2's formula fools it less. A defense is
therefore compared with undefended networks of every accuracy, and not with the best of them alone.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean

from blurnet.experiments.results import DefenseRow
from blurnet.report.defenses.words import family_of, name_of
from blurnet.report.figures.dots import Dots, dots
from blurnet.report.figures.drawings import Drawing
from blurnet.report.words import counted, percent


def families(rows: Sequence[DefenseRow]) -> dict[str, list[DefenseRow]]:
    """Give the rows that differ in their epochs alone, the shortest training first."""
    found: dict[str, list[DefenseRow]] = {}
    for row in rows:
        if row.epochs is not None and not row.seeds_lacking:
            found.setdefault(f"{family_of(row)}, {row.model}", []).append(row)
    return {
        family_of(each[0]): sorted(each, key=lambda row: row.epochs or 0)
        for each in found.values()
        if len(each) > 1
    }


def durations_drawings(rows: Sequence[DefenseRow]) -> Iterator[Drawing]:
    """Draw success over test accuracy, a dot for each network, if durations were compared."""
    found = families(rows)
    if not found:
        return
    for attack in rows[0].attacks:
        for place, scene in enumerate(rows[0].attacks[attack]):
            title = f"{attack} on {scene.scene}: success over test accuracy"
            yield Drawing(
                title,
                f"{title}, a dot for each network; the figures are in the tables",
                partial(
                    dots,
                    "test accuracy, %",
                    "mean success, %",
                    [_dots(name, family, attack, place) for name, family in found.items()],
                ),
                "A small dot is one network, a large one the mean over seeds; lines join means of "
                "rising epochs. Families on one line differ in nothing but accuracy.",
            )


def durations_verdict(rows: Sequence[DefenseRow], attack: str) -> str:
    """Say what the duration of training does by itself, and what the defenses add to it.

    Args:
        rows: of the run.
        attack: its name.

    Returns:
        "" where no undefended network was trained for several numbers of epochs.

    """
    found = families(rows)
    plain = next((family for family in found.values() if not family[0].defense), None)
    if plain is None:
        return ""
    low = min(plain, key=lambda row: _mean(row, attack))
    high = max(plain, key=lambda row: _mean(row, attack))
    told = (
        f"Without any defense the mean success is {percent(_mean(low, attack))} after "
        f"{counted(low.epochs or 0, 'epoch')} (test accuracy {percent(low.test_accuracy.value)}) "
        f"and {percent(_mean(high, attack))} after {counted(high.epochs or 0, 'epoch')} "
        f"({percent(high.test_accuracy.value)})."
    )
    by_epochs = {row.epochs: row for row in plain}
    apart = [
        (abs(one - other), row, one, other)
        for family in found.values()
        if family[0].defense
        for row in family
        if row.epochs in by_epochs
        for one, other in [(_mean(row, attack), _mean(by_epochs[row.epochs], attack))]
    ]
    if apart:
        _, row, one, other = max(apart, key=lambda each: each[0])
        told += (
            f" At the same epochs and seeds, the defense whose mean success differs most is "
            f"“{name_of(row)}”: {percent(one)} beside {percent(other)} undefended."
        )
    return told


def _dots(name: str, family: Sequence[DefenseRow], attack: str, place: int) -> Dots:
    return Dots(
        name,
        tuple(
            tuple(
                (100 * network.test_accuracy, 100 * scene.mean)
                for network, scene in zip(
                    row.networks, row.attacks[attack][place].networks, strict=True
                )
            )
            for row in family
        ),
        tuple(str(row.epochs) for row in family),
    )


def _mean(row: DefenseRow, attack: str) -> float:
    return fmean(network.mean for network in row.attacks[attack][0].networks)
