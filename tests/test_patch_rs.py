"""Patch-RS: every try is what the paper lets it be, and where it leads."""

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import PatchRSSettings, patch_rs
from blurnet.attacks.losses import margin_of
from blurnet.attacks.moving import Pattern
from blurnet.attacks.patch_rs import side_at
from blurnet.models import build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """Logits of three classes, linear in the image; remembers what it was asked."""

    def __init__(self, size=12):
        super().__init__()
        self.register_buffer("weight", torch.randn(3, 3 * size**2, generator=generator(3)))
        self.asked = []

    def forward(self, images):
        self.asked.append(images.detach().clone())
        return images.flatten(1) @ self.weight.T


def square(size=12, top=3, left=4, side=5):
    mask = torch.zeros(size, size)
    mask[top : top + side, left : left + side] = 1
    return mask


def tries(labels=None, seed=0, model=None, mask=None, **settings):
    """Give the network, the images and what was tried on the first, in order."""
    model = model or Linear()
    images = torch.rand(2, 3, 12, 12, generator=generator(1)) * 0.5 + 0.25
    labels = torch.tensor([0, 1]) if labels is None else labels
    model.asked.clear()
    found = patch_rs(
        model,
        images,
        labels,
        square() if mask is None else mask,
        settings=PatchRSSettings(until_fooled=False, **settings),
        generator=generator(seed),
    )
    asked = [each for each in model.asked if len(each) == 2]
    return model, images, labels, asked, found


def box_of(changed):
    at = changed.nonzero()
    return (at.amax(0) - at.amin(0) + 1).tolist()


def test_the_side_halves_its_area_as_in_the_paper():
    table = {0: 0.4, 10: 0.4, 11: 0.2, 50: 0.2, 51: 0.1, 201: 0.05, 501: 0.025, 1001: 0.0125}
    for query, share in table.items():
        assert side_at(query, 10_000, 0.4, 50) == int((share * 2500) ** 0.5 + 1e-9)
    assert side_at(8001, 10_000, 0.4, 50) == 1
    assert side_at(5, 1000, 0.4, 50) == int((0.2 if 5 * 10 > 10 else 0.4) ** 0.5 * 50)
    assert side_at(0, 1000, 1, 7) == 7


def test_each_try_is_one_square_of_a_corner_colour_and_kept_if_the_loss_falls():
    queries = 400
    model, images, labels, asked, found = tries(queries=queries)
    inside = square().bool()
    assert len(asked) == queries
    sides = [side_at(at, queries, 0.4, 5) for at in range(queries)]
    single = sides.index(1)
    flips_from = single + (queries - single) // 2
    current, loss = asked[0][0], margin_of(model(asked[0]), labels)[0]
    assert set(current[:, inside].unique().tolist()) == {0, 1}
    channels = set()
    for query in range(1, queries):
        tried = asked[query][0]
        assert torch.equal(tried[:, ~inside], images[0][:, ~inside])
        assert set(tried[:, inside].unique().tolist()) <= {0, 1}
        changed = tried != current
        if changed.any():
            area = changed.any(0)
            assert max(box_of(area)) <= sides[query]
            if query < flips_from:
                values = tried[:, area]
                assert (values == values[:, :1]).all(), "one colour"
        if query >= flips_from:
            assert changed.sum() == 1, "one channel of one pixel"
            channels.add(int(changed.nonzero()[0, 0]))
        elif sides[query] == 1:
            assert changed.any(), "another colour"
        its_loss = margin_of(model(asked[query]), labels)[0]
        if its_loss < loss:
            current, loss = tried, its_loss
    assert channels == {0, 1, 2}
    torch.testing.assert_close(found.margin[0], loss)
    assert torch.equal(found.adversarial[0], current)


def test_the_sticker_moves_each_fourth_time_less_and_less():
    class Still(Linear):
        def forward(self, images):
            self.asked.append(images.detach().clone())
            return torch.stack([2 - 0 * images.sum((1, 2, 3)), 1 + 0 * images.sum((1, 2, 3))], 1)

    def place(points, images):
        at = (points != images).any(0).nonzero()
        return at.amin(0)

    queries = 400
    for targets, every in ((0, 4), (1, 10)):
        _, images, _, asked, _ = tries(
            torch.tensor([0, 0]), model=Still(), queries=queries, shift=12, targets=targets
        )
        asked = asked[-queries:]
        first = asked[0][0]
        moves = []
        for query in range(1, queries):
            move = (place(asked[query][0], images[0]) - place(first, images[0])).abs().max()
            if query % every:
                assert move == 0, "painted where it was: nothing is ever kept"
                continue
            most = int(0.75 * (1 - query / queries) * 12)
            assert move <= most
            moves.append((query, int(move)))
            sticker_first = first[:, (first != images[0]).any(0)]
            sticker_now = asked[query][0][:, (asked[query][0] != images[0]).any(0)]
            if most:
                assert torch.equal(sticker_first, sticker_now), "moved, and not painted"
        assert max(move for _, move in moves[:20]) > 3


def test_a_linear_networks_best_sticker_is_found():
    model, images, labels, _, found = tries(queries=1500)
    for place, label in enumerate(labels.tolist()):
        bests = []
        for other in {0, 1, 2} - {label}:
            weight = (model.weight[label] - model.weight[other]).view(3, 12, 12)
            best = torch.where(square().bool(), (weight < 0).float(), images[place])
            bests.append(margin_of(model(best[None]), labels[place : place + 1]))
        torch.testing.assert_close(found.margin[place], torch.cat(bests).min())


def test_the_place_is_found_where_only_the_place_counts():
    class Corner(nn.Module):
        def forward(self, images):
            moved = (images[:, :, -5:, :5] - 0.5).abs().mean((1, 2, 3))
            return torch.stack([0.4 - moved, moved - 0.4], 1)

    images, labels = torch.full((3, 3, 12, 12), 0.5), torch.zeros(3, dtype=torch.int64)

    def attacked(shift, mask):
        return patch_rs(
            Corner(),
            images,
            labels,
            mask,
            settings=PatchRSSettings(queries=200, shift=shift),
            generator=generator(),
        )

    assert not attacked(0, square()).fooled.any()
    found = attacked(12, square())
    assert found.fooled.all()
    moved = (found.adversarial != 0.5).any(1)
    assert (moved.flatten(1).sum(1) == 25).all()
    own = torch.stack([square(), square(top=0), square(side=3)])
    assert attacked(12, own).fooled.tolist() == [True, True, False], (
        "the small one covers too little"
    )
    near = attacked(1, square())
    outside = square(top=2, left=3, side=7) == 0
    assert torch.equal(near.adversarial[:, :, outside], images[:, :, outside])


def test_at_targets_the_target_is_what_it_goes_for():
    model, images, labels, asked, found = tries(queries=300, targets="all")
    assert found.queries.tolist() == [601, 601]
    assert PatchRSSettings(queries=300, targets="all").passes(3) == 601
    ends = []
    for run in range(2):
        part = asked[-600:][300 * run : 300 * run + 300]
        answers = torch.stack([model(each) for each in part])
        ends.append(answers.softmax(2).amax(0))
    clean = model(images).scatter(1, labels[:, None], -torch.inf).argsort(1, descending=True)
    for image in range(2):
        for run in range(2):
            reached = ends[run][image]
            target = clean[image, run]
            assert reached[target] >= ends[1 - run][image][target]


@pytest.mark.parametrize("shift", [0, 3])
def test_any_mask_on_a_real_network(shift):
    model = build("lisa_cnn", 4, seed=0)
    images = torch.rand(3, 3, 32, 32, generator=generator(1))
    mask = torch.zeros(32, 32)
    mask[8:10, 6:24] = 1
    mask[20:23, 10:22] = 0.75
    mask[0, 0] = 1 / 255
    with torch.no_grad():
        labels = model.eval()(images).argmax(1)
    settings = PatchRSSettings(queries=60, shift=shift)
    found = patch_rs(model, images, labels, mask, settings=settings, generator=generator())
    again = patch_rs(model, images, labels, mask, settings=settings, generator=generator())
    assert torch.equal(found.adversarial, again.adversarial)
    pattern = Pattern.of(torch.where(mask > 0.5, mask, 0)[None, None], images, shift)
    out = (pattern.reach() == 0).expand_as(images)
    assert torch.equal(found.adversarial[out], images[out])
    assert pattern.reach().sum() > (mask > 0.5).sum() - 1
    logits = model(found.adversarial)
    torch.testing.assert_close(found.margin, margin_of(logits, labels).detach())
    assert (found.margin < margin_of(model(images), labels)).all()


def test_where_a_pattern_reaches():
    mask = torch.zeros(1, 1, 6, 6)
    mask[..., 0, 1:3] = 1
    pattern = Pattern.of(mask, torch.zeros(1, 3, 6, 6), 1)
    wanted = torch.zeros(6, 6)
    wanted[:2, :4] = 1
    assert torch.equal(pattern.reach()[0, 0], wanted)
    still = Pattern.of(mask, torch.zeros(1, 3, 6, 6), 0)
    assert torch.equal(still.reach(), mask)


@pytest.mark.parametrize(
    "given", [{"queries": 1}, {"share": 0}, {"share": 2}, {"shift": -1}, {"targets": "every"}]
)
def test_settings_are_checked(given):
    with pytest.raises(BlurnetError, match="Patch-RS settings"):
        PatchRSSettings(**given)
