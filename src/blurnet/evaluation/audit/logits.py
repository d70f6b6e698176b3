"""The network's outputs are logits and no probabilities: a flag of AutoAttack's."""

from blurnet.models.checking import are_probabilities

from .audited import Audited, Finding, judged
from .looks import Sampled, logits_of


def logits(audited: Audited) -> Finding:
    """Say whether all outputs lie in [0, 1] and sum to 1 ± 1e-5 (Croce and Hein, 2003.01690)."""
    few = audited.too_few(len(audited.sample))
    if few is not None:
        return few
    asked = Sampled.of(audited)
    outputs = logits_of(asked.network, asked.images)
    probabilities = are_probabilities(outputs)
    off = float((outputs.sum(1) - 1).abs().max())
    return judged(
        not probabilities,
        off,
        1e-5,
        f"The outputs lie in {outputs.min():.2g}…{outputs.max():.2g} and their sums are up to "
        f"{off:.2g} away from 1; outputs in 0…1 whose sums are within 1e-05 are probabilities.",
        "A softmax flattens the gradient that attacks need: take it off.",
        audited.gradient,
        "the same attacks on the network without its softmax",
    )
