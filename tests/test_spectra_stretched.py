"""The talk's own comparison as a number: by hand, and in words."""

import math

import pytest
import torch

from blurnet.attacks.control import plain_stickers
from blurnet.experiments.results import Interval, LayerSpectra, RaisedMaps
from blurnet.experiments.spectra_rows import raised_maps
from blurnet.report.spectra.verdicts import added
from blurnet.spectra import high_frequency_measures, raised, stretched_high


def waves(amplitude):
    """A slow wave of amplitude 1 and the fastest one along the other axis, on 8 × 8."""
    places = torch.arange(8, dtype=torch.float64)
    slow = torch.cos(2 * torch.pi * places / 8)[:, None].expand(8, 8)
    return slow + amplitude * torch.cos(torch.pi * places)


def test_by_hand():
    """|F| is 32 at ±1/8 (low) and 64 a at 1/2 (high); all else is 0, which stretches to 0."""
    high = sum(math.hypot(u, v) >= 0.25 for u in _axis() for v in _axis())
    expected = math.log1p(64 * 0.1) / math.log1p(32) / high
    assert stretched_high(waves(0.1)).item() == pytest.approx(expected)


def _axis():
    return [i / 8 for i in range(-4, 4)]


def test_more_of_what_is_fast_raises_a_map_and_a_constant_one_does_not_count():
    clean = torch.stack([waves(0.1), waves(0.2), torch.full((8, 8), 3.0)])[None]
    other = torch.stack([waves(0.3), waves(0.1), torch.full((8, 8), 5.0)])[None]
    before, after = stretched_high(clean), stretched_high(other)
    found = raised(before, after)
    assert (found.maps, found.raised) == (2, 1)
    ratios = after[0, :2] / before[0, :2]
    assert found.ratio == pytest.approx(float(ratios.mean()))
    nothing = raised(torch.zeros(2, 3), torch.ones(2, 3))
    assert (nothing.maps, nothing.raised, nothing.ratio) == (0, 0, None)


def test_other_stickers_are_states_of_their_own():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(8, 8)
    mask[2:4, 2:6] = 1
    plain = plain_stickers(images, mask)
    assert plain["black"][:, :, 2:4, 2:6].max() == 0
    assert plain["white"][:, :, 2:4, 2:6].min() == 1
    assert torch.equal(plain["white"][:, :, 4:], images[:, :, 4:])
    found = high_frequency_measures(None, images, plain["white"], ["input"], others=plain)["input"]
    assert torch.equal(found["white"].stretched, found["attacked"].stretched)
    assert found["black"].stretched.shape == (2, 3)
    states = {state: each.stretched for state, each in found.items()}
    assert [each.state for each in raised_maps(states)] == [
        "attacked",
        "plain black",
        "plain white",
    ]


@pytest.mark.parametrize(("others", "specific"), [((64, 33), False), ((32, 10), True)])
def test_words_say_of_what_it_is_not_specific(others, specific):
    known = Interval(mean=0.4, low=0.3, high=0.5)
    of = {name: known for name in LayerSpectra.model_fields if name not in {"maps", "rings"}}
    of["raised"] = tuple(
        RaisedMaps(state=state, maps=64, raised=number, ratio=1.1)
        for state, number in zip(
            ("attacked", "plain black", "plain white"), (64, *others), strict=True
        )
    )
    told = added(LayerSpectra(maps=64, rings=None, **of), "relu1", 0.25, 40)
    assert "in 64 of 64 maps (× 1.10)" in told
    assert f"plain black in {others[0]} (× 1.10)" in told
    assert ("something opaque lies there" not in told) is specific
