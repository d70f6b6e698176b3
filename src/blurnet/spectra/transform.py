"""The two-dimensional Fourier transform of maps: power, log magnitude, mean over rings.

The conventions of ``blurnet.filters.frequency_response``: zero frequency at [H // 2, W // 2], and
entry i of an axis of n stands for (i − n // 2) / n cycles per pixel of the map.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from blurnet.errors import BlurnetError

Window = Literal["hann"]


def power_spectrum(maps: Tensor, *, window: Window | None = None) -> Tensor:
    """Give the power spectral density |F(w · x)|² / Σ w² of each map (the periodogram).

    Args:
        maps: … × H × W, such as N × K × H × W.
        window: "hann" multiplies each map by w, a periodic Hann window along each axis, so that the
            jump from one border to the opposite one does not count as high frequencies; None for
            w = 1.

    Returns:
        float64, … × H × W, at least 0, zero frequency at [H // 2, W // 2]. Its mean over all
        frequencies is Σ (w · x)² / Σ w², without a window the map's mean square (Parseval); white
        noise of variance σ² has the expectation σ² everywhere.

    Raises:
        BlurnetError: for an unknown window or maps without two axes.

    """
    weights = window_weights(maps, window)
    return _transform(maps, weights).abs().square() / weights.square().sum()


def log_magnitude(maps: Tensor, *, window: Window | None = None, normalised: bool = True) -> Tensor:
    """Give log(1 + |F(w · x)|) of each map, for the eye.

    F is the plain sum over pixels, so that the 1 is small beside the low frequencies of anything
    that can be seen, and a map of zeros gives zeros.

    Args:
        maps: … × H × W.
        window: as for ``power_spectrum``.
        normalised: stretch each map's values to [0, 1] by its own lowest and highest; where all are
            alike they become 0. Without, maps can be compared with each other.

    Returns:
        float64, … × H × W, zero frequency at [H // 2, W // 2].

    Raises:
        BlurnetError: as ``power_spectrum``.

    """
    logs = _transform(maps, window_weights(maps, window)).abs().log1p()
    if not normalised:
        return logs
    low, high = logs.amin((-2, -1), keepdim=True), logs.amax((-2, -1), keepdim=True)
    return (logs - low) / torch.where(high > low, high - low, 1)


def radial_frequency(height: int, width: int) -> Tensor:
    """Give √(u² + v²) of each entry of a centred spectrum, in cycles per pixel of the map.

    Returns:
        float64, height × width, from 0 to at most √½ in the corner.

    """
    vertical, horizontal = (
        torch.fft.fftshift(torch.fft.fftfreq(n, dtype=torch.float64)) for n in (height, width)
    )
    return torch.hypot(vertical[:, None], horizontal)


def radial_profile(power: Tensor) -> tuple[Tensor, Tensor]:
    """Average a spectrum over rings around zero frequency.

    Ring i holds the frequencies whose distance from zero is nearest to i / min(H, W); together the
    rings hold each frequency once, corners beyond 0.5 cycles per pixel included.

    Args:
        power: … × H × W, centred, as ``power_spectrum`` gives it.

    Returns:
        The rings' frequencies in cycles per pixel, float64, R; and the mean power over each ring,
        … × R.

    """
    height, width = power.shape[-2:]
    smaller = min(height, width)
    rings = (radial_frequency(height, width) * smaller).round().long().flatten().to(power.device)
    counts = rings.bincount()
    sums = power.new_zeros(*power.shape[:-2], len(counts)).index_add_(-1, rings, power.flatten(-2))
    return torch.arange(len(counts), dtype=torch.float64) / smaller, sums / counts


def window_weights(maps: Tensor, window: Window | None) -> Tensor:
    """Give the window's weights w for such maps, float64, H × W."""
    if maps.dim() < 2 or not maps.numel():
        raise BlurnetError(
            f"a spectrum is of maps, … × H × W, at least one pixel; found {tuple(maps.shape)}"
        )
    if window is not None and window not in get_args(Window):
        raise BlurnetError(f"no window {window!r}; there are: {', '.join(get_args(Window))}")
    height, width = maps.shape[-2:]
    if window is None:
        return torch.ones(height, width, dtype=torch.float64, device=maps.device)
    vertical, horizontal = (
        torch.hann_window(n, dtype=torch.float64, device=maps.device) for n in (height, width)
    )
    return torch.outer(vertical, horizontal)


def _transform(maps: Tensor, weights: Tensor) -> Tensor:
    transformed: Tensor = torch.fft.fft2(maps.double() * weights)
    centred: Tensor = torch.fft.fftshift(transformed, dim=(-2, -1))
    return centred
