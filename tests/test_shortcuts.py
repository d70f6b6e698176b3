"""Each rearranged convolution against the plain one; where it does not hold, the plain way."""

import pytest
import torch
from torch import nn

from blurnet.attacks.fast.attacked_network import AttackedNetwork
from blurnet.attacks.fast.shortcuts import first_maps, rearrange
from blurnet.filters import DepthwiseFilter, insert_after, insert_before, kernel
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small_mask():
    mask = torch.zeros(32, 32)
    mask[8:13, 9:20] = 1
    mask[25, 3] = 1 / 255
    return mask


def attacked_photographs(images, mask, targets=3):
    noise = torch.randn(targets, 1, 3, 32, 32, generator=generator(5))
    return (images + mask * noise).clamp(0, 1).flatten(0, 1)


def plain(model, attacked):
    variable = attacked.clone().requires_grad_()
    logits = model.eval()(variable)
    weights = torch.randn(logits.shape, generator=generator(6))
    return logits.detach(), torch.autograd.grad((weights * logits).sum(), variable)[0]


def rearranged(network, attacked, view):
    variable = attacked.clone().requires_grad_()
    logits = network(variable, view)
    weights = torch.randn(logits.shape, generator=generator(6))
    return logits.detach(), torch.autograd.grad((weights * logits).sum(), variable)[0]


def filtered(layer, padding, trainable=None):
    return insert_after(
        build("lisa_cnn", 17, seed=0),
        layer,
        DepthwiseFilter(kernel("box", 5), padding=padding, channels=trainable),
    )


class Normalised(nn.Module):
    """A network whose first convolution does not get the photographs themselves."""

    def __init__(self):
        super().__init__()
        self.network = build("lisa_cnn", 17, seed=0)

    def forward(self, images):
        return self.network((images - 0.5) / 0.25)


class Skipping(nn.Module):
    """A network that uses its input twice, and its strided stem without a bias."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, (9, 7), stride=2, padding=(2, 3), bias=False)
        self.fc = nn.Linear(6, 4)

    def forward(self, images):
        return self.fc(self.stem(images).relu().mean((2, 3))) + images.sum((1, 2, 3))[:, None]


NETWORKS = {
    "lisa_cnn": lambda: build("lisa_cnn", 17, seed=0),
    "fixed filter": lambda: filtered("relu1", "reflect"),
    "filter on conv1": lambda: filtered("conv1", "zeros"),
    "learned filter": lambda: filtered("relu1", "zeros", trainable=64),
    "input filter": lambda: insert_before(
        build("lisa_cnn", 17, seed=0), DepthwiseFilter(kernel("box", 3))
    ),
    "normalised": Normalised,
    "skipping": Skipping,
    "small_resnet": lambda: build("small_resnet", 6, seed=0),
    "grey_resnet": lambda: build("grey_resnet", 6, seed=0),
}
FIRST = {"lisa_cnn", "fixed filter", "filter on conv1", "learned filter", "skipping"}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("covered", ["small", "large"])
def test_logits_and_gradients_are_those_of_the_network(name, covered):
    model = NETWORKS[name]()
    images = torch.rand(4, 3, 32, 32, generator=generator(1))
    mask = small_mask() if covered == "small" else torch.ones(32, 32)
    network = AttackedNetwork(model, images[:1], "float32", (images, mask))
    assert (network.first is not None) == (covered == "small" and name in FIRST)
    view = slice(1, 4)
    attacked = attacked_photographs(images[view], mask)
    logits, gradient = rearranged(network, attacked, view)
    expected, expected_gradient = plain(model, attacked)
    torch.testing.assert_close(logits, expected)
    where = (mask > 0).expand_as(attacked)  # elsewhere no sticker can be
    torch.testing.assert_close(gradient[where], expected_gradient[where], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["lisa_cnn", "small_resnet", "grey_resnet"])
def test_bfloat16_is_near(name):
    model = NETWORKS[name]()
    images = torch.rand(4, 3, 32, 32, generator=generator(1))
    network = AttackedNetwork(model, images[:1], "bfloat16", (images, small_mask()))
    attacked = attacked_photographs(images, small_mask())
    logits, gradient = rearranged(network, attacked, slice(4))
    expected, expected_gradient = plain(model, attacked)
    assert logits.dtype == gradient.dtype == torch.float32
    assert not torch.equal(logits, expected)
    torch.testing.assert_close(logits, expected, rtol=0.05, atol=0.02)
    where = (small_mask() > 0).expand_as(attacked)
    off = (gradient - expected_gradient)[where].norm() / expected_gradient[where].norm()
    assert off < 0.15  # mostly the ReLUs of values near 0


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 64, 8, stride=2, padding=3),
        nn.Conv2d(3, 5, (7, 4), stride=3, padding=(2, 0)),
        nn.Conv2d(1, 5, 2, stride=3),
        nn.Conv2d(4, 2, 3, stride=2, padding=1, bias=False),
        nn.Conv2d(6, 8, 5),
        nn.Conv2d(6, 8, 5, padding=2, groups=2, bias=False),
        nn.Conv2d(6, 8, 3, padding=2, dilation=2, padding_mode="circular"),
        nn.Conv2d(6, 8, 6, stride=2, padding="valid"),
    ],
    ids=lambda conv: conv.extra_repr(),
)
@pytest.mark.parametrize("size", [(6, 6), (7, 6), (32, 31)])
def test_a_convolution_alone(conv, size):
    given = torch.rand(3, conv.in_channels, *size, generator=generator(), requires_grad=True)
    expected = conv(given)
    weights = torch.randn(expected.shape, generator=generator(1))
    (gradient,) = torch.autograd.grad((weights * expected).sum(), given)
    rearrange(conv, given.detach()[:1], torch.float32)
    maps = conv(given)
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(
        torch.autograd.grad((weights * maps).sum(), given)[0], gradient, rtol=1e-4, atol=1e-5
    )


def is_rearranged(conv):
    return "forward" in vars(conv)


def test_what_is_rearranged():
    network = build("lisa_cnn", 17, seed=0).eval()
    rearrange(network, torch.rand(1, 3, 32, 32), torch.float32)
    assert [is_rearranged(each) for each in (network.conv1, network.conv2, network.conv3)] == [
        True,
        False,
        True,
    ]


def test_hooks_go_on_acting():
    model = build("lisa_cnn", 17, seed=0).eval()
    model.conv1.register_forward_pre_hook(lambda conv, given: (given[0] * 2,))
    model.conv1.register_forward_hook(lambda conv, given, maps: maps.tanh())
    model.conv3.register_forward_hook(lambda conv, given, maps: maps + 1)
    images = torch.rand(4, 3, 32, 32, generator=generator(1))
    network = AttackedNetwork(model, images[:1], "float32", (images, small_mask()))
    assert network.first is None  # it does not get the photographs, but them doubled
    assert [is_rearranged(each) for each in (network.network.conv1, network.network.conv3)] == [
        True,
        True,
    ]
    attacked = attacked_photographs(images, small_mask())
    logits, gradient = rearranged(network, attacked, slice(4))
    expected, expected_gradient = plain(model, attacked)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


def test_another_size_goes_the_plain_way():
    conv = nn.Conv2d(6, 8, 5)
    small, large = torch.rand(2, 6, 6, 6), torch.rand(2, 6, 20, 20)
    expected = conv(large).detach()
    rearrange(conv, small[:1], torch.float32)
    assert is_rearranged(conv)
    torch.testing.assert_close(conv(large), expected)


def test_what_was_not_announced_goes_the_plain_way():
    network = build("lisa_cnn", 17, seed=0).eval()
    images = torch.rand(2, 3, 32, 32, generator=generator())
    others = torch.rand(2, 3, 32, 32, generator=generator(1))
    expected = network(others).detach()
    first = first_maps(network, images, small_mask(), torch.float32)
    first.expect(images, slice(2))
    torch.testing.assert_close(network(others), expected)


def test_the_users_network_keeps_its_own_layers():
    model = build("lisa_cnn", 17, seed=0)
    model.conv1.weight.requires_grad_(False)
    images = torch.rand(2, 3, 32, 32)
    AttackedNetwork(model, images[:1], "bfloat16", (images, small_mask()))
    assert model.training
    assert not any(is_rearranged(layer) for layer in model.modules())
    assert not any(layer._forward_pre_hooks for layer in model.modules())
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert [weight.requires_grad for weight in model.parameters()] == [False] + 7 * [True]
