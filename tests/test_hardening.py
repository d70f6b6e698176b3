"""Baselines' images, and the attacks behind them where the optimum is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import PGDSettings, RectangleSettings, pgd, rectangle_attack
from blurnet.defenses import Defense
from blurnet.defenses.batches import ADVERSARIES, AUGMENTATIONS, adversary, augmentation
from blurnet.models import build
from blurnet.training import DoubleCutout, GaussianNoise, RandomOcclusion


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def linear():
    """Two logits, w · x and 0: the loss of class 0 falls with w · x."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    with torch.no_grad():
        model[1].weight[0] = torch.randn(192, generator=generator())
        model[1].weight[1] = 0
        model[1].bias.zero_()
    return model


def batch(size=8, count=4):
    return 0.2 + 0.6 * torch.rand(count, 3, size, size, generator=generator(1))


@pytest.mark.parametrize("name", [*AUGMENTATIONS, *ADVERSARIES])
def test_changed_batches_are_in_range_drawn_and_leave_the_network_alone(name):
    model, images, labels = build("lisa_cnn", 3, seed=0).train(), batch(32), torch.arange(4) % 3
    before = images.clone()
    small = {"pgd": {"steps": 2}, "rectangle": {"steps": 2, "stride": 8}}.get(name, {})
    first, again, other = (
        (augmentation if name in AUGMENTATIONS else adversary)(name, **small)(
            model, images, labels, generator(seed)
        )
        for seed in (0, 0, 1)
    )
    assert first.shape == images.shape
    assert first.dtype == torch.float32
    assert 0 <= first.min() <= first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, images)
    assert torch.equal(images, before)
    assert model.training
    assert not first.requires_grad
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("random_start", [True, False])
def test_pgd_reaches_the_corner_that_is_worst_for_a_linear_model(linear, random_start):
    images, settings = batch(), PGDSettings(0.1, steps=10, random_start=random_start)
    found = pgd(linear, images, torch.zeros(4).long(), settings=settings, generator=generator())
    weights = linear[1].weight[0].detach().view(3, 8, 8)
    torch.testing.assert_close(found, images - 0.1 * weights.sign())


@pytest.mark.parametrize("search", ["exhaustive", "gradient"])
def test_rectangle_is_worst_for_a_linear_model(linear, search):
    images, labels = batch(), torch.zeros(4).long()
    settings = RectangleSettings(3, 2, 1, search, candidates=42, steps=40, step_size=0.1)
    found = rectangle_attack(linear, images, labels, settings=settings, generator=generator())
    weights = linear[1].weight[0].detach().view(3, 8, 8)
    for image, attacked, (top, left) in zip(
        images, found.adversarial, found.places.tolist(), strict=True
    ):
        change = weights * (0.5 - image)
        sums = F.avg_pool2d(change.sum(0)[None, None], (3, 2), 1)[0, 0]  # of w · x under grey
        assert sums[top, left] == sums.min()
        inside = torch.zeros(8, 8, dtype=torch.bool)
        inside[top : top + 3, left : left + 2] = True
        assert torch.equal(attacked[:, ~inside], image[:, ~inside])
        assert torch.equal(attacked[:, inside], (weights < 0).float()[:, inside])


def test_gradient_search_looks_where_the_gradient_is():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[0].view(3, 8, 8)[:, 4:6, 2:4] = 1.0
    settings = RectangleSettings(2, 2, 2, "gradient", candidates=1, steps=0)
    images = torch.full((2, 3, 8, 8), 0.9)
    found = rectangle_attack(
        model, images, torch.zeros(2).long(), settings=settings, generator=generator()
    )
    assert found.places.tolist() == [[4, 2], [4, 2]]
    assert (found.adversarial[:, :, 4:6, 2:4] == 0.5).all()


def test_noise_has_its_sigma():
    grey = torch.full((50, 3, 32, 32), 0.5)
    noise = GaussianNoise(0.05)(nn.Identity(), grey, torch.zeros(50), generator()) - grey
    assert float(noise.std()) == pytest.approx(0.05, rel=0.02)
    assert torch.equal(GaussianNoise(0.0)(nn.Identity(), grey, torch.zeros(50), generator()), grey)


def test_double_cutout_lays_two_grey_squares():
    images = torch.full((300, 3, 20, 32), 0.2)
    cover = DoubleCutout(0.25, 0.4)
    covered = cover(nn.Identity(), images, torch.zeros(300), torch.Generator().manual_seed(0))
    grey = (covered == 0.5).all(1)
    assert torch.equal((covered != 0.2).any(1), grey)
    area = grey.flatten(1).sum(1)
    assert area.min() >= 25
    assert area.max() <= 2 * 64
    assert (area > 64).any()
    assert grey.any(2).any(0).all()
    assert grey.any(1).any(0).all()
    two = [len(each.any(0).nonzero()) for each in grey]
    assert max(two) > 8
    again = cover(nn.Identity(), images, torch.zeros(300), torch.Generator().manual_seed(0))
    assert torch.equal(covered, again)
    half = DoubleCutout(share=0.5)(
        nn.Identity(), images, torch.zeros(300), torch.Generator().manual_seed(0)
    )
    assert 110 < int((half == 0.5).flatten(1).any(1).sum()) < 190
    with pytest.raises(BlurnetError, match="double cutout"):
        DoubleCutout(0.5, 0.4)


def test_occlusion_is_one_rectangle_of_the_stated_size():
    images = torch.full((100, 3, 32, 32), -1.0)  # no filling has this value
    occlude = RandomOcclusion(0.25, 0.5, most=1)
    changed = occlude(nn.Identity(), images, torch.zeros(100), generator())[:, 0] >= 0
    rows, columns = changed.any(2).sum(1), changed.any(1).sum(1)
    assert torch.equal(changed.sum((1, 2)), rows * columns)
    for lengths in (rows, columns):
        assert 8 <= lengths.min() < lengths.max() <= 16
    assert changed.any(2).any(0).all()  # every row and column is reached
    assert changed.any(1).any(0).all()
    grey = RandomOcclusion(share=0.5, fills=("grey",))
    changed = grey(nn.Identity(), images, torch.zeros(100), generator())
    assert torch.equal(changed[:, 0], changed[:, 2])
    assert 30 < (changed >= 0).flatten(1).any(1).sum() < 70


def test_wrong_settings():
    with pytest.raises(BlurnetError, match="no augmentation 'blur'; there are: double_cutout, gau"):
        augmentation("blur")
    with pytest.raises(BlurnetError, match="pgd: no setting 'epsilom'; there are: epsilon, steps"):
        adversary("pgd", epsilom=1)
    with pytest.raises(BlurnetError, match="sigma"):
        GaussianNoise(-1)
    with pytest.raises(BlurnetError, match="smallest ≤ largest"):
        RandomOcclusion(0.5, 0.4)
    with pytest.raises(BlurnetError, match="fills are of"):
        RandomOcclusion(fills=("stripes",))
    with pytest.raises(BlurnetError, match="epsilon"):
        PGDSettings(float("nan"))
    with pytest.raises(BlurnetError, match="search one of gradient, exhaustive"):
        RectangleSettings(search="random")
    with pytest.raises(BlurnetError, match="does not fit"):
        rectangle_attack(
            nn.Flatten(),
            batch(),
            torch.zeros(4).long(),
            settings=RectangleSettings(9, 9),
            generator=generator(),
        )


def test_a_defense_augments_first_and_attacks_then():
    model, images, labels = build("lisa_cnn", 3, seed=0), batch(32), torch.arange(4) % 3
    defense = Defense(
        augmentation={"name": "occlusion", "fills": ["grey"]},
        adversarial={"name": "pgd", "steps": 1, "random_start": False},
    )
    draw = generator(5)
    occluded = augmentation("occlusion", fills=("grey",))(model, images, labels, draw)
    expected = adversary("pgd", steps=1, random_start=False)(model, occluded, labels, draw)
    assert torch.equal(defense.harden()(model, images, labels, generator(5)), expected)
    assert Defense().harden() is None
