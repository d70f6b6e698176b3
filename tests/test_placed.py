"""The place of a sticker: found where it is known, and any attack of the registry in a suite."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import STICKER_ATTACKS, APGDSettings, Budgeted, PlacedSettings, placed_apgd
from blurnet.attacks.losses import margin_of
from blurnet.attacks.moving import Pattern
from blurnet.attacks.placed import best_places, mask_at
from blurnet.evaluation import Suite, SuiteAttack, evaluate
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def square(top=3, left=4, side=4):
    mask = torch.zeros(12, 12)
    mask[top : top + side, left : left + side] = 1
    return mask


class Spot(nn.Module):
    """Only a spot at the bottom left counts, and nothing else."""

    def forward(self, images):
        bright = images[:, :, -4:, :4].mean((1, 2, 3))
        return torch.stack([0.8 - bright, bright - 0.8], 1) * 10


@pytest.mark.parametrize("candidates", [0, 1, 10])
def test_the_place_that_counts_is_found(candidates):
    images, labels = torch.full((3, 3, 12, 12), 0.5), torch.zeros(3, dtype=torch.int64)
    masks = torch.stack([square(), square(top=8, left=8), square(top=0, left=0)])

    def attacked(shift):
        settings = PlacedSettings(shift=shift, candidates=candidates, apgd=APGDSettings(steps=5))
        return placed_apgd(Spot(), images, labels, masks, settings=settings, generator=generator())

    assert attacked(12).fooled.all()
    moved = (attacked(12).adversarial != 0.5).any(1)
    assert moved[:, -4:, :4].all()
    assert moved.sum() == 3 * 16
    assert not attacked(1).fooled.any(), "too far away"


@pytest.mark.parametrize("own", [False, True])
def test_the_best_of_the_places_tried_is_taken(own):
    model = build("lisa_cnn", 4, seed=0).eval()
    images = torch.rand(3, 3, 32, 32, generator=generator(1))
    mask = torch.zeros(32, 32)
    mask[4:6, 3:9] = 1
    mask[9:11, 5:7] = 1
    masks = torch.stack([mask, mask.roll(9, 0), mask.T]) if own else mask[None]
    with torch.no_grad():
        labels = model(images).argmax(1)
    pattern = Pattern.of(masks[:, None], images, 2)
    budget = Budgeted(model, images, labels, pattern.reach())
    found = best_places(budget, pattern, 0)
    assert budget.queries.tolist() == [1 + 25] * 3
    variable = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(variable), labels, reduction="sum")
    corners = (torch.autograd.grad(loss, variable)[0] > 0).float()
    for image in range(3):
        its_mask = masks[image if own else 0]
        margins = {}
        for down in range(-2, 3):
            for right in range(-2, 3):
                moved = its_mask.roll((down, right), (0, 1))
                tried = torch.where(moved.bool(), corners[image], images[image])[None]
                margins[down, right] = margin_of(model(tried), labels[image : image + 1]).item()
        best = min(margins, key=margins.__getitem__)
        assert torch.equal(found[image, 0], its_mask.roll(best, (0, 1)))


def test_the_gradient_ranks_the_places():
    model = build("lisa_cnn", 4, seed=0).eval()
    images = torch.rand(2, 3, 32, 32, generator=generator(1))
    mask = torch.zeros(32, 32)
    mask[4:8, 3:9] = 1
    labels = torch.tensor([0, 1])
    pattern = Pattern.of(mask[None, None], images, 3)
    budget = Budgeted(model, images, labels, pattern.reach())
    found = best_places(budget, pattern, 1)
    variable = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(variable), labels, reduction="sum")
    power = torch.autograd.grad(loss, variable)[0].square().sum(1)
    shifts = [(d, r) for d in range(-3, 4) for r in range(-3, 4)]
    for image in range(2):
        sums = [float((mask.roll(s, (0, 1)) * power[image]).sum()) for s in shifts]
        assert torch.equal(found[image, 0], mask.roll(shifts[sums.index(max(sums))], (0, 1)))
    place = torch.tensor([[4, 3], [0, 0]])
    assert torch.equal(mask_at(pattern, place, images)[0, 0], mask)


@pytest.mark.parametrize("given", [{"shift": 0}, {"candidates": -1}])
def test_settings_are_checked(given):
    with pytest.raises(BlurnetError, match="placed settings"):
        PlacedSettings(**given)


FEW = {
    "random_search": {"queries": 5},
    "patch_rs": {"queries": 5, "shift": 1},
    "apgd": {"steps": 2, "restarts": 1, "targets": 2, "loss": "dlr"},
    "placed_apgd": {"shift": 1, "candidates": 2, "apgd": {"steps": 2, "restarts": 1}},
}


def test_a_suite_holds_any_of_them_and_is_json():
    attacks = tuple(
        SuiteAttack.model_validate({"name": name, "describes": "", name: FEW[name]})
        for name in STICKER_ATTACKS
    )
    suite = Suite(name="all", attacks=attacks)
    assert Suite.model_validate_json(suite.model_dump_json()) == suite
    images = torch.rand(3, 3, 32, 32, generator=generator(1))
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    said = []
    found = evaluate(
        build("lisa_cnn", 4, seed=0),
        images,
        0,
        mask,
        suite=suite,
        on_step=lambda *at: said.append(at[:2]),
    )
    assert [each.attack.name for each in found.attacks] == list(STICKER_ATTACKS)
    for each in found.attacks:
        assert each.queries >= 1
        assert each.targets[0].loss_last <= each.targets[0].loss_first
    done, totals = zip(*said, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == totals[-1]
    with pytest.raises(BlurnetError, match="found rp2 and apgd"):
        SuiteAttack.model_validate({"name": "two", "describes": "", "rp2": {}, "apgd": {}})
