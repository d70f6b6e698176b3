"""The audit catches planted faults, each by the check that is named for it."""

import pytest
import torch
import torch.nn.functional as F
from audited import (
    APGD,
    FORMULA,
    SEARCH,
    Behind,
    audited,
    checked,
    failed,
    passed,
    pasted,
    same,
    trained,
)
from torch import nn


@pytest.fixture(scope="module")
def network():
    return trained(7)


def test_rounding_in_front(network):
    given = audited(Behind(network, lambda images: (8 * images).round() / 8), pasted(3), SEARCH)
    found = failed("gradient", given, strikes=["pasted"])
    assert found.value == 1
    assert found.stronger == "“search”"
    assert "BPDA" in found.sentence
    failed("dead gradient", given, strikes=["pasted"])
    failed("binarisation", given, strikes=["pasted"])
    failed("unbounded", given, strikes=["pasted"])
    passed("gradient", audited(network, pasted(3)))


class RaisesBackward(torch.autograd.Function):
    @staticmethod
    def forward(_, images):
        return images.clone()

    @staticmethod
    def backward(_, gradient):
        raise RuntimeError("no way back")


def test_a_backward_pass_that_raises(network):
    given = audited(Behind(network, RaisesBackward.apply), SEARCH)
    found = failed("gradient", given, strikes=[])
    assert "no way back" in found.sentence
    assert checked("dead gradient", given).verdict == "void"
    assert checked("gradient at the start", given).verdict == "void"


def test_temperature(network):
    """Logits 1,000 times as large saturate cross-entropy, and leave the margin its gradient."""
    given = audited(Behind(network, same, lambda z: z / 1e-3), pasted(), APGD)
    found = failed("gradient at the start", given, strikes=["apgd"])
    assert "margin" in found.stronger
    passed("gradient", given)
    passed("gradient at the start", audited(network, pasted(3), APGD))


@pytest.mark.parametrize(
    "front",
    [
        lambda images: images + 0.1 * torch.randn_like(images),
        lambda images: F.dropout(images, 0.2, training=True),
    ],
    ids=["noise", "dropout"],
)
def test_a_stochastic_defence(network, front):
    given = audited(Behind(network, front), pasted(3), SEARCH)
    found = failed("deterministic", given, strikes=["pasted", "search"])
    assert "EOT" in found.stronger
    passed("deterministic", audited(network, pasted(3)))


class Attends(nn.Module):
    """Looks at another corner where the upper bar is bright.

    As a spatial transformer does that samples at whole pixels: where it looks has no gradient, and
    of the bar it sees nothing else.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        bright = images[:, :, 3:5, 4:13].mean((1, 2, 3)) > 0.7
        seen = images.clone()
        seen[:, :, 3:5, 4:13] = seen[:, :, 2:3, 4:13]
        moved = seen.roll((8, 8), (2, 3))
        return self.network(torch.where(bright[:, None, None, None], moved, seen))


def upper_bar():
    where = torch.zeros(16, 16)
    where[3:5, 4:13] = 1
    return where


def test_a_transformer_that_hides_where_it_looks(network):
    given = audited(Attends(network), pasted(), SEARCH, mask=upper_bar())
    assert given.found[1].figures.any_target.value > given.found[0].figures.any_target.value
    found = failed("gradient-free", given, strikes=["pasted"])
    assert found.stronger == "“search”"
    failed("dead gradient", given, strikes=["pasted"])
    passed("gradient", given)  # the rest of the image has one
    passed("gradient-free", audited(network, pasted(), SEARCH, mask=upper_bar()))


def test_a_saturated_layer(network):
    """A steep sigmoid in front: few values are near enough to its middle to have a gradient."""
    steep = Behind(network, lambda images: torch.sigmoid(1e4 * (images - 0.5)))
    given = audited(steep, pasted(3))
    found = failed("dead gradient", given, strikes=["pasted"])
    assert found.value > 0.9
    assert passed("dead gradient", audited(network, pasted(3))).value < 0.1


def test_a_flipped_sign(network, monkeypatch):
    from blurnet.attacks.rp2 import terms

    right = terms.attack_loss
    with monkeypatch.context() as patch:
        patch.setattr(terms, "attack_loss", lambda *given: -right(*given))
        given = audited(network, pasted(), SEARCH)
        found = failed("unbounded", given, strikes=["pasted"])
        failed("binarisation", given, strikes=["pasted"])
    assert found.value > 0.2
    assert "look at its loss" in found.sentence
    passed("unbounded", audited(network, pasted(), FORMULA, APGD))


def test_stopped_at_three_steps(network):
    found = failed("converged", audited(network, pasted(3), FORMULA), strikes=["pasted"])
    assert found.value > 0.5
    assert "more steps" in found.stronger
    passed("converged", audited(network, pasted(60), FORMULA))


def test_built_on_another_network(network):
    other = trained(8)
    given = audited(network, pasted(), SEARCH, source=other)
    found = failed("same network", given, strikes=["pasted", "search"])
    assert "made on this network" in found.stronger
    here = audited(network, pasted(3))
    passed("same network", here)
    told = audited(network, pasted(3), made_on="0" * 64)
    failed("same network", told, strikes=["pasted"])
