"""What an evaluation demands of its own figures, and of the network."""

from collections.abc import Sequence

from .evidence import AttackFound, Ceiling, Condition, Control, WorstCase
from .metrics import Rate
from .suite import Suite

STRONGER = 0.002
"""A search without gradients may fool this share of the images more than the best gradient attack:
the flag of AutoAttack (Croce and Hein, arXiv 2003.01690), 0.2 points."""

_EXACT = 1e-9
"""Shares such as 2 of 40 are no exact floating point numbers."""


def conditions_of(
    suite: Suite,
    accuracy: Rate,
    control: Control,
    ceiling: Ceiling,
    attacks: Sequence[AttackFound],
    worst: WorstCase,
    classes: int,
) -> tuple[Condition, ...]:
    """Check what is demanded.

    Args:
        suite: what was run, with its limits.
        accuracy: without a sticker.
        control: random colours.
        ceiling: the sticker's pixels filled in.
        attacks: one by one.
        worst: over all attacks.
        classes: how many the network tells apart.

    """
    found = [_accuracy(suite, accuracy, classes), _well_posed(suite, accuracy, control, ceiling)]
    if control.strongest is not None:
        found.append(_plain(control, attacks))
    gradient = [each for each in attacks if each.attack.by_gradient_alone]
    search = [each for each in attacks if not each.attack.gradient]
    if gradient and search:
        found.append(_gradient(gradient, search))
    if suite.max_success is not None:
        found.append(_robust(suite.max_success, worst))
    return tuple(found)


def _accuracy(suite: Suite, accuracy: Rate, classes: int) -> Condition:
    if suite.min_accuracy is not None:
        passed = accuracy.value >= suite.min_accuracy - _EXACT
        asked = f"at least {_percent(suite.min_accuracy)} is asked"
    else:
        passed = accuracy.value > 1 / classes + _EXACT
        asked = f"guessing among {classes} classes gets {_percent(1 / classes)}"
    advice = (
        ""
        if passed
        else " Check that classes are in the order of the logits, and that images are normalised "
        "inside the network, as it was trained."
    )
    return Condition(
        name="accuracy",
        passed=passed,
        sentence=f"The network classifies {_of(accuracy)} without a sticker rightly; "
        f"{asked}.{advice}",
    )


def _well_posed(suite: Suite, accuracy: Rate, control: Control, ceiling: Ceiling) -> Condition:
    colors = control.success.value - (1 - accuracy.value)
    covered = accuracy.value - ceiling.accuracy.value
    passed = max(colors, covered) <= suite.well_posed + _EXACT
    advice = (
        ""
        if passed
        else " The place hides what the network needs, so success measures covering rather than "
        "attacking: choose a smaller mask, or one elsewhere, or a network that bears occlusion."
    )
    return Condition(
        name="well-posed",
        passed=passed,
        sentence=f"Random colours in the mask add {_points(colors)} of errors"
        f"{_strongest(control)}, and filling the mask in ({ceiling.best}) "
        f"costs {_points(covered)} of accuracy; at most "
        f"{_points(suite.well_posed)} each is well-posed.{advice}",
    )


def _strongest(control: Control) -> str:
    if control.strongest is None:
        return ""
    return (
        f" (the mean over ten; {control.strongest_by}, the strongest of the control's stickers, "
        f"is enough for {_percent(control.strongest.value)})"
    )


def _plain(control: Control, attacks: Sequence[AttackFound]) -> Condition:
    best = max(attacks, key=lambda each: each.any_target.value)
    assert control.strongest is not None
    passed = best.any_target.value >= control.strongest.value - _EXACT
    advice = (
        ""
        if passed
        else " An attack that does less than a sticker nobody searched for has failed, and its "
        "figure says nothing of the network: attack with more steps, another loss, or start from "
        "plain colours."
    )
    return Condition(
        name="attacks at least as strong as plain stickers",
        passed=passed,
        sentence=f"{_named(best)}, the strongest attack, fools "
        f"{_percent(best.any_target.value)} of the images; a {control.strongest_by} sticker, the "
        f"strongest of the control, is enough for {_percent(control.strongest.value)}.{advice}",
    )


def _gradient(gradient: Sequence[AttackFound], search: Sequence[AttackFound]) -> Condition:
    best = max(gradient, key=lambda each: each.any_target.value)
    other = max(search, key=lambda each: each.any_target.value)
    passed = other.any_target.value <= best.any_target.value + STRONGER + _EXACT
    advice = (
        ""
        if passed
        else " The gradient misleads here, and figures of gradient attacks are too low: quote the "
        "worst case over all attacks, and attack again with more steps and restarts, another loss, "
        "or from the stickers that the search found."
    )
    return Condition(
        name="gradient attack at least as strong as random search",
        passed=passed,
        sentence=f"{_named(other)}, without gradients, fools {_percent(other.any_target.value)} of "
        f"the images, and {_named(best)}, the best attack with gradients, "
        f"{_percent(best.any_target.value)}.{advice}",
    )


def _robust(limit: float, worst: WorstCase) -> Condition:
    passed = worst.success.value <= limit + _EXACT
    advice = (
        ""
        if passed
        else " Harden the network against stickers (occlusion in its training does most), or "
        "demand less."
    )
    return Condition(
        name="robust",
        passed=passed,
        sentence=f"The worst case over all attacks fools {_of(worst.success)}; at most "
        f"{_percent(limit)} is asked.{advice}",
    )


def _named(found: AttackFound) -> str:
    return f"“{found.attack.name}”"


def _of(rate: Rate) -> str:
    return f"{rate.count} of {rate.total} images ({_percent(rate.value)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
