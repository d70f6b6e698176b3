"""I2: the loss near an image tells of the loss at it (Pintor et al., arXiv 2106.09947)."""

import torch

from .audited import Audited, Finding, judged, named
from .looks import Sampled, logits_of, margin

DRAWS, RADIUS, THRESHOLD = 100, 4 / 255, 0.1


def steady(audited: Audited) -> Finding:
    """Average |L(x + ξ) − L(x)| / |L(x)|, at most 1, over ξ ~ U(±4/255); L is the margin."""
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    generator = torch.Generator().manual_seed(audited.seed)
    here = margin(logits_of(asked.network, asked.images), asked.labels)
    changes = []
    for _ in range(DRAWS):
        noise = torch.rand(asked.images.shape, generator=generator).to(asked.images)
        near = (asked.images + RADIUS * (2 * noise - 1)).clamp(0, 1)
        there = margin(logits_of(asked.network, near), asked.labels)
        changes.append(((there - here).abs() / here.abs().clamp(min=1e-12)).clamp(max=1))
    value = float(torch.stack(changes).mean())
    return judged(
        value <= THRESHOLD,
        value,
        THRESHOLD,
        f"Noise of ±4/255 changes the margin by {100 * value:.1f} % of it, the mean over "
        f"{len(here)} images; at most {100 * THRESHOLD:.0f} % is steady.",
        "The gradient at a point says little about its neighbours: average it over noise, or "
        "attack without gradients.",
        audited.gradient,
        named(audited.search) or "random search",
    )
