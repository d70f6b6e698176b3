"""The network does not optimise inside its forward pass: a flag of AutoAttack's."""

import sys
from types import FrameType
from typing import Any

import torch

from .audited import Audited, Finding, judged
from .looks import Sampled

_OPTIMISING = {
    function.__code__: name
    for name, function in (
        ("torch.autograd.grad", torch.autograd.grad),
        ("Tensor.backward", torch.autograd.backward),
    )
}


def plain_forward(audited: Audited) -> Finding:
    """Watch one forward pass for gradients that it computes itself (Croce and Hein, 2003.01690)."""
    if not len(audited.sample):
        few = audited.too_few(0)
        assert few is not None
        return few
    asked, seen = Sampled.of(audited), list[str]()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in _OPTIMISING:
            seen.append(_OPTIMISING[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        with torch.no_grad():
            asked.network(asked.images[:1])
    finally:
        sys.setprofile(before)
    by = f" ({seen[0]})" if seen else ""
    return judged(
        not seen,
        len(seen),
        0,
        f"A forward pass computes gradients itself {len(seen)} times{by}; it may not.",
        "A defence that optimises at test time is attacked through its loop, or around it as if it "
        "were the identity (BPDA).",
        audited.gradient,
        "an attack through the network's own loop, or around it",
    )
