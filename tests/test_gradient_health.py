"""Dead gradients, where they can be counted by hand."""

import pytest
import torch
from torch import nn

from blurnet.attacks import RP2Settings, dead_gradient_share, transform


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """Three logits, linear in the image."""

    def __init__(self, size):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(3, 3 * size**2, generator=generator(3)))

    def forward(self, images):
        return images.flatten(1) @ self.weights.T


def share(noise, images, *, transforms=(), size=4, model=None, **settings):
    model = (model or Linear(size)).train()
    mask = torch.zeros(images.shape[2:])
    mask[1:3, :2] = 0.5  # 4 pixels, 12 values
    found = dead_gradient_share(
        model,
        images,
        torch.arange(len(noise)),
        mask,
        noise,
        settings=RP2Settings(**settings),
        generator=generator(),
        transforms=transforms,
    )
    assert model.training
    assert model.weights.grad is None
    return found


@pytest.mark.parametrize("scope", ["universal", "per_image"])
def test_what_is_clipped_in_every_view_is_dead(scope):
    images = torch.full((2, 3, 4, 4), 0.5)
    images[1] = 0.2
    noise = torch.full((2, 3, 4, 4), 0.1)
    noise[0, 0, 1, 0] = -1.2  # clipped in both views
    noise[0, 1, 1, 0] = 1.2  # in the first alone
    noise[0, 2, 0, 0] = -5  # not under the mask
    if scope == "per_image":
        noise = noise[:, None].expand(-1, 2, -1, -1, -1)
    found = share(noise, images, scope=scope)
    dead = [1, 0] if scope == "universal" else [1.5, 0]
    torch.testing.assert_close(found, torch.tensor(dead) / 12)
    live = share(noise, images, scope=scope, placement="add_straight_through")
    assert live.tolist() == [0, 0]


def test_pasted_colours_die_at_black_and_white_alone():
    images, noise = torch.ones(2, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    assert share(noise, images, placement="paste").tolist() == [0]
    noise[0, :, 1, 0], noise[0, 0, 2, 1] = 1, 0
    torch.testing.assert_close(share(noise, images, placement="paste"), torch.tensor([4 / 12]))


def test_success_is_no_dead_gradient_of_a_margin():
    images = torch.rand(2, 3, 4, 4, generator=generator(1))
    answers = Linear(4)(images).argmax(1)
    noise = torch.zeros(3, 3, 4, 4)
    reached = [bool((answers == target).all()) for target in range(3)]
    assert any(reached)
    assert share(noise, images, loss="margin").tolist() == [0, 0, 0]
    assert share(noise, images).tolist() == [0, 0, 0]


def test_a_network_that_hides_its_gradient_is_dead_whatever_the_loss():
    class Rounding(Linear):
        def forward(self, images):
            return super().forward((images * 64).round() / 64)

    images = torch.rand(2, 3, 4, 4, generator=generator(1))
    for loss in ("margin", "cross_entropy", "logit"):
        found = share(torch.zeros(2, 3, 4, 4), images, loss=loss, model=Rounding(4))
        assert found.tolist() == [1, 1]


def test_through_transforms_down_to_the_networks_size():
    images, noise = torch.full((2, 3, 8, 8), 0.5), torch.full((2, 3, 8, 8), 0.1)
    noise[0, :, 1, 0] = -1.2
    found = share(noise, images, transforms=[transform("resize", height=4, width=4)])
    torch.testing.assert_close(found, torch.tensor([3 / 12, 0]))
