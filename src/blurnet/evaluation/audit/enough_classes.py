"""There are enough classes for the difference of logits ratio: a flag of AutoAttack's."""

from .audited import Audited, Finding, named, void


def enough_classes(audited: Audited) -> Finding:
    """Count the classes: the ratio divides by the third and, targeted, the fourth largest logit.

    Croce and Hein, arXiv 2003.01690, equations 6 and 7. With fewer, blurnet's attacks take the
    margin in its place, so that nothing is struck through: it is said.
    """
    classes = audited.network.logits
    needed = {
        found: 4 if apgd.targets else 3
        for found in audited.gradient
        if (apgd := found.figures.attack.apgd) is not None and apgd.loss == "dlr"
    }
    if not needed:
        return void("No attack of the suite uses the difference of logits ratio (DLR).")
    without = [found for found, fewest in needed.items() if classes < fewest]
    if without:
        return void(
            f"The network has {classes} classes, too few for the difference of logits ratio (DLR) "
            f"of {named(without)}, which takes the margin in its place."
        )
    fewest = max(needed.values())
    told = f"The network has {classes} classes; the difference of logits ratio needs {fewest}."
    return Finding("passed", told, classes, fewest)
