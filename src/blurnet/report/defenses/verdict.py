"""What came out for defenses, in plain words, and no more than the figures say."""

from collections.abc import Sequence
from dataclasses import dataclass

from blurnet.evaluation.statistics import SEEDS
from blurnet.experiments.results import AttackedScene, DefenseRow
from blurnet.report.bracket_table import weak_words
from blurnet.report.defenses.words import covered_at, matched, name_of, scene_of, undefended
from blurnet.report.pairs import difference_of
from blurnet.report.words import percent, span

NOTE = (
    "A low success under one attack is a claim to attack, not a proof. Every attacker here knew "
    "the network, filter and weights included; whether a stronger search does better was not asked."
)
NOT_ATTACKED = (
    "Nothing was attacked here: these networks have an accuracy; how robust they are was not asked."
)
WORTH = 0.02
"""A defense may cost this much test accuracy to be named as the best."""


@dataclass(frozen=True)
class _Found:
    """A row, and what one attack did on its first scene."""

    row: DefenseRow
    scene: AttackedScene
    others: tuple[AttackedScene, ...]

    @property
    def mean(self) -> float:
        """The mean success."""
        return self.scene.mean.value

    @property
    def accuracy(self) -> float:
        """On test signs."""
        return self.row.test_accuracy.value


def verdicts(rows: Sequence[DefenseRow], attack: str) -> dict[str, str]:
    """Say what an attack did, for each kind of network that was defended, by a heading."""
    models = list(dict.fromkeys(row.model for row in rows if row.defense))
    if not models:
        return {attack: "No defended network was tried."}
    return {
        attack if len(models) == 1 else f"{attack}, on {model.rpartition('/')[2]}": verdict(
            [row for row in rows if row.model == model], attack
        )
        for model in models
    }


def verdict(rows: Sequence[DefenseRow], attack: str) -> str:
    """Compare defended networks of one kind under one attack.

    Args:
        rows: those of the kind, at least one with a defense.
        attack: its name.

    """
    defended = [_found(row, attack) for row in rows if row.defense]
    base = undefended(rows, rows[0].model, rows[0].epochs)
    if base is None:
        return _lowest(min(defended, key=_mean))
    plain = _found(base, attack)
    without = (
        f"Undefended: {percent(plain.mean)}"
        + (f" ({_worst(plain.scene)} for the worst target)" if plain.scene.targeted else "")
        + f" at a test accuracy of {percent(plain.accuracy)}."
    )
    cheap = [found for found in defended if found.accuracy >= plain.accuracy - WORTH]
    if not cheap:
        return (
            f"Every defense costs more than {100 * WORTH:g} points of test accuracy. Among them: "
            f"{_lowest(min(defended, key=_mean))} {without}"
        )
    best, dearer = min(cheap, key=_mean), min(defended, key=_mean)
    text = (
        f"Of the defenses that cost at most {100 * WORTH:g} points of test accuracy: "
        f"{_lowest(best)} {without}"
    )
    if dearer.mean < best.mean:
        text += (
            f" Lower, at a higher price: “{name_of(dearer.row)}” with {percent(dearer.mean)} at "
            f"{percent(dearer.accuracy)}."
        )
    text += _settled(rows, best, attack, len(cheap))
    if best.mean >= plain.mean:
        text += f" So none of the cheap ones has a lower success on {plain.scene.scene}."
    return text


def clean_verdict(rows: Sequence[DefenseRow]) -> str:
    """Say between what the test accuracies lie."""
    best = max(rows, key=lambda row: row.test_accuracy.value)
    least = min(rows, key=lambda row: row.test_accuracy.value)
    return (
        f"Test accuracy lies between {percent(least.test_accuracy.value)} (“{name_of(least)}”) and "
        f"{percent(best.test_accuracy.value)} (“{name_of(best)}”)."
    )


def _ill(row: DefenseRow, place: int) -> str:
    covered = covered_at(row, place)
    return " (ill-posed)" if covered is not None and not covered.well_posed else ""


def _settled(rows: Sequence[DefenseRow], best: _Found, attack: str, compared: int) -> str:
    """Say whether images and seeds settle that the best defense helped."""
    seeds = len(best.row.networks)
    plain = scene_of(matched(rows, best.row), attack)
    if plain is None:
        return (
            " No undefended network of the same training and seeds stands beside it, so what the "
            "defense does cannot be told from what its training does."
            if best.row.trained_as
            else ""
        )
    found = difference_of(plain.fooled, best.scene.fooled)
    if found is None:
        return ""
    points = f"{100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    text = (
        " Beside the undefended network of the same training and seeds, on the same images: "
        f"{points.replace('-', '−')}, "
        + (
            "which settles a difference"
            if found.settled
            else "which does not settle that it helped"
        )
    )
    if seeds < SEEDS:
        text += f" on {seeds} of {SEEDS} seeds: do not compare before there are {SEEDS}"
    elif compared > 1 and found.settled:
        text += f"; the best of {compared} was chosen, which flatters it"
    return f"{text}."


def _found(row: DefenseRow, attack: str) -> _Found:
    first, *others = row.attacks.get(attack, ())
    return _Found(row, first, tuple(others))


def _mean(found: _Found) -> float:
    return found.mean


def _worst(scene: AttackedScene) -> str:
    return percent(scene.worst.value)


def _lowest(found: _Found) -> str:
    mean, control = found.scene.mean, found.scene.control
    text = (
        f"the lowest mean success has “{name_of(found.row)}” with {percent(mean.value)} "
        f"(95\u00a0% interval {span(mean)}"
        + (f"; worst target {_worst(found.scene)}" if found.scene.targeted else "")
        + f") at a test accuracy of {percent(found.accuracy)}."
    )
    covered = covered_at(found.row, 0)
    if mean.value <= control.high:
        text += (
            f" Stickers of random colours alone do {percent(control.value)} there: the attack "
            "does not stand out from mere covering."
        )
    if weak_words(found.scene.any_target, covered):
        text += f" {weak_words(found.scene.any_target, covered)}"
    if covered is not None and not covered.well_posed:
        text += " The place is ill-posed for this network: covering alone costs it over 5 points."
    if not found.others:
        return text
    told = ", ".join(
        f"{scene.scene} {percent(scene.mean.value)}{_ill(found.row, place)}"
        for place, scene in enumerate(found.others, start=1)
    )
    return f"{text} Its mean success on other signs: {told}."
