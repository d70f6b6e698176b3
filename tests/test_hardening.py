"""What networks are hardened with: noise, rectangles, PGD, and rectangles where they hurt."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import pgd, rectangle
from blurnet.models import build
from blurnet.training.noise import gaussian_noise
from blurnet.training.occlusion import random_rectangles


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """Two logits, linear in the image: the first is 0."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, images):
        score = (images * self.weights).flatten(1).sum(1)
        return torch.stack([torch.zeros_like(score), score], 1)


def test_pgd_reaches_the_corner_of_a_linear_networks_ball():
    weights = torch.randn(3, 6, 6, generator=generator(1))
    images = torch.rand(4, 3, 6, 6, generator=generator(2))
    labels = torch.tensor([0, 1, 0, 1])
    attacked = pgd(
        Linear(weights), images, labels, epsilon=0.1, step_size=0.05, steps=5, generator=generator()
    )
    up = (1 - 2 * labels).reshape(-1, 1, 1, 1) * weights.sign()
    torch.testing.assert_close(attacked, (images + 0.1 * up).clamp(0, 1))


def test_rectangle_finds_the_worst_place_and_the_worst_colours():
    """Only a 2 × 3 part of the image counts: the rectangle must cover it, in black."""
    weights = torch.zeros(3, 12, 12)
    weights[:, 4:6, 6:9] = 1
    images = torch.full((2, 3, 12, 12), 0.9)
    labels = torch.tensor([1, 1])
    for candidates in (None, 3):
        attacked = rectangle(
            Linear(weights),
            images,
            labels,
            height=2,
            width=3,
            stride=1,
            candidates=candidates,
            step_size=0.2,
            steps=8,
            generator=generator(),
        )
        expected = images.clone()
        expected[:, :, 4:6, 6:9] = 0
        torch.testing.assert_close(attacked, expected)


def test_rectangle_changes_one_rectangle_of_each_image():
    model, images = build("small_resnet", 3, seed=0), torch.rand(5, 3, 32, 32)
    attacked = rectangle(
        model, images, torch.arange(5) % 3, height=7, width=9, steps=2, generator=generator()
    )
    for before, after in zip(images, attacked, strict=True):
        rows, lines = (before != after).any(0).nonzero().unbind(1)
        assert int(rows.max() - rows.min()) < 7
        assert int(lines.max() - lines.min()) < 9
    assert attacked.min() >= 0
    assert attacked.max() <= 1


@pytest.mark.parametrize("attack", [pgd, rectangle])
def test_attacks_leave_the_network_as_it_was_and_repeat(attack):
    model, images = build("small_resnet", 3, seed=0).train(), torch.rand(4, 3, 32, 32)
    size = {"height": 8, "width": 8} if attack is rectangle else {}
    state = {name: t.clone() for name, t in model.state_dict().items()}
    first, again = (
        attack(model, images, torch.zeros(4, dtype=torch.int64), **size, generator=generator(3))
        for _ in range(2)
    )
    assert torch.equal(first, again)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(state[name], t) for name, t in model.state_dict().items())


def test_attacks_raise_the_loss():
    model, images = build("lisa_cnn", 5, seed=0), torch.rand(8, 3, 32, 32)
    labels = torch.arange(8) % 5

    def loss(x):
        return nn.functional.cross_entropy(model(x), labels)

    assert loss(pgd(model, images, labels, generator=generator())) > loss(images)
    assert loss(rectangle(model, images, labels, height=8, width=8, generator=generator())) > loss(
        images
    )


def test_wrong_settings():
    model, images, labels = build("lisa_cnn", 3, seed=0), torch.rand(1, 3, 32, 32), torch.zeros(1)
    with pytest.raises(BlurnetError, match="epsilon and step_size are above 0"):
        pgd(model, images, labels, epsilon=0, generator=generator())
    with pytest.raises(BlurnetError, match="33 × 4 pixels does not fit in images of 32 × 32"):
        rectangle(model, images, labels, height=33, width=4, generator=generator())
    with pytest.raises(BlurnetError, match="stride and candidates are at least 1"):
        rectangle(model, images, labels, height=3, width=4, stride=0, generator=generator())


def test_gaussian_noise_has_its_standard_deviation():
    images = torch.full((50, 3, 32, 32), 0.5)
    noisy = gaussian_noise(images, sigma=0.1, generator=generator())
    assert float(noisy.std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(noisy, gaussian_noise(images, sigma=0.1, generator=generator()))
    assert gaussian_noise(images, sigma=5, generator=generator()).max() == 1


def test_random_rectangles_are_opaque_and_of_their_sizes():
    images = torch.full((200, 3, 32, 32), -1.0)
    occluded = random_rectangles(images, most=1, smallest=3, largest=6, generator=generator())
    assert (images == -1).all()
    changed = (occluded != images).any(1)
    touched = changed.flatten(1).any(1)
    assert 60 < int(touched.sum()) < 140
    for image, mask in zip(occluded[touched], changed[touched], strict=True):
        rows, lines = mask.nonzero().unbind(1)
        tall, wide = int(rows.max() - rows.min()) + 1, int(lines.max() - lines.min()) + 1
        assert tall <= 6
        assert wide <= 6
        assert tall * wide == int(mask.sum())
        assert len(image[:, mask].unique(dim=1)[0]) == 1
    assert torch.equal(
        occluded, random_rectangles(images, most=1, smallest=3, largest=6, generator=generator())
    )
