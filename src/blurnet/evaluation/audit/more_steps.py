"""Ours: success rises with steps."""

from .audited import Audited, Finding, judged, named, percent, void

THRESHOLD = 0.05


def more_steps(audited: Audited) -> Finding:
    """Compare what the stickers reached after half of the steps with what they reach at the end.

    2N steps are N and N again: more of them may not reach less.
    """
    lost = {}
    for found in audited.gradient:
        if found.descent is not None and found.descent.reached.shape[1] > 1:
            reached = found.descent.reached.nan_to_num(1)
            half = float(reached[:, reached.shape[1] // 2].mean())
            lost[found] = half - float(found.descent.ended.mean())
    if not lost:
        return void("No gradient attack says what it reached at each step.")
    worst = max(lost, key=lost.__getitem__)
    return judged(
        lost[worst] <= THRESHOLD,
        lost[worst],
        THRESHOLD,
        f"Half of its steps get {named([worst])} {percent(max(lost[worst], 0))} more images than "
        f"all of them; at most {percent(THRESHOLD)} may be lost.",
        "The attack goes the wrong way, or too far: look at the sign of its loss and its step "
        "size.",
        [found for found, share in lost.items() if share > THRESHOLD],
        named(audited.search) or "random search",
    )
