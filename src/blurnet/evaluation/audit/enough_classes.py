"""There are enough classes for the difference of logits ratio: a flag of AutoAttack's."""

from .audited import Audited, Finding, Found, judged, void

FEWEST_CLASSES = 4


def enough_classes(audited: Audited) -> Finding:
    """Count the classes: the targeted ratio divides by the third and the fourth largest logit.

    Croce and Hein, arXiv 2003.01690, equation 7.
    """
    classes = audited.network.logits
    by = [found for found in audited.gradient if _by_ratio(found)]
    if not by:
        return void("No attack of the suite uses the difference of logits ratio (DLR).")
    return judged(
        classes >= FEWEST_CLASSES,
        classes,
        FEWEST_CLASSES,
        f"The network has {classes} classes; the difference of logits ratio needs "
        f"{FEWEST_CLASSES}.",
        "Attack with a margin loss.",
        by,
        "the same attacks with a margin loss",
    )


def _by_ratio(found: Found) -> bool:
    attack = found.figures.attack
    return any(
        "dlr" in str(getattr(getattr(attack, name), "loss", ""))
        for name in type(attack).model_fields
    )
