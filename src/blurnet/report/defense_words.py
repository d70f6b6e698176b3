"""What the tables of defenses say, and how their rows are called."""

from collections.abc import Mapping, Sequence
from typing import Any

from .words import Measure, percent, short, span

Row = Mapping[str, Any]

CLEAN_MEASURES = {
    "test_accuracy": Measure(
        "test accuracy",
        "held-out signs classified as their class; the mean over training seeds, the interval that "
        "of one such test",
    ),
    "called": Measure(
        "called stop",
        "signs of other classes taken for the attacked class: a network that calls everything that "
        "cannot be fooled on it",
    ),
    "variation": Measure(
        "variation",
        "Σ |differences of neighbours| of a map over the root of its energy: how rough the maps "
        "of the measured layer are, whatever their scale",
    ),
    "low_pass": Measure(
        "low-pass",
        "of learned kernels: low frequencies' share of the mean response; 50 % passes all alike, "
        "above it is a low-pass filter",
    ),
    "spread": Measure(
        "spread",
        "of learned kernels: the standard deviation of a kernel's weights over their mean size; 0 "
        "for a box",
    ),
}
ATTACK_MEASURES = {
    "accuracy": Measure("accuracy", "clean views classified as their true class"),
    "mean": Measure(
        "mean success",
        "attacked views not classified as their true class, the mean over targets and seeds",
    ),
    "worst": Measure(
        "worst target", "the same for the target with the highest success, the mean over seeds"
    ),
    "reached": Measure("target reached", "attacked views classified as the attack's target"),
    "control": Measure(
        "control",
        "views not classified as their true class under opaque stickers of random colours in the "
        "same mask, the mean over ten",
    ),
}


def name_of(row: Row) -> str:
    """Call a row by its label, and its α where it has one."""
    return row["label"] if row["alpha"] is None else f"{row['label']}, α {short(row['alpha'])}"


def defense_words(defense: Mapping[str, Any]) -> str:
    """Describe how a network was trained: filters, penalties, hardening."""
    parts = [
        f"{'learned' if f['trainable'] else 'fixed'} {f['kernel']} {f['size']}×{f['size']} after "
        f"{f['after']}"
        for f in defense.get("filters", ())
    ]
    parts += [
        f"{p['name'].replace('_', ' ')} α {short(p['alpha'])}"
        + (f" on {', '.join(p['layers'])}" if p["layers"] else "")
        for p in defense.get("penalties", ())
    ]
    if defense.get("hardening"):
        settings = {k: v for k, v in defense["hardening"].items() if k != "name"}
        told = ", ".join(f"{k} {v}" for k, v in settings.items())
        parts.append(
            f"trained on {defense['hardening']['name'].replace('_', ' ')}"
            + (f" ({told})" if told else "")
        )
    if defense.get("warm_start"):
        parts.append("warm start from the undefended network")
    return "; ".join(parts) or "no defense"


def defended_by(row: Row) -> bool:
    """Tell whether a row's networks have any defense."""
    defense = row["defense"]
    return any(defense.get(part) for part in ("filters", "penalties", "hardening"))


def seeds_span(row: Row) -> str:
    """Give the lowest and the highest test accuracy over the seeds, in percent."""
    accuracies = [network["test_accuracy"] for network in row["networks"]]
    return span([min(accuracies), max(accuracies)])


def scene_title(attack: str, scene: Row, seeds: int) -> str:
    """Say what a table of attacks is about."""
    aims = f"{scene['targets_tried']} targets" if scene["targets_tried"] else "untargeted"
    return (
        f"{attack} on {scene['images']} views of {scene['true_class']}, {aims}, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def verdict(rows: Sequence[Row], attack: str) -> str:
    """Compare the defended networks under one attack, and say no more than the figures do."""
    first = [(row, row["attacks"][attack][0]) for row in rows]
    plain = next(
        (pair for pair in first if defense_words(pair[0]["defense"]) == "no defense"), None
    )
    defended = [pair for pair in first if defense_words(pair[0]["defense"]) != "no defense"]
    if not defended:
        return "No defended network was tried."
    row, best = min(defended, key=lambda pair: pair[1]["mean"]["attack_success_rate"]["value"])
    mean, worst = best["mean"]["attack_success_rate"], best["worst"]["attack_success_rate"]
    text = (
        f"Lowest mean success: “{name_of(row)}” with {percent(mean['value'])} (95\u00a0% interval "
        f"{span(mean['interval'])}), "
        + (f"{percent(worst['value'])} for the worst target, " if best["targets_tried"] else "")
        + f"at a test accuracy of {percent(row['test_accuracy'])}."
    )
    if plain is not None:
        base, scene = plain
        text += (
            f" Undefended: {percent(scene['mean']['attack_success_rate']['value'])}"
            + (
                f" and {percent(scene['worst']['attack_success_rate']['value'])}"
                if scene["targets_tried"]
                else ""
            )
            + f" at {percent(base['test_accuracy'])}."
        )
    control = best["control_success_rate"]["value"]
    if mean["value"] <= best["control_success_rate"]["interval"][1]:
        text += (
            f" Stickers of random colours alone do {percent(control)} there: the attack does not "
            "stand out from mere covering."
        )
    others = best_on_others(row["attacks"][attack])
    return text + others


def best_on_others(scenes: Sequence[Row]) -> str:
    """Say how the same network does on scenes of other classes."""
    if len(scenes) < 2:
        return ""
    told = ", ".join(
        f"{scene['true_class']} {percent(scene['mean']['attack_success_rate']['value'])}"
        for scene in scenes[1:]
    )
    return f" Its mean success on other signs: {told}."
