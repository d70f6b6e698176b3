"""Double masking: no sticker of its family turns a certified image; all are tried by force."""

import warnings
from itertools import combinations, product

import pytest
import torch
from networks import NETWORKS
from torch import nn

from blurnet.certificates import (
    MaskedNetwork,
    ShiftedMask,
    Square,
    TwoSquares,
    certify,
    decision,
    double_masking,
    majority,
    masked,
)
from blurnet.certificates.pairs import pairs_of
from blurnet.errors import BlurnetError
from blurnet.models import Classifier, as_classifier, check_network


class Drawn(nn.Module):
    """A network drawn at random that saturated pixels throw far off; 3 classes, 1 × 5 × 5."""

    def __init__(self, seed):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.template = torch.randn(3, 25, generator=draw)
        self.shock = 4 * torch.randn(3, 25, generator=draw)

    def forward(self, images):
        flat = images.flatten(1) - 0.5
        return flat @ self.template.T + (flat.abs() > 0.49).float() @ self.shock.T


def drawn_images(network, count, seed):
    """Give images of mild values that the network is surer and surer of, and what they show."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=draw)
    strength = torch.linspace(0.01, 0.2, count)[:, None]
    images = strength * network.template[labels] + 0.1 * torch.randn(count, 25, generator=draw)
    return (0.5 + images.clamp(-0.4, 0.4)).view(count, 1, 5, 5), labels


def every_sticker(family, size, colours):
    """Give each place of a family and each way to paint it; written without blurnet."""
    if isinstance(family, ShiftedMask):
        places = [
            [
                (row + down, column + right)
                for row, column in family.mask.nonzero().tolist()
                if 0 <= row + down < size and 0 <= column + right < size
            ]
            for down, right in product(range(-family.shift, family.shift + 1), repeat=2)
        ]
    else:
        corners = list(product(range(size - family.size + 1), repeat=2))
        squares = [
            [(top + row, left + column) for row, column in product(range(family.size), repeat=2)]
            for top, left in corners
        ]
        both = [sorted({*one, *two}) for one, two in combinations(squares, 2)] + squares
        places = squares if isinstance(family, Square) else both
    for place in places:
        for painted in product(colours, repeat=len(place)):
            yield place, painted


def turned(model, image, label, family, colours=(0.0, 1.0)):
    """Count the stickers under which a network does not answer the label."""
    copies = []
    for place, painted in every_sticker(family, image.shape[-1], colours):
        copy = image.clone()
        for (row, column), value in zip(place, painted, strict=True):
            copy[0, row, column] = value
        copies.append(copy)
    with torch.no_grad():
        answers = [model(part).argmax(1) for part in torch.stack(copies).split(512)]
    return int((torch.cat(answers) != label).sum())


SOME = torch.zeros(5, 5)
SOME[0, 0] = SOME[2, 1:3] = 1

FORCED = [
    (Square(size=1), 5),
    (Square(size=2), 3),
    (Square(size=2), 2),
    (TwoSquares(size=1), 3),
    (ShiftedMask.of(SOME, 1), 3),
    (ShiftedMask.of(SOME, 2), 3),
]


@pytest.mark.parametrize(("family", "k"), FORCED)
def test_a_certified_image_is_never_turned(family, k):
    certified = bare = uncertified_turned = 0
    for seed in range(3):
        network = Drawn(seed)
        images, labels = drawn_images(network, 12, seed)
        found = certify(network, images, labels, family, k=k)
        predictor = masked(network, family, size=5, k=k)
        assert torch.equal(predictor(images).argmax(1), found.answers)
        for place in range(len(images)):
            wrong = turned(predictor, images[place], labels[place], family)
            if found.certified[place]:
                certified += 1
                assert not wrong
                bare += turned(network, images[place], labels[place], family)
            else:
                uncertified_turned += bool(wrong)
    assert certified >= 3  # there is something to prove
    assert bare  # on the bare network the same stickers do turn the same images
    assert uncertified_turned


def test_a_mistake_in_the_logic_is_seen(monkeypatch):
    """Were only single masks asked about, some certified image would be turned."""
    monkeypatch.setattr(double_masking, "_find_wrong_pairs", lambda *_: None)
    broken = 0
    for seed in range(3):
        network = Drawn(seed)
        images, labels = drawn_images(network, 12, seed)
        found = certify(network, images, labels, Square(size=2), k=3)
        predictor = masked(network, Square(size=2), size=5, k=3)
        for place in found.certified.nonzero().flatten().tolist():
            broken += turned(predictor, images[place], labels[place], Square(size=2)) > 0
    assert broken


def by_the_paper(network, image, masks):
    """PatchCleanser's algorithm 1, one pass after the other."""

    def answer(*laid):
        filled = image.clone()
        for mask in laid:
            filled[:, mask] = 0.5
        return int(network(filled[None]).argmax())

    single = [answer(mask) for mask in masks]
    most = max(sorted(set(single)), key=single.count)
    for mask, said in zip(masks, single, strict=True):
        if said != most and all(answer(mask, other) == said for other in masks):
            return said
    return most


@pytest.mark.parametrize(("family", "k"), FORCED)
def test_the_answer_is_that_of_the_paper(family, k):
    split = 0
    for seed in range(6):
        network = Drawn(seed)
        images = torch.rand(10, 1, 5, 5, generator=torch.Generator().manual_seed(seed))
        asked = MaskedNetwork(network, pairs_of(family, 5, 5, k), piece=7)
        expected = [by_the_paper(network, image, asked.masks) for image in images]
        assert asked(images).argmax(1).tolist() == expected
        single, pair = asked._all(images)
        assert decision(single.argmax(2), pair).tolist() == expected
        answers = single.argmax(2)
        split += int((answers != answers[:, :1]).any(1).sum())
        labels = torch.tensor(expected)
        found = certify(network, images, labels, family, k=k)
        assert found.answers.tolist() == expected
        agreed = (pair == labels[:, None, None]).flatten(1).all(1)
        assert torch.equal(found.certified, agreed)
        for place, (one, other) in enumerate(found.wrong_under.tolist()):
            assert (one < 0) == bool(agreed[place])
            assert agreed[place] or pair[place, one, other] != labels[place]
    assert split > 10


def test_majority_and_decision_by_hand():
    assert majority(torch.tensor([[2, 1, 2], [2, 1, 0], [3, 3, 1]])).tolist() == [2, 0, 3]
    single = torch.tensor([[0, 1, 0]])
    pair = torch.zeros(1, 3, 3, dtype=torch.int64)
    assert decision(single, pair).tolist() == [0]
    pair[0, 1] = 1
    assert decision(single, pair).tolist() == [1]


def test_a_lead_within_rounding_certifies_nothing():
    class Nearly(nn.Module):
        def forward(self, images):
            return torch.tensor([[1.0, 1.0 - 1e-6]]).expand(len(images), 2)

    images, labels = torch.rand(2, 3, 8, 8), torch.tensor([0, 1])
    found = certify(Nearly(), images, labels, "any:2")
    assert found.certified.tolist() == [False, False]
    assert found.answers.tolist() == [0, 0]


def test_what_is_put_in_and_left():
    """Grey 0.5 before normalisation; modes, images and weights stay; progress counts images."""
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 64, 4)).train()
    images = torch.rand(5, 3, 8, 8)
    kept, done = images.clone(), []
    labels = torch.zeros(5, dtype=torch.int64)
    certify(network, images, labels, "any:3", k=2, on_step=lambda *told: done.append(told))
    assert network.training
    assert network[1].training
    assert torch.equal(images, kept)
    assert done[-1] == (5, 5)
    assert [each for each, _ in done] == sorted(each for each, _ in done)
    seen = []

    class Watching(nn.Module):
        def forward(self, given):
            seen.append(given)
            return given.flatten(1)[:, :4]

    certify(Classifier(Watching(), mean=3.0, std=2.0), images, labels, "any:3")
    copies = torch.cat(seen) * 2 + 3
    hidden = (copies - 0.5).abs().amax(1) < 1e-5
    covered = hidden.flatten(1).any(1)
    assert int(covered.sum()) >= 5 * 36
    changed = (copies[:, None] - images).abs().amax(2) > 1e-5
    assert ((changed & ~hidden[:, None]).flatten(2).any(2).sum(1) == 4).all()  # of 5 images


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_masked_and_exported(name):
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    network = as_classifier(build())
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1))
    labels = network.eval()(images).argmax(1)
    check_network(network, images)
    found = certify(network, images, labels, "any:4", k=2)
    predictor = masked(network, "any:4", size=shape[1:], k=2)
    expected = predictor(images).argmax(1)
    assert torch.equal(expected, found.answers)
    assert (expected == labels)[found.certified].all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(predictor, (images,))
    scores = program.module()(images)
    assert torch.equal(scores.argmax(1), expected)
    torch.testing.assert_close(scores, predictor(images), rtol=1e-4, atol=1e-5)


def test_exported_for_any_number_of_images():
    network = Drawn(1)
    images, _ = drawn_images(network, 9, 1)
    predictor = masked(network, "any:2", size=5, k=3)
    batch = torch.export.Dim("batch", min=2, max=1024)
    program = torch.export.export(predictor, (images[:4],), dynamic_shapes=({0: batch},)).module()
    random = torch.rand(50, 1, 5, 5)
    for some in (images, random):
        assert torch.equal(program(some).argmax(1), predictor(some).argmax(1))


def test_the_masked_network_is_a_network():
    network = as_classifier(Drawn(0), classes=("a", "b", "c"))
    predictor = masked(network, "any:2", size=5, k=3)
    images = torch.rand(2, 1, 5, 5, requires_grad=True)
    scores = predictor(images)
    scores.sum().backward()
    scores.amax(1).sum()
    assert predictor.classes == ("a", "b", "c")
    assert check_network(predictor, torch.rand(1, 1, 5, 5)) == 3
    assert (scores.amax(1) >= 1).all()
    assert images.grad is not None
    with pytest.raises(BlurnetError, match=r"for images of 5 × 5 pixels; found 6 × 6"):
        predictor(torch.rand(1, 1, 6, 6))


def test_wrong_labels_are_refused():
    network = Drawn(0)
    with pytest.raises(BlurnetError, match="labels"):
        certify(network, torch.rand(2, 1, 5, 5), torch.tensor([0, 7]), "any:2")
    with pytest.raises(BlurnetError, match="no family"):
        certify(network, torch.rand(2, 1, 5, 5), torch.tensor([0, 1]), "some:2")
