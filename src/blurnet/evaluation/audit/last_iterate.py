"""I3: no earlier step was better than the last (Pintor et al., arXiv 2106.09947)."""

from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def last_iterate(audited: Audited) -> Finding:
    """Compare what each sticker reached at its best step with what it reaches as it is given."""
    lost = {
        found: float(
            (found.descent.reached.nan_to_num(0).amax(1) - found.descent.ended).clamp(min=0).mean()
        )
        for found in audited.found
        if found.descent is not None
    }
    if not lost:
        return void("No attack says what it reached at each step.")
    value = max(lost.values())
    weak = [found for found, share in lost.items() if share > THRESHOLD]
    return judged(
        not weak,
        value,
        THRESHOLD,
        f"At its best step the attack {named([max(lost, key=lost.__getitem__)])} reached "
        f"{percent(value)} more images than with the sticker that it ended with; at most "
        f"{percent(THRESHOLD)} may be lost.",
        "Keep the best sticker that was met and not the last.",
        weak,
        "the same attack that keeps the best sticker it met",
    )
