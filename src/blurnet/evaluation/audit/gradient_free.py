"""No attack without gradients is better than the best with them: a flag of AutoAttack's."""

from .audited import ABOVE, Audited, Finding, judged, named, percent, success_of, void


def gradient_free(audited: Audited) -> Finding:
    """Compare the best of both kinds; a difference of 0.2 points says that the gradient misleads.

    Croce and Hein, arXiv 2003.01690.
    """
    if not audited.gradient or not audited.search:
        return void("The suite has no attack with gradients beside one without.")
    best = max(audited.gradient, key=success_of)
    other = max(audited.search, key=success_of)
    ahead = success_of(other) - success_of(best)
    return judged(
        ahead <= ABOVE + 1e-9,
        ahead,
        ABOVE,
        f"{named([other])}, without gradients, fools {percent(success_of(other))} of the images, "
        f"and {named([best])}, the best attack with gradients, {percent(success_of(best))}; it may "
        f"fool {percent(ABOVE)} more.",
        "The gradient misleads here, and figures of gradient attacks are too low: quote the worst "
        "case over all attacks, and attack again with more steps and restarts, another loss, or "
        "from the stickers that the search found.",
        [each for each in audited.gradient if success_of(each) < success_of(other)],
        named([other]),
    )
