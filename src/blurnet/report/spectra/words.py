"""What spectra say in words; every word follows from the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from blurnet.report.words import L2_DISSIMILARITY, MEASURES, Measure, percent

Row = Mapping[str, Any]
Interval = Mapping[str, float | None]

UNKNOWN = "That cannot be told here: too few views, or a view whose maps are constant."
HIGHER, LOWER, UNSEEN = "higher", "lower", "no difference seen"

SHARE_MEASURES = {
    "share": Measure(
        "share of high frequencies",
        "the energy of a layer's maps at and above the cut-off over all their energy but the "
        "mean's, averaged over views; white noise has 80 % above 0.25 cycles per pixel",
    ),
    "attacked − clean": Measure(
        "attacked − clean",
        "the difference of the shares in points, paired by view, with Student's t interval at 95 %",
    ),
    "attacked − random": Measure(
        "attacked − random",
        "likewise against ten opaque stickers of random colours in the same mask: what they add is "
        "no merit of the attack",
    ),
    "energy": Measure(
        "energy, attacked / clean",
        "the energy above the cut-off, geometric mean of the views' ratios: a share can fall while "
        "the energy rises, if more still is added below the cut-off",
    ),
}
RATES = {
    key: MEASURES[key]
    for key in ("attack_success_rate", "accuracy", "target_reached_rate", "control_success_rate")
} | {
    "test_accuracy": Measure("test accuracy", "held-out signs classified as their class"),
    "whitebox": Measure(
        "white-box",
        "attack success of one who knows the network, filter included: the mean over a few "
        "targets, and the worst of them",
    ),
    "l2_dissimilarity": L2_DISSIMILARITY,
}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def layers_of(row: Row) -> list[str]:
    """List the layers that were measured, the input left out."""
    return [layer for layer in row["layers"] if not layer.startswith("input")]


def groups(rows: Sequence[Row], settings: Row) -> dict[str, list[Row]]:
    """Part rows into finished networks with filters put in, and networks trained here."""
    base = "RP2's own network" if settings["rp2"] else "Finished network"
    named = {
        f"{base}, filters put in": [row for row in rows if not row["trained"]],
        "Networks trained with their defense": [row for row in rows if row["trained"]],
    }
    return {name: its for name, its in named.items() if its}


def undefended(rows: Sequence[Row]) -> Row | None:
    """Find the network without a defense."""
    return next((row for row in rows if not defended(row)), None)


def defended(row: Row) -> bool:
    """Tell whether a row's network has any defense."""
    return any(row["defense"].get(part) for part in ("filters", "penalties", "hardening"))


def change(interval: Interval | None, unchanged: float = 0) -> str | None:
    """Say on which side of no change an interval lies; None where there is no interval."""
    if interval is None or interval["low"] is None or interval["high"] is None:
        return None
    above, below = interval["low"] > unchanged, interval["high"] < unchanged
    return HIGHER if above else LOWER if below else UNSEEN


def points(interval: Interval) -> str:
    """Write a difference of shares in points, with its interval."""
    return _signed(interval, 100, 1)


def ratio(interval: Interval) -> str:
    """Write a ratio with its interval."""
    return _signed(interval, 1, 2, plus="")


def verdicts(rows: Sequence[Row], settings: Row) -> dict[str, str]:
    """Answer the talk's claims about spectra; question → answer.

    Args:
        rows: rows of ``results.json``, at least one.
        settings: the experiment's.

    """
    plain = undefended(rows) or rows[0]
    cutoff, views = settings["cutoff"], plain["images"]
    about = f"On “{plain['label']}”: " if defended(plain) else ""
    answers = {"Does the sticker show in the input's spectra?": about + _input(plain, views)}
    for place, layer in enumerate(layers_of(plain)):
        question = (
            f"Does the sticker add high frequencies to the {ORDINALS[place]} layer's maps?"
            if place < len(ORDINALS)
            else f"Does the sticker add high frequencies to {layer}'s maps?"
        )
        talk = "The talk says yes. " if place == 0 else ""
        answers[question] = about + talk + added(plain["layers"][layer], layer, cutoff, views)
    return answers


def added(measured: Row, layer: str, cutoff: float, views: int) -> str:
    """Say whether an attack added high frequencies to one layer's maps, as the figures have it.

    Args:
        measured: the layer's, of a row's ``layers``.
        layer: its name.
        cutoff: where high frequencies begin, in cycles per pixel of the map.
        views: how many the figures are means over.

    """
    over_clean = change(measured["attacked_minus_clean"])
    over_random = change(measured.get("attacked_minus_control"))
    if over_clean is None:
        return UNKNOWN
    verdict = {
        (HIGHER, HIGHER): "Here it does, and more than random colours in the same mask",
        (HIGHER, LOWER): "Here it does, but random colours in the same mask add more",
        (HIGHER, UNSEEN): "Here it does, but no more than random colours in the same mask",
        (HIGHER, None): "Here it does",
        LOWER: "Here it does not: their share falls",
        UNSEEN: "Here that is not seen",
    }
    opening = verdict.get((over_clean, over_random)) or verdict[over_clean]
    sentences = [f"{opening}. {_shares(measured, layer)} ({views} views)."]
    energy = change(measured["energy_over_clean"], 1)
    if energy == HIGHER and over_clean != HIGHER:
        sentences.append(
            f"The energy above {cutoff:g} cycles per pixel does rise, to "
            f"{ratio(measured['energy_over_clean'])} times the clean views'; more still is added "
            "below."
        )
    return " ".join([*sentences, _most_added(measured, cutoff)]).strip()


def smoothest(rows: Sequence[Row]) -> str:
    """Say which defense leaves the first layer's maps the fewest high frequencies, and its price.

    Args:
        rows: one group's, at least one with a defense.

    """
    plain, layer = undefended(rows), layers_of(rows[0])[0]
    known = [
        row for row in rows if defended(row) and row["layers"][layer]["clean"]["mean"] is not None
    ]
    if not known:
        return UNKNOWN
    best = min(known, key=lambda row: float(row["layers"][layer]["clean"]["mean"]))
    key = "test_accuracy" if "test_accuracy" in best else "accuracy"

    def against(value: float | None) -> str:
        return "" if value is None else f" (undefended: {percent(value)})"

    before = plain or {}
    share = None if plain is None else plain["layers"][layer]["clean"]["mean"]
    return (
        f"Of {len(known)} defended {'network' if len(known) == 1 else 'networks'}, "
        f"“{best['label']}” has the fewest high frequencies in {layer}'s maps: "
        f"{percent(best['layers'][layer]['clean']['mean'])} of the energy{against(share)}. The "
        f"attack succeeds on {percent(best['attack_success_rate'])} of the views"
        f"{against(before.get('attack_success_rate'))}, random colours on "
        f"{percent(best['control_success_rate'])}; {percent(best[key])}"
        f"{against(before.get(key))} of the {'test signs' if key != 'accuracy' else 'clean views'} "
        "are right."
    )


def name_of(row: Row) -> str:
    """Call a row by its label, apart from one of the same label that was not trained."""
    return f"{row['label']} (trained)" if row["trained"] else str(row["label"])


def band(frequency: float, cutoff: float) -> str:
    """Name a frequency: high from the cut-off on, middle from half of it on, low below."""
    if frequency >= cutoff:
        return "high"
    return "middle" if frequency >= cutoff / 2 else "low"


def _most_added(measured: Row, cutoff: float) -> str:
    rings = [
        ring
        for ring in measured.get("rings") or ()
        if change(ring["over_control"], 1) == HIGHER and ring["over_control"]["mean"] is not None
    ]
    if not rings:
        return "At no frequency does it add more than random colours do."
    most = max(rings, key=lambda ring: float(ring["over_control"]["mean"]))
    frequency = most["frequency"]
    return (
        f"Beyond random colours it adds most at {frequency:.2g} cycles per pixel of the map, among "
        f"the {band(frequency, cutoff)} frequencies: {ratio(most['over_control'])} times their "
        "power."
    )


def _shares(measured: Row, layer: str) -> str:
    text = (
        f"Of {layer}'s energy, {percent(measured['clean']['mean'])} are high frequencies in clean "
        f"views and {percent(measured['attacked']['mean'])} in attacked ones, a difference of "
        f"{points(measured['attacked_minus_clean'])} points"
    )
    if change(measured.get("attacked_minus_control")) is None:
        return text
    return text + (
        f"; under random colours {percent(measured['control']['mean'])}, attacked − random "
        f"{points(measured['attacked_minus_control'])}"
    )


def _input(row: Row, views: int) -> str:
    measured = row["layers"]["input"]
    found = change(measured["attacked_minus_clean"])
    if found is None:
        return UNKNOWN
    seen = {
        HIGHER: "Measured, there is one: the share of high frequencies rises.",
        LOWER: "Measured, there is one: the share of high frequencies falls.",
        UNSEEN: "Nor is one measured.",
    }[found]
    return (
        "The talk sees hardly any difference there. "
        f"{seen} {_shares(measured, 'the input')} ({views} views)."
    )


def _signed(interval: Interval, scale: float, places: int, plus: str = "+") -> str:
    mean, low, high = (interval[bound] for bound in ("mean", "low", "high"))
    if mean is None:
        return "–"
    text = f"{scale * mean:{plus}.{places}f}"
    if low is not None and high is not None:
        text += f" ({scale * low:{plus}.{places}f} to {scale * high:{plus}.{places}f})"
    return text.replace("-", "−")
