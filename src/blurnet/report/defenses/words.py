"""What the tables of defenses say, and how their rows are called."""

from collections.abc import Mapping, Sequence
from typing import Any

from blurnet.report.words import Measure, percent, short, span

Row = Mapping[str, Any]

CLEAN_MEASURES = {
    "test_accuracy": Measure(
        "test accuracy",
        "held-out signs classified as their class; the mean over training seeds, the interval that "
        "of one such test",
    ),
    "called": Measure(
        "called …",
        "signs of other classes taken for the attacked class: a network that calls everything so "
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


def scene_title(attack: str, scenes: Sequence[Row], seeds: int) -> str:
    """Say what a table of attacks is about: the same scene, attacked on each row's networks."""
    scene, tried = scenes[0], sorted({each["targets_tried"] for each in scenes})
    aims = f"{' or '.join(map(str, tried))} targets" if tried[-1] else "untargeted"
    return (
        f"{attack} on {scene['images']} views of {scene['true_class']}, {aims}, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


PUBLISHED_ATTACK = {
    "lam": 0.02,
    "p": 2.0,
    "lr": 0.1,
    "clip": True,
    "placement": "add",
    "loss": "cross_entropy",
    "goal": "targeted",
    "scope": "universal",
    "restarts": 1,
    "draws": 1,
    "printability": 0.0,
}
"""RP2's published settings; its steps were 300 to 1,000."""

PUBLISHED_OTHERWISE = (
    "What the talk published is left out: it is about RP2's formula as published (λ 0.02, Adam "
    "0.1, 300 steps or more, an added sticker) on RP2's 40 photographs, and no attack here is."
)


def published_attack(settings: Mapping[str, Any]) -> str | None:
    """Name the attack that asked for what was published, on RP2's photographs, if there is one."""
    if settings["rp2"] is None:
        return None
    for name, attack in settings["attacks"].items():
        asked = attack["settings"]
        same = all(asked.get(key, value) == value for key, value in PUBLISHED_ATTACK.items())
        if same and asked["steps"] >= 300 and not attack.get("views"):
            return str(name)
    return None


WORTH = 0.02
"""A defense may cost this much test accuracy to be named as the best."""


def undefended(rows: Sequence[Row], model: str) -> Row | None:
    """Find a network without a defense: trained here, or else given."""
    found = [r for r in rows if not defended_by(r) and r["defense"]["model"] == model]
    return next((r for r in found if r["networks"][0]["train"]), next(iter(found), None))


def verdicts(rows: Sequence[Row], attack: str) -> dict[str, str]:
    """Say what an attack did, for each kind of network that was defended, by a heading."""
    models = list(dict.fromkeys(row["defense"]["model"] for row in rows if defended_by(row)))
    if not models:
        return {attack: "No defended network was tried."}
    return {
        attack if len(models) == 1 else f"{attack}, on {model}": verdict(
            [row for row in rows if row["defense"]["model"] == model], attack
        )
        for model in models
    }


def verdict(rows: Sequence[Row], attack: str) -> str:
    """Compare defended networks of one kind under one attack, and say no more than the figures."""
    defended = [(row, row["attacks"][attack][0]) for row in rows if defended_by(row)]
    base = undefended(rows, rows[0]["defense"]["model"])
    if base is None:
        return _lowest(*min(defended, key=_mean))
    plain = base, base["attacks"][attack][0]
    scene = plain[1]
    without = (
        f"Undefended: {percent(_mean(plain))}"
        + (f" ({_worst(scene)} for the worst target)" if scene["targets_tried"] else "")
        + f" at a test accuracy of {percent(base['test_accuracy'])}."
    )
    cheap = [pair for pair in defended if pair[0]["test_accuracy"] >= base["test_accuracy"] - WORTH]
    if not cheap:
        return (
            f"Every defense costs more than {100 * WORTH:g} points of test accuracy. Among them: "
            f"{_lowest(*min(defended, key=_mean))} {without}"
        )
    row, best = min(cheap, key=_mean)
    dearer = min(defended, key=_mean)
    text = (
        f"Of the defenses that cost at most {100 * WORTH:g} points of test accuracy: "
        f"{_lowest(row, best)} {without}"
    )
    if _mean(dearer) < _mean((row, best)):
        text += (
            f" Lower, at a higher price: “{name_of(dearer[0])}” with {percent(_mean(dearer))} at "
            f"{percent(dearer[0]['test_accuracy'])}."
        )
    if _mean((row, best)) >= _mean(plain):
        text += f" So none of the cheap ones has a lower success on {scene['true_class']}."
    return text


def _mean(pair: tuple[Row, Row]) -> float:
    value: float = pair[1]["mean"]["attack_success_rate"]["value"]
    return value


def _worst(scene: Row) -> str:
    return percent(scene["worst"]["attack_success_rate"]["value"])


def _lowest(row: Row, scene: Row) -> str:
    mean, control = scene["mean"]["attack_success_rate"], scene["control_success_rate"]
    text = (
        f"the lowest mean success has “{name_of(row)}” with {percent(mean['value'])} (95\u00a0% "
        f"interval {span(mean['interval'])}"
        + (f"; worst target {_worst(scene)}" if scene["targets_tried"] else "")
        + f") at a test accuracy of {percent(row['test_accuracy'])}."
    )
    if mean["value"] <= control["interval"][1]:
        text += (
            f" Stickers of random colours alone do {percent(control['value'])} there: the attack "
            "does not stand out from mere covering."
        )
    return text + best_on_others(row["attacks"][_attack_of(row, scene)])


def _attack_of(row: Row, scene: Row) -> str:
    attacks: Mapping[str, Sequence[Row]] = row["attacks"]
    return next(name for name, scenes in attacks.items() if scenes[0] is scene)


def best_on_others(scenes: Sequence[Row]) -> str:
    """Say how the same network does on scenes of other classes."""
    if len(scenes) < 2:
        return ""
    told = ", ".join(
        f"{scene['true_class']} {percent(scene['mean']['attack_success_rate']['value'])}"
        for scene in scenes[1:]
    )
    return f" Its mean success on other signs: {told}."
