"""Comparisons of spectra against numbers worked out by hand, and what docs/spectra.md reports."""

import math

import pytest
import torch

from blurnet.attacks.control import random_colors
from blurnet.models import LisaCNN, read_network
from blurnet.spectra import INPUT, compare_rings, compare_spectra, mean_interval, mean_ratio


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def wave(height, width, down, across, phase=0.3):
    """cos of ``down`` periods along the height and ``across`` along the width."""
    rows, columns = torch.arange(height).double()[:, None], torch.arange(width).double()
    return torch.cos(2 * math.pi * (down * rows / height + across * columns / width) + phase)


def test_a_comparison_worked_out_by_hand():
    slow, fast = wave(32, 32, 2, 0), wave(32, 32, 9, 9)

    def scene(*amounts):
        return torch.stack([(slow + amount * fast).expand(3, 32, 32) for amount in amounts])

    clean, attacked = scene(1.0, 2.0), scene(2.0, 3.0)
    controls = [scene(0.5, 1.0), scene(1.5, 1.0)]
    steps = []
    found = compare_spectra(
        None, clean, attacked, [INPUT], controls=controls, on_step=lambda *now: steps.append(now)
    )[INPUT]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def share(amount):
        return amount**2 / (1 + amount**2)

    x, a = [share(1), share(2)], [share(2), share(3)]
    c = [(share(0.5) + share(1.5)) / 2, share(1)]

    def check(found, values):
        expected = mean_interval(torch.tensor(values))
        torch.testing.assert_close(torch.stack(found).float(), torch.stack(expected).float())

    check(found.clean, x)
    check(found.attacked, a)
    check(found.control, c)
    check(found.attacked_minus_clean, [a[0] - x[0], a[1] - x[1]])
    check(found.attacked_minus_control, [a[0] - c[0], a[1] - c[1]])
    check([b.log() for b in found.energy_over_clean], [math.log(4), math.log(9 / 4)])
    over_control = [math.log(4 / (0.5 * 1.5)), math.log(9)]
    check([b.log() for b in found.energy_over_control], over_control)
    assert found.difference.mean == pytest.approx(1)
    assert found.control_difference is not None
    alone = compare_spectra(None, clean, attacked, [INPUT])[INPUT]
    assert alone.control is None
    assert alone.attacked_minus_control is None
    assert alone.attacked_minus_clean.mean == found.attacked_minus_clean.mean


def test_what_rp2s_sticker_does_to_first_layer_maps(shared_data):
    """What docs/spectra.md reports."""
    from blurnet.data.rp2 import load_noise, load_scene

    folder = shared_data / "rp2"
    model = read_network(folder / "lisa_cnn.safetensors", LisaCNN).model
    scene, (sticker, _) = load_scene(folder), load_noise(folder)
    clean = scene.floats
    attacked = (clean + scene.mask * sticker).clamp(0, 1)

    def compared(**options):
        generator = torch.Generator().manual_seed(0)
        controls = random_colors(clean, scene.mask, stickers=10, generator=generator)
        return compare_spectra(
            model, clean, attacked, [INPUT, "relu1", "relu2"], controls=controls, **options
        )

    plain = compared()
    relu1 = plain["relu1"]
    shares = [100 * float(of.mean) for of in (relu1.clean, relu1.attacked, relu1.control)]
    assert shares == pytest.approx([39.1, 35.2, 39.6], abs=0.05)
    assert plain[INPUT].attacked_minus_clean.low > 0
    assert plain[INPUT].attacked_minus_control.high < 0
    assert float(plain["relu1"].attacked_minus_clean.mean) == pytest.approx(-0.0395, abs=5e-4)
    assert plain["relu1"].attacked_minus_control.high < 0
    assert plain["relu2"].attacked_minus_control.low > 0
    windowed = compared(window="hann")["relu1"]
    assert windowed.attacked_minus_clean.high < 0
    assert windowed.energy_over_clean.low > 1
    assert windowed.energy_over_control.low > 1


def test_rings_are_compared_by_the_images_ratios():
    profiles = {state: noise(4, 3, seed=s) for s, state in enumerate(("clean", "attacked"))}
    rings = compare_rings([0, 0.1, 0.2], profiles)
    assert [ring.frequency for ring in rings] == [0.1, 0.2]
    expected = mean_ratio((profiles["attacked"] / profiles["clean"]).log()[:, 2])
    assert rings[1].over_clean.plain() == pytest.approx(expected.plain())
    assert rings[1].plain()["over_control"] == {"mean": None, "low": None, "high": None}


def test_what_is_not_known_is_null():
    comparison = compare_spectra(None, noise(1, 3, 8, 8), noise(1, 3, 8, 8, seed=1))[INPUT]
    plain = comparison.plain()
    assert plain["clean"]["low"] is None
    assert plain["clean"]["mean"] == pytest.approx(float(comparison.clean.mean))
    assert plain["control"] == {"mean": None, "low": None, "high": None}
