"""What evidence says, in words."""

from blurnet.evaluation import Rate
from blurnet.evaluation.evidence import Condition, Evidence
from blurnet.report.evidence.masking import masked_words
from blurnet.report.words import (
    ACCURACY,
    CEILING,
    CONTROL,
    INTERVAL,
    L2_DISSIMILARITY,
    REACHED,
    STRONGEST,
    SUCCESS,
    Measure,
    counted,
    percent,
    span,
)

WELL_POSED = "well-posed"
"""The condition's name, without which success measures covering rather than attacking."""

DEFINITIONS = (
    ACCURACY,
    SUCCESS,
    REACHED,
    Measure("mean over targets", "the mean of the success over the classes that were aimed at"),
    Measure("worst target", "the success at the class where it is highest"),
    Measure("any target", "images that the sticker of at least one target fools"),
    Measure(
        "worst case",
        "an image counts as fooled if any attack, at any target, fools it, or if the network is "
        "wrong about it without a sticker",
    ),
    CONTROL,
    STRONGEST,
    CEILING,
    Measure(
        "bracket",
        "the true robust accuracy is at least the certified and at most that under the worst case; "
        "an attack that nobody has run yet may lower the upper end. Each bracket is of one "
        "network: certified is only that with masking",
    ),
    Measure(
        "certified",
        "images of which double masking (PatchCleanser, Xiang et al. 2022) proves that the network "
        "with masking answers rightly under every sticker of the family",
    ),
    Measure(
        "audit",
        "checks of whether the attacks did their work on this network: whether its gradient is "
        "there and says what it should, whether the attacks converged, keep their best sticker and "
        "find what is known to exist, and whether nothing weaker does better. They see what makes "
        "figures too low, and prove none right",
    ),
    Measure(
        "struck through",
        "a figure that a failed check of the audit does not let stand: the attack can do more than "
        "it says. The check names what would attack harder",
    ),
    L2_DISSIMILARITY,
    INTERVAL,
)


def outcome_words(evidence: Evidence) -> str:
    """Say what was found, in two sentences."""
    accuracy, worst = evidence.accuracy, evidence.worst
    below = masked_words(evidence.certificates)
    return (
        f"Without a sticker the network classifies {accuracy.count} of {accuracy.total} images "
        f"rightly ({_rate(accuracy)}). An attacker who may use "
        f"{counted(evidence.mask_pixels, 'pixel')} ({percent(evidence.mask_share)} of the image) "
        f"leaves {worst.accuracy.count} of them right ({_rate(worst.accuracy)}): the true robust "
        f"accuracy is at most that. {below}"
    )


def verdict_words(evidence: Evidence) -> str:
    """Say whether the conditions hold."""
    failed = [each.name for each in evidence.conditions if not each.passed]
    if not failed:
        return "All conditions hold"
    number = f"{len(failed)} of {len(evidence.conditions)} conditions"
    return f"{number} {'fails' if len(failed) == 1 else 'fail'}: {', '.join(failed)}"


def ill_posed(evidence: Evidence) -> Condition | None:
    """Give the condition that says that the figures measure covering, if they do."""
    return next(
        (each for each in evidence.conditions if each.name == WELL_POSED and not each.passed), None
    )


def fooled_words(evidence: Evidence) -> str:
    """Say what fooled how many images first, over all attacks."""
    by = [name for name in evidence.worst.by if name is not None]
    parts = [
        f"{by.count(name)} {'wrong without a sticker' if name == 'clean' else f'by {name}'}"
        for name in dict.fromkeys(by)
    ]
    held = len(evidence.worst.by) - len(by)
    return f"{held} held; {', '.join(parts)}" if parts else f"{held} held"


def _rate(rate: Rate) -> str:
    return f"{percent(rate.value)}, interval {span(rate)}"
