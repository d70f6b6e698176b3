"""Spectra against closed forms."""

import math

import pytest
import torch
from scipy import stats

from blurnet.errors import BlurnetError
from blurnet.filters import frequency_response, kernel
from blurnet.spectra import (
    CUTOFF,
    INPUT,
    compare_spectra,
    high_frequency_energy,
    high_frequency_share,
    layer_share,
    log_magnitude,
    mean_interval,
    power_spectrum,
    profile_band,
    radial_frequency,
    radial_profile,
)
from blurnet.spectra.transform import window_weights

SIZES = [(8, 8), (9, 9), (7, 12), (32, 32)]


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wave(height, width, down, across, phase=0.3):
    """cos of ``down`` periods along the height and ``across`` along the width."""
    rows, columns = torch.arange(height).double()[:, None], torch.arange(width).double()
    return torch.cos(2 * math.pi * (down * rows / height + across * columns / width) + phase)


def only(spectrum, *places):
    """The spectrum is zero but at the places."""
    rest = spectrum.clone()
    for place in places:
        rest[place] = 0
    return rest.abs().max() < 1e-9 * spectrum.max()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_constant_image_has_all_its_energy_at_zero_frequency(height, width):
    power = power_spectrum(torch.full((height, width), 0.7))
    middle = (height // 2, width // 2)
    assert only(power, middle)
    assert float(power[middle]) == pytest.approx(0.7**2 * height * width)
    shown = log_magnitude(torch.full((height, width), 0.7))
    assert shown[middle] == 1
    assert shown.sum() == pytest.approx(1)
    assert high_frequency_share(torch.full((height, width), 0.7)).isnan()
    assert high_frequency_share(torch.full((height, width), 0.7), window="hann").isnan()


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("down", "across"), [(1, 0), (0, 2), (2, 3)])
def test_a_sinusoid_has_two_peaks_in_the_right_ring(height, width, down, across):
    power = power_spectrum(wave(height, width, down, across))
    middle = torch.tensor([height // 2, width // 2])
    peaks = [tuple((middle + s * torch.tensor([down, across])).tolist()) for s in (1, -1)]
    assert only(power, *peaks)
    for peak in peaks:
        assert float(power[peak]) == pytest.approx(height * width / 4)
    assert float(power.mean()) == pytest.approx(0.5)
    frequency = math.hypot(down / height, across / width)
    assert float(radial_frequency(height, width)[peaks[0]]) == pytest.approx(frequency)
    frequencies, profile = radial_profile(power)
    assert int(profile.argmax()) == round(frequency * min(height, width))
    assert abs(float(frequencies[profile.argmax()]) - frequency) <= 0.5 / min(height, width)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 10), (32, 32)])
def test_a_checkerboard_has_all_its_energy_in_the_corner(height, width):
    board = ((torch.arange(height)[:, None] + torch.arange(width)) % 2).double() * 2 - 1
    power = power_spectrum(board)
    assert only(power, (0, 0))
    assert float(power[0, 0]) == pytest.approx(height * width)
    assert float(radial_frequency(height, width)[0, 0]) == pytest.approx(0.5**0.5)
    assert float(high_frequency_share(board + 5, 0.7)) == pytest.approx(1)
    _, profile = radial_profile(power)
    assert int(profile.argmax()) == len(profile) - 1


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("window", [None, "hann"])
def test_parseval(height, width, window):
    maps = noise(2, 3, height, width).double()
    weights = torch.ones(height, width)
    if window:
        steps = [torch.arange(n).double() for n in (height, width)]
        hann = [0.5 - 0.5 * torch.cos(2 * math.pi * step / len(step)) for step in steps]
        weights = torch.outer(*hann)
    expected = (maps * weights).square().sum((-2, -1)) / weights.square().sum()
    power = power_spectrum(maps, window=window)
    torch.testing.assert_close(power.mean((-2, -1)), expected)
    rings = (radial_frequency(height, width) * min(height, width)).round().long()
    counts = rings.flatten().bincount()
    assert (counts > 0).all()
    _, profile = radial_profile(power)
    torch.testing.assert_close((profile * counts).sum(-1) / (height * width), expected)


def test_a_hann_window_turns_a_constant_into_its_own_nine_frequencies():
    transform = power_spectrum(torch.ones(16, 16), window="hann").sqrt()
    row = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    expected = torch.zeros(16, 16, dtype=torch.float64)
    expected[7:10, 7:10] = torch.outer(row, row) * 16 * 16 / (16 * 3 / 8)
    torch.testing.assert_close(transform, expected, atol=1e-9, rtol=0)


def test_a_window_hides_the_jump_between_opposite_borders():
    ramp = torch.linspace(0, 1, 32)[:, None].expand(32, 32)
    assert high_frequency_share(ramp) > 0.03
    assert high_frequency_share(ramp, window="hann") < 1e-3


def test_log_magnitude_is_that_of_the_plain_sum():
    maps = noise(2, 3, 6, 7)
    plain = torch.zeros(6, 7, dtype=torch.complex128)
    for u in range(6):
        for v in range(7):
            rows, columns = torch.arange(6).double()[:, None], torch.arange(7).double()
            turn = -2j * math.pi * ((u - 3) * rows / 6 + (v - 3) * columns / 7)
            plain[u, v] = (maps[1, 2].double() * torch.exp(turn)).sum()
    logs = log_magnitude(maps, normalised=False)
    torch.testing.assert_close(logs[1, 2], plain.abs().log1p())
    shown = log_magnitude(maps)
    assert torch.equal(shown.amin((-2, -1)), torch.zeros(2, 3, dtype=torch.float64))
    assert torch.equal(shown.amax((-2, -1)), torch.ones(2, 3, dtype=torch.float64))
    torch.testing.assert_close(
        shown[1, 2], (logs[1, 2] - logs[1, 2].min()) / (logs[1, 2].max() - logs[1, 2].min())
    )
    assert torch.equal(log_magnitude(torch.zeros(4, 4)), torch.zeros(4, 4, dtype=torch.float64))


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("name", ["box", "gaussian", "binomial"])
def test_a_blur_multiplies_the_spectrum_by_its_response(size, name):
    weights, maps = kernel(name, 3), noise(2, 3, size, size)
    blurred = sum(
        weights[i, j] * maps.roll((1 - i, 1 - j), dims=(-2, -1)) for i in range(3) for j in range(3)
    )
    response = frequency_response(weights.double(), size)
    expected = power_spectrum(maps) * response.square()
    torch.testing.assert_close(power_spectrum(blurred), expected, rtol=1e-4, atol=1e-6)


def test_the_spectrum_of_a_difference_is_of_the_difference():
    clean, change = noise(1, 2, 16, 16), wave(16, 16, 0, 5).float()
    power = power_spectrum((clean + change) - clean)
    torch.testing.assert_close(power[0, 1], power_spectrum(change), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("window", [None, "hann"])
def test_white_noise_is_flat(window):
    power = power_spectrum(3 * noise(400, 1, 24, 24), window=window)
    frequencies, profile = radial_profile(power.mean(0)[0])
    assert frequencies[-1] == pytest.approx(17 / 24)
    assert frequencies[1] == pytest.approx(1 / 24)
    rings = (radial_frequency(24, 24) * 24).round().long().flatten().bincount()
    deviation = (2 / (400 * rings)).sqrt() * (1 if window is None else 2)  # a window's correlate
    assert ((profile / 9 - 1).abs() < 4 * deviation).all()
    assert deviation.median() < 0.03


def test_shares_of_known_mixtures():
    slow, fast = wave(32, 32, 2, 0), wave(32, 32, 9, 9)
    assert float(high_frequency_share(slow)) == pytest.approx(0, abs=1e-12)
    assert float(high_frequency_share(fast)) == pytest.approx(1)
    assert float(high_frequency_share(100 + 3 * slow + 4 * fast)) == pytest.approx(0.64)
    on_the_edge = wave(40, 40, 6, 8)
    assert float(high_frequency_share(slow_on(40) + on_the_edge)) == pytest.approx(0.5)
    two = torch.stack([3 * slow, 4 * fast, torch.full((32, 32), 7.0)])[None]
    assert float(layer_share(two)) == pytest.approx(0.64)
    torch.testing.assert_close(
        high_frequency_share(two)[0].float(), torch.tensor([0, 1, torch.nan]), equal_nan=True
    )
    expected = (radial_frequency(32, 32) >= CUTOFF).sum() / (32 * 32 - 1)
    share = high_frequency_share(noise(2000, 32, 32)).mean()
    assert float(share) == pytest.approx(float(expected), abs=2e-3)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("window", [None, "hann"])
def test_energies_are_those_of_the_spectrum(height, width, window):
    maps = noise(2, 3, height, width)
    weights = window_weights(maps, window)
    mean = (maps.double() * weights).sum((-2, -1), keepdim=True) / weights.sum()
    power = power_spectrum(maps.double() - mean, window=window)
    for cutoff in (0.2, 0.25, 0.5):
        high = radial_frequency(height, width) >= cutoff
        above, total = high_frequency_energy(maps, cutoff, window=window)
        torch.testing.assert_close(total, power.mean((-2, -1)))
        torch.testing.assert_close(above, (power * high).mean((-2, -1)))


def slow_on(size):
    return wave(size, size, 2, 0)


@pytest.mark.parametrize("shift", [0, 1e-3, 1e3])
def test_brightness_is_no_pattern(shift):
    maps = noise(2, 3, 16, 16).double()
    for window in (None, "hann"):
        torch.testing.assert_close(
            high_frequency_share(maps + shift, window=window),
            high_frequency_share(maps, window=window),
        )


def test_interval_is_students_t():
    values = torch.rand(12, 3, generator=torch.Generator().manual_seed(1)).double()
    found = mean_interval(values)
    for place in range(3):
        ours = values[:, place].numpy()
        low, high = stats.t.interval(0.95, 11, ours.mean(), stats.sem(ours))
        assert float(found.mean[place]) == pytest.approx(ours.mean())
        assert float(found.low[place]) == pytest.approx(low)
        assert float(found.high[place]) == pytest.approx(high)
    alone = mean_interval(values[:1])
    assert torch.equal(alone.mean, values[0])
    assert alone.low.isnan().all()
    assert alone.high.isnan().all()


def test_a_profiles_band_is_over_images_not_maps():
    profiles = noise(5, 4, 3).double()
    band = profile_band(profiles)
    expected = mean_interval(profiles.mean(1))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(band, expected, strict=True))


def test_what_makes_no_sense_says_so():
    with pytest.raises(BlurnetError, match="no window 'box'; there are: hann"):
        power_spectrum(torch.rand(4, 4), window="box")
    with pytest.raises(BlurnetError, match=r"at least one pixel; found \(5,\)"):
        log_magnitude(torch.rand(5))
    with pytest.raises(BlurnetError, match=r"of 0.1 .* maps of 8 × 8 pixels.*0.125 and .* 0.707"):
        high_frequency_share(torch.rand(8, 8), 0.1)
    with pytest.raises(BlurnetError, match=r"of 0.8 .* does"):
        high_frequency_share(torch.rand(8, 8), 0.8)
    with pytest.raises(BlurnetError, match=r"of 0.25 .* maps of 1 × 1 pixels.* does not exist"):
        high_frequency_share(torch.rand(1, 1))
    with pytest.raises(BlurnetError, match=r"paired.*\(2, 3, 8, 8\) and \(1, 3, 8, 8\)"):
        compare_spectra(None, torch.rand(2, 3, 8, 8), torch.rand(1, 3, 8, 8), [INPUT])
