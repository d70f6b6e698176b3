"""I1: the network has a gradient of its images (Pintor et al., arXiv 2106.09947)."""

from .audited import Audited, Finding, judged, named
from .looks import Sampled, gradient_of, margin


def gradient_there(audited: Audited) -> Finding:
    """Count images whose gradient of the margin is 0 everywhere, or which have none."""
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    try:
        gradient = gradient_of(asked.network, asked.images, asked.labels, margin)
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        share, told = 1.0, f"The backward pass raises an error ({said})"
    else:
        none = (gradient == 0).flatten(1).all(1) | ~gradient.isfinite().flatten(1).all(1)
        share = float(none.float().mean())
        told = (
            f"The gradient of {int(none.sum())} of {len(none)} images is 0 everywhere or not finite"
        )
    return judged(
        share == 0,
        share,
        0,
        f"{told}; of none it may be.",
        "Something in the network stops it (rounding, a threshold, a saturated layer): attack "
        "around that layer as if it were the identity (BPDA), or without gradients.",
        audited.gradient,
        named(audited.search) or "random search",
    )
