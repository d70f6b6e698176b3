"""I4: the attack has converged (Pintor et al., arXiv 2106.09947)."""

import torch
from torch import Tensor

from .audited import Audited, Finding, judged, named, void

LAST, THRESHOLD = 10, 0.05


def converged(audited: Audited) -> Finding:
    """Look at how the loss still fell in the last ten steps, where the attack failed.

    Of the running minimum of the loss, scaled to [0, 1] over the whole run, what it covers in its
    last ten values. Stickers that reached all their images have nothing left to gain.
    """
    falls = {
        found: still_falling(found.descent.loss, found.descent.ended)
        for found in audited.gradient
        if found.descent is not None
    }
    if not falls:
        return void("No gradient attack says what its loss was at each step.")
    mean = {found: float(each.mean()) if len(each) else 0.0 for found, each in falls.items()}
    worst = max(mean, key=mean.__getitem__)
    weak = [found for found, fall in mean.items() if fall > THRESHOLD]
    return judged(
        not weak,
        mean[worst],
        THRESHOLD,
        f"In its last {LAST} steps the loss of {named([worst])} fell by "
        f"{100 * mean[worst]:.1f} % of all that it fell, the mean over {len(falls[worst])} "
        f"stickers that did not reach all; at most {100 * THRESHOLD:.0f} % is converged.",
        "Give the attack more steps.",
        weak,
        "the same attack with more steps",
    )


def still_falling(loss: Tensor, ended: Tensor) -> Tensor:
    """Give what share of its fall the loss of each unfinished sticker fell at the end.

    Args:
        loss: R × steps; not a number once the sticker was left alone.
        ended: the share of its images that each reached, R.

    Returns:
        In [0, 1], one for each sticker that did not reach all.

    """
    left = loss[(ended < 1) & loss[:, -1].isfinite()].double()
    lowest = left.cummin(1).values
    span = lowest[:, :1] - lowest[:, -1:]
    scaled = (lowest - lowest[:, -1:]) / span.clamp(min=torch.finfo(torch.float64).tiny)
    last = scaled[:, -LAST:]
    return last.amax(1) - last.amin(1)
