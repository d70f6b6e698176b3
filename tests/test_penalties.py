"""Penalties against closed forms, finite differences, and on networks they do not know."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.filters import DepthwiseFilter, insert_after, kernel
from blurnet.models import build
from blurnet.penalties import (
    PENALTIES,
    Penalty,
    difference_energy,
    high_pass_energy,
    identity_energy,
    l_infinity,
    penalty_terms,
    penalty_values,
    total_variation,
)


@pytest.fixture
def network():
    model = build("lisa_cnn", 5, seed=0)
    learned = DepthwiseFilter(kernel("gaussian", 3), channels=64)
    return insert_after(model, "conv1", learned)


def images(count=4):
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def penalty(name, alpha=1.0, **more):
    layers = {"maps": ("conv1",), "kernels": ()}[PENALTIES[name].of]
    return Penalty(name, alpha, **{"layers": layers} | more)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_agrees_with_finite_differences(name):
    generator = torch.Generator().manual_seed(1)
    shape = (3, 1, 5, 5) if PENALTIES[name].of == "kernels" else (2, 3, 6, 7)
    # well separated values: finite differences must not cross a kink of | | or max
    values = torch.randperm(torch.Size(shape).numel(), generator=generator).double().view(shape)
    assert torch.autograd.gradcheck(penalty(name).term, (0.1 * values - 2).requires_grad_())


@pytest.mark.parametrize("name", PENALTIES)
def test_non_negative_and_zero_of_zeros(name):
    shape = (3, 1, 5, 5) if PENALTIES[name].of == "kernels" else (2, 3, 6, 7)
    assert penalty(name).term(torch.zeros(shape)) == 0
    assert penalty(name).term(torch.randn(shape)) > 0


@pytest.mark.parametrize("name", [n for n in PENALTIES if n != "l_infinity"])
def test_mean_over_images_and_maps(name):
    one = torch.rand(1, 1, 8, 8)
    term = penalty(name).term
    torch.testing.assert_close(term(one.repeat(3, 5, 1, 1)), term(one))


def test_closed_forms():
    flat = torch.full((2, 3, 8, 8), 0.7)
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    board = (torch.arange(8)[:, None] + torch.arange(8) & 1).float()[None, None]
    assert total_variation(flat) == 0
    assert total_variation(ramp) == 8 * 7  # from 0 to 7 in each of 8 rows
    assert total_variation(board) == 2 * 8 * 7  # every neighbour differs by 1
    assert difference_energy(flat) == 0
    assert difference_energy(3 * ramp) == 9 * 8 * 7
    assert difference_energy(board) == 2 * 8 * 7
    torch.testing.assert_close(identity_energy(flat), torch.tensor(0.49 * 64))
    assert high_pass_energy(flat, kernel("box", 3)) < 1e-10
    middle = high_pass_energy(board, kernel("box", 1))
    assert middle == 0  # a kernel of one weight takes nothing away


def test_high_pass_of_a_ramp_is_at_its_border_alone():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    # a 3 × 3 mean leaves a slope as it is; at each end the repeated pixel pulls it by 1/3
    torch.testing.assert_close(
        high_pass_energy(ramp, kernel("box", 3)), torch.tensor(2 * 8 * (1 / 3) ** 2)
    )


def test_l_infinity_is_least_for_the_box():
    box = kernel("box", 5).expand(4, 1, 5, 5)
    torch.testing.assert_close(l_infinity(box), torch.tensor(1 / 25))
    assert l_infinity(box) < l_infinity(kernel("gaussian", 5).expand(4, 1, 5, 5))
    two = torch.tensor([[[[0.5]]], [[[-2.0]]]])
    assert l_infinity(two) == 1.25


def test_tied_weights_share_the_gradient():
    box = kernel("box", 3).repeat(2, 1, 1, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(l_infinity(box), box)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 1 / 18))


def test_total_variation_in_any_layout_and_before_an_in_place_relu():
    maps = torch.randn(2, 3, 6, 6)
    laid_out = maps.to(memory_format=torch.channels_last)
    assert total_variation(laid_out) == total_variation(maps)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    with penalty_terms(model, [Penalty("total_variation", 1.0, ("0",))]) as terms:
        model(torch.rand(1, 3, 8, 8))
        terms().backward()
    assert model[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", PENALTIES)
def test_terms_are_watched_weighted_and_forgotten(network, name):
    with penalty_terms(network, [penalty(name, 0.5)]) as terms:
        network(images())
        first = terms()
        network(images())
        again = terms()
    assert first == again > 0
    (value,) = penalty_values(network, [penalty(name)], images(), piece=3)
    assert float(first.detach()) == pytest.approx(0.5 * value, rel=1e-4)
    first.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_any_set_on_any_layers(network):
    two = Penalty("total_variation", 2.0, ("conv1", "relu2"))
    several = [two, penalty("l_infinity", 3.0), penalty("tikhonov_identity", 0.0)]
    with penalty_terms(network, several) as terms:
        network(images())
        total = float(terms().detach())
    tv, l_inf, _ = penalty_values(network, several, images())
    assert total == pytest.approx(2 * tv + 3 * l_inf, rel=1e-4)


def test_hooks_are_always_removed(network):
    def hooks():
        return sum(len(m._forward_hooks) for m in network.modules())

    def fail():
        with penalty_terms(network, [penalty("total_variation")]) as terms:
            assert hooks() == 2  # the filter, and what watches
            terms()

    with pytest.raises(BlurnetError, match="have not run"):
        fail()
    with pytest.raises(BlurnetError, match="'fc' is 4 × 5"):
        penalty_values(network, [penalty("total_variation", layers=("conv1", "fc"))], images())
    assert hooks() == 1


def test_none_is_nothing(network):
    with penalty_terms(network, []) as terms:
        network(images())
        assert terms() == 0


def test_l_infinity_of_a_plain_depthwise_convolution_where_it_is_named():
    model = nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.ReLU())
    (value,) = penalty_values(model, [Penalty("l_infinity", 1.0, ("0",))], images())
    assert value == pytest.approx(float(l_infinity(model[0].weight.detach())))


def test_wrong_penalties(network):
    with pytest.raises(BlurnetError, match="no penalty 'tv'; there are: l_infinity"):
        Penalty("tv", 1.0)
    with pytest.raises(BlurnetError, match="at least 0"):
        Penalty("l_infinity", float("nan"))
    with pytest.raises(BlurnetError, match="name the layers"):
        Penalty("total_variation", 1.0)
    with pytest.raises(BlurnetError, match="sequence of names"):
        Penalty("total_variation", 1.0, "conv1")
    with pytest.raises(BlurnetError, match="odd"):
        Penalty("tikhonov_high_pass", 1.0, ("conv1",), size=4)
    with pytest.raises(BlurnetError, match=r"no layer 'conv9' in the network; there are: conv1"):
        penalty_values(network, [penalty("total_variation", layers=("conv9",))], images())
    with pytest.raises(BlurnetError, match="no trainable depthwise filter in relu1"):
        penalty_values(network, [penalty("l_infinity", layers=("relu1",))], images())
    with pytest.raises(BlurnetError, match="no trainable depthwise filter in the network"):
        penalty_values(build("lisa_cnn", 5, seed=0), [penalty("l_infinity")], images())
