"""I5: what was attacked is what is tested (Pintor et al., arXiv 2106.09947)."""

import hashlib

import torch
from torch import Tensor, nn

from blurnet.attacks.fast.attacked_network import frozen_copy
from blurnet.models import as_classifier, network_of

from .audited import Audited, Finding, judged
from .looks import Sampled, logits_of

THRESHOLD = 1e-4


def weights_of(model: nn.Module) -> str:
    """Hash a network's weights and buffers: names, shapes and contents (SHA-256)."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network_of(model).state_dict().items()):
        if isinstance(tensor, Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            plain = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(plain.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def same_network(audited: Audited) -> Finding:
    """Compare what the attacks were made on with the network under test."""
    advice = "Attack this very network: what was made on another says what carries over."
    stronger = "the same attacks, made on this network"
    here = weights_of(audited.network.model)
    if audited.made_on not in ("", here):
        return judged(
            False,
            1,
            0,
            f"The attacks were made on weights {audited.made_on[:12]}, and the network under test "
            f"has {here[:12]}.",
            advice,
            audited.found,
            stronger,
        )
    asked = Sampled.of(audited)
    model = audited.network.model if audited.source is None else as_classifier(audited.source)
    images = torch.cat([asked.images, *asked.stickered])
    difference = 0.0
    if len(images):
        torch.manual_seed(audited.seed)  # a network that draws draws the same
        attacked = logits_of(frozen_copy(model), images)
        torch.manual_seed(audited.seed)
        tested = logits_of(asked.network, images)
        difference = 1.0
        if attacked.shape == tested.shape:
            difference = float((attacked - tested).norm() / tested.norm().clamp(min=1e-12))
    modes = " It was given in training mode, and is tested in evaluation mode." * audited.trained
    return judged(
        difference <= THRESHOLD,
        difference,
        THRESHOLD,
        f"The logits of what was attacked differ by {difference:.2g} of their length from those of "
        f"the network under test; at most {THRESHOLD:g} is the same network.{modes}",
        advice,
        audited.found,
        stronger,
    )
