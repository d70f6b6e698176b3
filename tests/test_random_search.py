"""The attack that asks for no gradient."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import RandomSearchSettings, random_search
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """Logits 0 and w · x: the best sticker has each value at the end that w says."""

    def __init__(self):
        super().__init__()
        self.weight = torch.randn(3, 8, 8, generator=generator(3))

    def forward(self, images):
        score = (images * self.weight).sum((1, 2, 3))
        return torch.stack([torch.zeros_like(score), score], 1)


@pytest.fixture
def mask():
    mask = torch.zeros(8, 8)
    mask[2:4, 1:7] = 1
    return mask


def test_finds_a_linear_networks_best_sticker(mask):
    model, images = Linear(), torch.rand(2, 3, 8, 8, generator=generator(1))
    labels = torch.ones(2, dtype=torch.int64)
    best = torch.where(mask.bool(), (model.weight < 0).float(), images)
    expected = model(best)[:, 1]

    result = random_search(
        model,
        images,
        labels,
        mask,
        settings=RandomSearchSettings(4000, until_fooled=False),
        generator=generator(),
    )

    torch.testing.assert_close(result.margin, expected)
    torch.testing.assert_close(result.adversarial, best)


def test_more_queries_are_never_worse_and_the_network_is_left_alone(mask):
    model = build("lisa_cnn", 4, seed=0).train()
    wide = nn.functional.interpolate(mask[None, None], (32, 32))[0, 0]
    images = torch.rand(3, 3, 32, 32, generator=generator(1))
    before, labels = images.clone(), torch.tensor([0, 1, 2])
    few, many = (
        random_search(
            model,
            images,
            labels,
            wide,
            settings=RandomSearchSettings(n, until_fooled=False),
            generator=generator(),
        )
        for n in (2, 200)
    )
    assert (many.margin < few.margin).all()
    assert model.training
    assert torch.equal(images, before)
    outside = (wide == 0).expand_as(images)
    assert torch.equal(many.adversarial[outside], images[outside])
    logits = model.eval()(many.adversarial)
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    torch.testing.assert_close(many.margin, own - others)


@pytest.mark.parametrize("given", [{"queries": 1}, {"share": 0}, {"share": 1.5}])
def test_settings_are_checked(given):
    with pytest.raises(BlurnetError, match="random search settings"):
        RandomSearchSettings(**given)


@pytest.mark.parametrize("wrong", [torch.zeros(8, 8), torch.ones(4, 4)])
def test_masks_are_checked(wrong):
    with pytest.raises(BlurnetError, match="the mask is"):
        random_search(
            Linear(),
            torch.rand(1, 3, 8, 8),
            torch.tensor([1]),
            wrong,
            generator=generator(),
        )


def test_stray_pixels_of_a_mask_take_no_tries(mask):
    stray = mask.clone()
    stray[6:, :] = 1 / 255  # as in RP2's own mask
    images, labels = torch.rand(2, 3, 8, 8, generator=generator(1)), torch.ones(2).long()
    plain, strayed = (
        random_search(
            Linear(), images, labels, each, settings=RandomSearchSettings(50), generator=generator()
        )
        for each in (mask, stray)
    )
    assert torch.equal(plain.adversarial, strayed.adversarial)
    assert torch.equal(plain.queries, strayed.queries)


def test_an_image_is_left_alone_once_it_is_fooled(mask):
    images, labels = torch.rand(2, 3, 8, 8, generator=generator(1)), torch.ones(2).long()
    told = []
    found = random_search(
        Linear(),
        images,
        labels,
        mask,
        settings=RandomSearchSettings(4000),
        generator=generator(),
        on_step=lambda *at: told.append(at),
    )
    assert found.fooled.all()
    assert (found.queries < 4000).all()
    last = [row[~row.isnan()][-1] for row in found.history]
    torch.testing.assert_close(torch.stack(last), found.margin)
    assert told[-1] == (4000, 4000)
