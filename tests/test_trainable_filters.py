"""Where learned kernels start, and their frequency responses in closed form."""

import pytest
import torch

from blurnet import BlurnetError
from blurnet.filters import (
    STARTS,
    frequency_response,
    insert_trainable,
    kernel,
    low_pass_share,
    trainable_filter,
)
from blurnet.models import MODELS, build


def start(name, size=5, channels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return trainable_filter(name, size, channels, generator=generator)


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("name", STARTS)
def test_starts_sum_to_one_and_are_learned(name, size):
    learned = start(name, size)
    assert learned.trainable
    assert learned.kernel.shape == (4, 1, size, size)
    torch.testing.assert_close(learned.kernel.sum((1, 2, 3)), torch.ones(4))
    assert (learned.kernel >= 0).all()
    flat = torch.full((1, 4, 9, 9), 0.3)
    torch.testing.assert_close(learned(flat)[..., 4, 4], flat[..., 4, 4])
    learned(flat).sum().backward()
    assert learned.kernel.grad.abs().sum() > 0


def test_identity_changes_nothing_and_random_differs():
    maps = torch.rand(2, 4, 9, 9)
    assert torch.equal(start("identity")(maps), maps)
    random = start("random").kernel
    assert torch.equal(random, start("random").kernel)
    assert not torch.equal(random, start("random", seed=1).kernel)
    assert not torch.equal(random[0], random[1])


@pytest.mark.parametrize("name", MODELS)
def test_channels_are_found(name):
    model, images = build(name, 5, seed=0), torch.rand(2, 3, 32, 32)
    filtered = insert_trainable(model, "conv1", "identity", 3, example=images)
    torch.testing.assert_close(filtered.eval()(images), model.eval()(images))
    assert filtered.conv1.blur_kernel.shape[0] == model.conv1.out_channels


def test_wrong_starts():
    model, images = build("lisa_cnn", 5, seed=0), torch.rand(1, 3, 32, 32)
    with pytest.raises(BlurnetError, match="no start 'blur' of a filter; there are: identity"):
        trainable_filter("blur", 3, 4)
    with pytest.raises(BlurnetError, match="needs a generator"):
        trainable_filter("random", 3, 4)
    with pytest.raises(BlurnetError, match="odd"):
        trainable_filter("identity", 4, 4)
    with pytest.raises(BlurnetError, match="no layer 'conv9'"):
        insert_trainable(model, "conv9", "box", 3, example=images)
    with pytest.raises(BlurnetError, match="'fc' is 1 × 5"):
        insert_trainable(model, "fc", "box", 3, example=images)


def test_response_of_the_box_in_closed_form():
    frequency = (torch.arange(32, dtype=torch.float64) - 16) / 32
    along = ((1 + 2 * torch.cos(2 * torch.pi * frequency)) / 3).abs()
    wanted = along[:, None] * along
    box = kernel("box", 3).double()
    torch.testing.assert_close(frequency_response(box), wanted, atol=1e-7, rtol=0)
    inner = frequency.abs() < 0.25
    low = wanted[inner][:, inner].mean()
    high = (wanted.sum() - wanted[inner][:, inner].sum()) / (32**2 - inner.sum() ** 2)
    torch.testing.assert_close(low_pass_share(box), low / (low + high), atol=1e-7, rtol=0)


def test_share_orders_filters():
    identity = start("identity").kernel
    torch.testing.assert_close(frequency_response(identity), torch.ones(4, 1, 32, 32))
    torch.testing.assert_close(low_pass_share(identity), torch.full((4, 1), 0.5))
    three, five = (low_pass_share(kernel("binomial", size)) for size in (3, 5))
    assert 0.5 < three < five < 1
    assert (low_pass_share(identity[0, 0] - kernel("binomial", 5)) < 0.5).all()
    with pytest.raises(BlurnetError, match="too coarse"):
        frequency_response(identity, 4)
