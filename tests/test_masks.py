"""Masks: drawn ones by their area and symmetry, found ones where the answer is known."""

import math

import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from blurnet import BlurnetError
from blurnet.attacks import (
    RP2Settings,
    most_affected_rectangles,
    octagon,
    rectangles,
    sign_outline,
    transform,
    two_stage_rectangles,
)
from blurnet.data.rp2 import load_scene
from blurnet.models import MODELS
from blurnet.models.weights import read_network

OUTLINES = ("octagon", "circle", "triangle", "diamond", "rectangle")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_rectangles():
    mask = rectangles((6, 8), [(1, 2, 4, 3), (0, 0, 8, 1), (3, 2, 5, 6)])
    expected = torch.tensor(
        [[int(c) for c in row] for row in (
            "11111111",
            "00000000",
            "01111000",
            "00011000",
            "00011000",
            "00011000",
        )]
    ).float()  # fmt: skip
    assert torch.equal(mask, expected)


@pytest.mark.parametrize(
    ("outline", "share"),
    [
        ("octagon", 2 * (math.sqrt(2) - 1)),
        ("circle", math.pi / 4),
        ("triangle", 1 / 2),
        ("diamond", 1 / 2),
        ("rectangle", 1),
    ],
)
@pytest.mark.parametrize("shape", [(32, 32), (200, 90)])
def test_outlines_fill_the_picture(outline, share, shape):
    mask = sign_outline(shape, outline)
    assert mask.shape == shape
    assert mask.dtype == torch.float32
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert float(mask.mean()) == pytest.approx(share, abs=0.04 if shape == (32, 32) else 0.01)
    assert torch.equal(mask, mask.flip(1))
    assert mask.any(0).all() or outline == "diamond"  # an even number of pixels has no tip
    assert mask[shape[0] // 2, shape[1] // 2] == 1
    if outline == "triangle":
        assert mask.sum(1).diff().max() <= 0
        assert mask[0].all()
    else:
        assert torch.equal(mask, mask.flip(0))


def test_octagon_is_rp2s_own(shared_data):
    theirs = load_scene(shared_data / "rp2", "octagon").mask
    assert torch.equal(sign_outline((32, 32), "octagon"), theirs)
    assert torch.equal(octagon((32, 32), (16, 16), 16), theirs)


def test_octagon_is_where_it_says_and_as_pillow_draws_it():
    mask = octagon((300, 200), (90.3, 140.1), 60)
    reach = 60 / math.cos(math.pi / 8)
    angles = [math.pi * (2 * k + 1) / 8 for k in range(8)]
    corners = [(90.3 + math.cos(a) * reach, 140.1 + math.sin(a) * reach) for a in angles]
    fine = Image.new("L", (1600, 2400))
    ImageDraw.Draw(fine).polygon([(8 * x - 0.5, 8 * y - 0.5) for x, y in corners], fill=255)
    small = fine.resize((200, 300), Image.Resampling.BOX)
    expected = torch.tensor(list(small.tobytes())).view(300, 200) / 255
    assert (mask - expected).abs().max() < 0.7  # an edge runs through the pixel
    assert (mask - expected).abs().mean() < 0.005
    assert float(mask.sum()) == pytest.approx(8 * (math.sqrt(2) - 1) * 3600, rel=0.003)


KNOWN = [(3, 4, 7, 7), (20, 1, 23, 5), (11, 20, 14, 24)]


def drawn(perturbation, **settings):
    return rectangles(perturbation.shape[-2:], most_affected_rectangles(perturbation, **settings))


def concentrated(strengths=(3.0, 2.0, 1.0), noise=0.01):
    delta = noise * torch.randn(3, 32, 32, generator=generator())
    for (left, top, right, bottom), strength in zip(KNOWN, strengths, strict=True):
        sign = torch.randn(3, bottom - top, right - left, generator=generator(1)).sign()
        delta[:, top:bottom, left:right] = strength * sign
    return delta


@pytest.mark.parametrize("count", [1, 2, 3])
def test_finds_the_rectangles_that_hold_the_perturbation(count):
    for perturbation in (concentrated(), torch.stack((concentrated(), 0.1 * concentrated()))):
        found = most_affected_rectangles(perturbation, count=count, area=12 * count / 1024)
        assert found == KNOWN[:count]


def test_targets_count_together():
    left, right = concentrated((9, 0, 0), 0), concentrated((0, 5, 0), 0)
    both = torch.stack((left, right, -right))
    assert most_affected_rectangles(both, count=1, area=12 / 1024) == [KNOWN[1]]


def brute_force(strength, barred, size):
    """Every rectangle of at most ``size`` pixels that no larger one of its height replaces."""
    rows, columns = strength.shape
    best = -1.0
    for high in range(1, min(rows, size) + 1):
        wide = min(size // high, columns)
        for top in range(rows - high + 1):
            for left in range(columns - wide + 1):
                part = (slice(top, top + high), slice(left, left + wide))
                if not barred[part].any():
                    best = max(best, float(strength[part].sum()))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_each_is_the_best_there_is(seed):
    delta = torch.rand(2, 9, 11, generator=generator(seed))
    within = (torch.rand(9, 11, generator=generator(seed + 10)) > 0.1).float()
    first = drawn(delta, count=1, area=8 / 99, within=within)
    strength = delta.sum(0)
    held = float((first * strength).sum())
    assert held == pytest.approx(brute_force(strength, within == 0, 8))
    assert not (first > within).any()
    # the second has what the first left over
    both = drawn(delta, count=2, area=16 / 99, within=within)
    assert torch.equal(both * first, first)
    second = both - first
    held = float((second * strength).sum())
    size = 16 - int(first.sum())
    assert held == pytest.approx(brute_force(strength, (within == 0) | (first > 0), size))


def test_of_equals_the_squarest():
    flat = drawn(torch.ones(1, 12, 12), count=1, area=16 / 144)
    assert flat.sum(0).max() == 4
    assert flat.sum(1).max() == 4
    assert drawn(torch.zeros(1, 12, 12), count=3, area=0.5).sum() > 60


class Reads(nn.Module):
    """Two logits; the second is the sum of what lies under a mask, over the first colours' sum."""

    def __init__(self, mask):
        super().__init__()
        self.weights = nn.Parameter(torch.stack((torch.zeros_like(mask), mask)))

    def forward(self, images):
        return torch.einsum("nchw,khw->nk", images, self.weights)


def test_two_stages_find_what_the_network_reads():
    read = [(2, 3, 5, 5), (9, 8, 11, 11)]
    outline, model = sign_outline((16, 16), "octagon"), Reads(rectangles((16, 16), read) * 0.5)
    images = torch.rand(4, 3, 16, 16, generator=generator()) * 0.3
    told = []
    found = two_stage_rectangles(
        model.train(),
        images,
        torch.tensor([1]),
        outline,
        settings=RP2Settings(steps=60, p=1),
        count=2,
        area=12 / 256,
        generator=generator(1),
        on_step=lambda *done: told.append(done),
    )
    assert sorted(found) == read
    assert told[-1] == (60, 60)
    assert model.training


def test_two_stages_find_rp2s_own_stickers(shared_data):
    """RP2 placed its stickers so; 30 of the sign's 844 pixels meet 30 others once by chance."""
    scene = load_scene(shared_data / "rp2")
    network = read_network(shared_data / "rp2" / "lisa_cnn.safetensors", MODELS["lisa_cnn"])
    found = two_stage_rectangles(
        network.model,
        scene.floats[::4],
        torch.tensor([network.classes.index("speedLimit45")]),
        sign_outline((32, 32), "octagon"),
        settings=RP2Settings(steps=150, p=1),
        count=4,
        area=30 / 1024,
        generator=generator(),
    )
    mask = rectangles((32, 32), found)
    assert mask.sum() <= 30
    assert (mask * (scene.mask > 0.5)).sum() >= 10


class Halves(nn.Module):
    """Halved photographs in, as a network at the end of a resize gets them."""

    def __init__(self, mask):
        super().__init__()
        self.reads = Reads(mask)

    def forward(self, images):
        assert images.shape[2:] == (8, 8)
        return self.reads(images)


def test_two_stages_at_full_resolution():
    found = two_stage_rectangles(
        Halves(rectangles((8, 8), [(2, 3, 4, 5)])),
        torch.rand(2, 3, 16, 16, generator=generator()) * 0.3,
        torch.tensor([1]),
        torch.ones(16, 16),
        settings=RP2Settings(steps=60, p=1, lam=0.001),
        count=1,
        area=16 / 256,
        generator=generator(1),
        transforms=[transform("resize", height=8, width=8)],
    )
    assert found == [(4, 6, 8, 10)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rectangles((8, 8), []), "at least one box"),
        (lambda: rectangles((8, 8), [(0, 0, 9, 4)]), r"\(0, 0, 9, 4\).*inside the mask.*8 × 8"),
        (lambda: rectangles((8, 8), [(4, 0, 4, 4)]), "is empty"),
        (lambda: octagon((8, 8), (20, 20), 3), "no pixel's centre is inside"),
        (lambda: octagon((8, 8), (4, 4), 0), "radius is above 0, not 0"),
        (lambda: sign_outline((8, 8), "square"), "no outline 'square'; there are: octagon, circle"),
        (
            lambda: most_affected_rectangles(torch.ones(3, 8, 8), count=0, area=0.1),
            "count is at least 1",
        ),
        (
            lambda: most_affected_rectangles(torch.ones(3, 8, 8), count=1, area=1.5),
            r"area in 0…1; found 1 and 1.5",
        ),
        (
            lambda: most_affected_rectangles(torch.ones(3, 8, 8), count=5, area=0.05),
            r"an area of 0.05 is 3 of 8 × 8 pixels, and 5 rectangles need at least one each",
        ),
        (
            lambda: most_affected_rectangles(
                torch.ones(3, 8, 8), count=1, area=0.5, within=rectangles((8, 8), [(0, 0, 4, 4)])
            ),
            r"rectangle 1 of 1, of 32 pixels, finds no room",
        ),
        (
            lambda: most_affected_rectangles(
                torch.ones(3, 8, 8), count=1, area=0.5, within=torch.ones(8, 9)
            ),
            r"within is \(8, 9\).*\(8, 8\)",
        ),
        (
            lambda: most_affected_rectangles(torch.ones(8, 8), count=1, area=0.5),
            r"C × H × W.*found \(8, 8\)$",
        ),
        (
            lambda: most_affected_rectangles(torch.ones(3, 8, 8) / 0, count=1, area=0.5),
            r"\(3, 8, 8\), not all finite",
        ),
        (
            lambda: two_stage_rectangles(
                nn.Flatten(),
                torch.rand(1, 3, 8, 8),
                torch.tensor([0]),
                torch.ones(8, 8),
                settings=RP2Settings(p=2),
                count=1,
                area=0.1,
                generator=generator(),
            ),
            "first stage is an ℓ1 attack.*found p 2, universal, add",
        ),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(BlurnetError, match=message):
        call()
