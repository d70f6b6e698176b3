"""Families of stickers: their masks cover every sticker, counted one by one."""

from itertools import combinations_with_replacement, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import blurnet.certificates.families.rectangle as rectangle_module
import blurnet.certificates.families.shifted_mask as shifted_module
from blurnet.certificates import (
    FAMILIES,
    Area,
    Rectangle,
    ShiftedMask,
    Square,
    TwoSquares,
    family_from_json,
    family_of,
    family_to_json,
)
from blurnet.certificates.families.family import intervals
from blurnet.certificates.pairs import pairs_of
from blurnet.errors import BlurnetError

SIZES = [(7, 7), (8, 13), (12, 5), (9, 10)]


def patches(rows, columns, height, width):
    """Give every place of a rectangle, bool, N × H × W; written without blurnet."""
    found = []
    for top, left in product(range(height - rows + 1), range(width - columns + 1)):
        place = torch.zeros(height, width, dtype=torch.bool)
        place[top : top + rows, left : left + columns] = True
        found.append(place)
    return found


def place_of_sticker(height, width):
    """Give a mask of two parts that is not alike from any side."""
    mask = torch.zeros(height, width)
    mask[1, 1:3] = 1
    mask[height - 3 :, width - 2] = 0.3
    return mask


def moved(mask, shift):
    """Give a mask at every shift; pixels that leave the image are gone."""
    height, width = mask.shape
    found = []
    for down, right in product(range(-shift, shift + 1), repeat=2):
        place = torch.zeros(height, width, dtype=torch.bool)
        for row, column in (mask > 0).nonzero().tolist():
            if 0 <= row + down < height and 0 <= column + right < width:
                place[row + down, column + right] = True
        found.append(place)
    return found


def members(family, height, width):
    """Give every largest sticker of a family, one by one."""
    if isinstance(family, Square):
        return patches(family.size, family.size, height, width)
    if isinstance(family, Rectangle):
        return patches(family.height, family.width, height, width)
    if isinstance(family, Area):
        shapes = product(range(1, height + 1), range(1, width + 1))
        fitting = [shape for shape in shapes if shape[0] * shape[1] <= family.pixels]
        return [each for shape in fitting for each in patches(*shape, height, width)]
    if isinstance(family, TwoSquares):
        one = patches(family.size, family.size, height, width)
        return [first | second for first, second in combinations_with_replacement(one, 2)]
    return moved(place_of_sticker(height, width), family.shift)


def outside(stickers, masks):
    """Count the stickers that lie in no mask."""
    hidden = torch.stack(stickers).flatten(1).float() @ (~masks).flatten(1).float().T == 0
    return int((~hidden.any(1)).sum())


def families(height, width):
    mask = place_of_sticker(height, width)
    yield from (Square(size=size) for size in (1, 2, 3, 5))
    yield from (Rectangle(height=2, width=4), Rectangle(height=5, width=1))
    yield from (Area(pixels=1), Area(pixels=6), Area(pixels=10))
    yield from (TwoSquares(size=1), TwoSquares(size=2), TwoSquares(size=3))
    yield from (ShiftedMask.of(mask, shift) for shift in range(4))


@pytest.mark.parametrize("size", SIZES)
def test_every_sticker_lies_inside_a_mask(size):
    for family, k in product(families(*size), (1, 2, 3, 4, 6, 50)):
        assert not outside(members(family, *size), family.masks(*size, k)), (family, k)
    assert {type(family) for family in families(*size)} == set(FAMILIES.values())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda length, size, k: intervals(length, size, k)[:-1],  # the border is forgotten
        lambda length, size, k: [(a, b - 1) for a, b in intervals(length, size, k)],
        lambda length, size, k: intervals(length, max(1, size - 1), k),
        lambda length, size, k: [  # floor for ceiling: it fails only where strides do not divide
            (start, start + size + (length - size + 1) // k - 1)
            for start in range(0, k * ((length - size + 1) // k), (length - size + 1) // k)
        ],
    ],
)
def test_a_hole_in_the_masks_is_seen(wrong, monkeypatch):
    monkeypatch.setattr(rectangle_module, "intervals", wrong)
    for family in (
        Square(size=3),
        Rectangle(height=3, width=2),
        Area(pixels=6),
        TwoSquares(size=2),
    ):
        assert outside(members(family, 9, 9), family.masks(9, 9, 3)), family


def test_a_hole_in_the_shifts_is_seen(monkeypatch):
    right = shifted_module._moved
    monkeypatch.setattr(
        shifted_module, "_moved", lambda mask, down, across: right(mask, min(down, 1), across)
    )
    family = ShiftedMask.of(place_of_sticker(9, 9), 2)
    assert outside(members(family, 9, 9), family.masks(9, 9, 3))


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_every_run_lies_in_an_interval(length, size, k):
    size = min(size, length)
    found = intervals(length, size, k)
    assert all(0 <= start < stop <= length for start, stop in found)
    assert len(found) <= k
    for start in range(length - size + 1):
        assert any(a <= start and start + size <= b for a, b in found)


def test_masks_of_the_paper():
    """32 pixels, 5 × 5, k 6: 36 masks of 9 × 9 and 666 passes; 224 pixels, k 3: 45 passes."""
    masks = Square(size=5).masks(32, 32)
    assert len(masks) == 36
    assert set(masks.flatten(1).sum(1).tolist()) == {81}
    assert len(pairs_of(Square(size=5), 32, 32).areas) == 666
    assert len(pairs_of(Square(size=35), 224, 224).areas) == 45
    mask = torch.zeros(32, 32)
    mask[10:13, 4:14] = 1
    assert len(pairs_of(ShiftedMask.of(mask, 0), 32, 32).areas) == 1
    assert len(pairs_of(ShiftedMask.of(mask, 2), 32, 32).areas) == 325
    assert len(pairs_of(ShiftedMask.of(mask, 4), 32, 32, k=3).areas) == 45


def test_pairs_are_all_there_and_none_twice():
    pairs = pairs_of(TwoSquares(size=2), 9, 10)
    count = len(pairs.masks)
    for first, second in product(range(count), repeat=2):
        one, other = pairs.areas[pairs.area_of[first, second]]
        joined = pairs.masks[one] | pairs.masks[other]
        assert torch.equal(joined, pairs.masks[first] | pairs.masks[second])
    every = pairs.masks[pairs.areas[:, 0]] | pairs.masks[pairs.areas[:, 1]]
    assert len(every.flatten(1).unique(dim=0)) == len(every) < count * (count + 1) // 2


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_belongs_to_a_family(data):
    height, width = data.draw(st.sampled_from(SIZES))
    family = data.draw(st.sampled_from(list(families(height, width))))
    every = torch.stack(members(family, height, width))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 10**6)))
    chosen = every[torch.randint(len(every), (8,), generator=generator)]
    some = chosen & (torch.rand(chosen.shape, generator=generator) < 0.7)
    more = some.clone()
    more[:, torch.randint(height, (1,), generator=generator)] = True
    scattered = torch.rand(8, height, width, generator=generator) < 0.03
    pixels = torch.cat((chosen, some, more, scattered, torch.zeros_like(some[:1])))
    expected = (pixels[:, None] & ~every).flatten(2).any(2).logical_not().any(1)
    assert torch.equal(family.has(pixels), expected)
    drawn = family.draw(4, height, width, generator)
    assert family.has(drawn).all()
    assert drawn.flatten(1).any(1).all() or isinstance(family, ShiftedMask)


def test_written_read_and_in_words():
    mask = place_of_sticker(8, 6)
    for text, name in (
        ("any:5", "any 5×5"),
        ("rect:4x7", "any 4×7"),
        ("rect:4×7", "any 4×7"),
        ("area:24", "any rectangle of 24"),
        ("two:3", "any two 3×3"),
        ("mask:±2", "the mask ±2"),
        ("mask:0", "the mask ±0"),
    ):
        family = family_of(text, mask)
        assert family.name == name
        assert family_from_json(family_to_json(family)) == family
        assert family.describes.startswith("Any ")
        assert family.describes.endswith(".")
    assert torch.equal(family_of("mask:1", mask).mask, mask > 0)
    assert "(5 pixels), in its place" in family.describes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: family_of("circle:3"), "no family of stickers 'circle:3'; there are: any:5"),
        (lambda: family_of("any:0"), "family any:0: write any:5"),
        (lambda: family_of("any"), "write any:5"),
        (lambda: family_of("rect:4"), "write rect:4x7"),
        (lambda: family_of("mask:2"), "where is the sticker"),
        (lambda: family_of("mask:x", torch.ones(2, 2)), "write mask:2"),
        (lambda: family_from_json({"kind": "circle"}), "no family of stickers 'circle'"),
        (lambda: family_from_json({"kind": "any", "size": 0}), "setting size"),
        (lambda: Square(size=9).masks(8, 20), "no such sticker fits images of 20 × 8"),
        (lambda: Area(pixels=200).masks(8, 20), "have only 160"),
        (lambda: Square(size=2).masks(8, 8, 0), "at least 1, not 0"),
        (lambda: ShiftedMask.of(torch.ones(3, 3), 1).masks(4, 3), "the images are of 3 × 4"),
        (lambda: ShiftedMask.of(torch.zeros(3, 3), 1), "not 0 everywhere"),
        (lambda: pairs_of(Square(size=2), 64, 64, 60), "choose fewer masks along an axis"),
    ],
)
def test_refused_in_one_line(wrong, said):
    with pytest.raises(BlurnetError) as error:
        wrong()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
