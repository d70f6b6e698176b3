"""RP2: the optimum where it is known, the batch against single attacks, nothing left behind."""

import math

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import RP2Settings, rp2
from blurnet.models import MODELS, build


class Linear(nn.Module):
    """Two logits, linear in the image."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, images):
        return images.flatten(1) @ self.weights.flatten(1).T


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_reaches_the_optimum_of_a_linear_network():
    """For two classes J = log(1 + e^−z), z the margin, so δ* lies along g = M · (w_y* − w_y).

    With a = ‖M·δ‖₂, λa + J(z₀ + a‖g‖) is least where λ = ‖g‖ σ(−z): z* = log(‖g‖ / λ − 1).
    """
    weights = torch.randn(2, 3, 4, 4, generator=generator())
    mask = (torch.arange(16).reshape(4, 4) % 3 == 0).float()
    model, images = Linear(weights), torch.rand(1, 3, 4, 4, generator=generator(1))
    gradient = mask * (weights[0] - weights[1])
    length, lam = gradient.norm(), 0.3
    start = ((weights[0] - weights[1]) * images[0]).sum()
    distance = (math.log(length / lam - 1) - start) / length
    assert distance > 0
    result = rp2(
        model,
        images,
        torch.tensor([0]),
        mask,
        settings=RP2Settings(steps=3000, lam=lam, lr=0.01, clip=False),
        generator=generator(2),
    )
    torch.testing.assert_close(
        mask * result.noise[0], distance * gradient / length, rtol=1e-3, atol=1e-3
    )
    expected = lam * distance + math.log1p(math.exp(-(start + distance * length)))
    torch.testing.assert_close(result.loss[0, -1], expected, rtol=1e-4, atol=1e-4)


def test_first_loss_is_the_formula():
    model, images = build("lisa_cnn", 17, seed=0), torch.rand(5, 3, 32, 32)
    mask, targets = torch.rand(32, 32), torch.tensor([3, 11])
    for p in (1, 2, float("inf")):
        settings = RP2Settings(steps=1, lam=0.7, p=p)
        result = rp2(model, images, targets, mask, settings=settings, generator=generator(4))
        delta = torch.rand(2, 3, 32, 32, generator=generator(4))
        for t, target in enumerate(targets):
            attacked = (images + mask * delta[t]).clamp(0, 1)
            expected = 0.7 * torch.linalg.vector_norm(mask * delta[t], p) + (
                nn.functional.cross_entropy(model(attacked), target.expand(5))
            )
            torch.testing.assert_close(result.loss[t, 0], expected.detach())


@pytest.mark.parametrize("name", MODELS)
def test_all_targets_at_once_equal_one_by_one(name):
    model, images = build(name, 6, seed=0), torch.rand(4, 3, 32, 32, generator=generator(9))
    mask = torch.zeros(32, 32)
    mask[8:20, 8:20] = 1
    targets = torch.tensor([0, 2, 5])

    def attack(targets, piece):
        # with a larger ε, Adam does not blow up the rounding of gradients that are almost 0
        settings = RP2Settings(steps=4, start="zeros", piece=piece, eps=1e-3)
        return rp2(model, images, targets, mask, settings=settings, generator=generator())

    together = attack(targets, 320)
    for piece in (1, 5, 12):
        torch.testing.assert_close(attack(targets, piece).noise, together.noise, rtol=0, atol=2e-4)
    for t in range(3):
        alone = attack(targets[t : t + 1], 320)
        torch.testing.assert_close(alone.noise[0], together.noise[t], rtol=0, atol=2e-4)
        torch.testing.assert_close(alone.loss[0], together.loss[t])


def test_loss_goes_down_and_nothing_outside_the_mask_changes():
    model, images = build("lisa_cnn", 17, seed=0), torch.rand(4, 3, 32, 32)
    mask = torch.zeros(32, 32)
    mask[10:20, 10:20] = 1
    result = rp2(
        model,
        images,
        torch.tensor([2]),
        mask,
        settings=RP2Settings(steps=40, lam=0, start="zeros"),
        generator=generator(),
    )
    assert result.loss[0, -1] < result.loss[0, 0]
    outside = (mask == 0).expand(4, 3, 32, 32)
    assert torch.equal(result.adversarial[0][outside], images[outside])
    assert result.adversarial.min() >= 0
    assert result.adversarial.max() <= 1
    assert result.adversarial.shape == (1, 4, 3, 32, 32)


def test_same_seed_same_bits():
    model, images, mask = (
        build("lisa_cnn", 17, seed=0),
        torch.rand(3, 3, 32, 32),
        torch.ones(32, 32),
    )
    first, again, other = (
        rp2(
            model,
            images,
            torch.tensor([1, 2, 3]),
            mask,
            settings=RP2Settings(steps=5, piece=50),
            generator=generator(seed),
        )
        for seed in (7, 7, 8)
    )
    assert torch.equal(first.noise, again.noise)
    assert not torch.equal(first.noise, other.noise)


class Breaks(nn.Module):
    """A network that fails after some calls."""

    def __init__(self, calls):
        super().__init__()
        self.network = build("small_resnet", 4, seed=0)
        self.calls = calls

    def forward(self, images):
        self.calls -= 1
        if self.calls == 0:
            raise RuntimeError("broken")
        return self.network(images)


@pytest.mark.parametrize("calls", [-1, 20])
def test_leaves_the_network_as_it_was(calls):
    model = Breaks(calls).train()
    model.network.norm1.eval()
    state = {name: t.clone() for name, t in model.state_dict().items()}

    def attack():
        rp2(
            model,
            torch.rand(2, 3, 32, 32),
            torch.tensor([1]),
            torch.ones(32, 32),
            settings=RP2Settings(steps=30),
            generator=generator(),
        )

    if calls > 0:
        with pytest.raises(RuntimeError, match="broken"):
            attack()
    else:
        attack()
    assert model.training
    assert not model.network.norm1.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(state[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": torch.rand(2, 3, 32, 32) * 255}, r"images lie in \[0, 1\].*divide uint8"),
        ({"images": torch.full((2, 3, 32, 32), math.nan)}, r"images lie in \[0, 1\]; found nan"),
        ({"mask": torch.full((32, 32), math.nan)}, r"mask is float32 in \[0, 1\]; found .*nan"),
        ({"images": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, "images are float32"),
        ({"images": torch.zeros(0, 3, 32, 32)}, "at least one"),
        ({"mask": torch.ones(31, 32)}, r"mask is 31 × 32"),
        ({"mask": torch.ones(32, 32) * 255}, r"mask is float32 in \[0, 1\]; found .*255"),
        ({"targets": torch.tensor([4])}, r"not all among the network's 4 outputs, 0…3"),
        ({"targets": torch.tensor([0.5])}, "targets are int64"),
    ],
)
def test_wrong_input(changed, message):
    given = {
        "images": torch.rand(2, 3, 32, 32),
        "targets": torch.tensor([1]),
        "mask": torch.ones(32, 32),
    } | changed
    with pytest.raises(BlurnetError, match=message):
        rp2(build("small_resnet", 4, seed=0), **given, generator=generator())


def test_wrong_settings_are_all_named():
    with pytest.raises(BlurnetError, match=r"steps is at least 1.*p is 1, 2 or inf, not 3"):
        RP2Settings(steps=0, p=3)


@pytest.mark.parametrize("targets", [[1], 1])
def test_what_is_no_tensor_is_said(targets):
    images, mask = torch.rand(2, 3, 32, 32), torch.ones(32, 32)
    with pytest.raises(BlurnetError, match="targets: a torch tensor is needed; found"):
        rp2(build("lisa_cnn", 3, seed=0), images, targets, mask, generator=torch.Generator())


def test_images_of_another_precision_are_refused():
    images, mask = torch.rand(2, 3, 32, 32).double(), torch.ones(32, 32)
    with pytest.raises(BlurnetError, match=r"images are float32.*found torch.float64"):
        rp2(
            build("lisa_cnn", 3, seed=0),
            images,
            torch.tensor([1]),
            mask,
            generator=torch.Generator(),
        )
