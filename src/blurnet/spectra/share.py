"""High frequencies as one number: the share of a map's energy above a cut-off."""

import torch
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.spectra.transform import Window, radial_frequency, window_weights

CUTOFF = 0.25
"""Cycles per pixel: half of the highest frequency along an axis, as for ``low_pass_share``."""

ROUNDING = 1e-12
"""A frequency that lies below the cut-off by less than this lies on it."""

FLAT = 1e-12
"""A map whose variation has less than this part of its energy counts as constant (rounding)."""


def high_frequency_energy(
    maps: Tensor, cutoff: float = CUTOFF, *, window: Window | None = None
) -> tuple[Tensor, Tensor]:
    """Give the energy of each map at and above a radial frequency, and that of all but its mean.

    The mean is left out because it is brightness and no pattern: with it in the total, an attack
    that makes a map brighter or darker would change the share of high frequencies without adding
    any. It is taken from the map before the window is put on (the mean weighted by the window), so
    that it does not leak into its neighbours.

    Args:
        maps: … × H × W.
        cutoff: √(u² + v²) in cycles per pixel of the map; the highest is √½, in the corner.
        window: as for ``power_spectrum``.

    Returns:
        The mean square above the cut-off and in all, each float64, one number for each map; 0 for a
        map that is constant but for rounding.

    Raises:
        BlurnetError: for an unknown window, maps without two axes, or a cut-off that has none of
            their frequencies above it, or none but zero below.

    """
    weights = window_weights(maps, window)
    exact = maps.double()
    mean = (exact * weights).sum((-2, -1), keepdim=True) / weights.sum()
    pattern = (exact - mean).mul_(weights)
    scale = weights.square().sum()
    total = pattern.square().sum((-2, -1)) / scale  # Parseval's theorem
    half = torch.view_as_real(torch.fft.rfft2(pattern)).flatten(-3).square_()
    above = half @ _above(cutoff, *maps.shape[-2:]).to(maps.device) / (scale * weights.numel())
    flat = total <= FLAT * exact.square().mean((-2, -1))
    return above.masked_fill(flat, 0), total.masked_fill(flat, 0)


def high_frequency_share(
    maps: Tensor, cutoff: float = CUTOFF, *, window: Window | None = None
) -> Tensor:
    """Give the share of each map's energy, its mean left out, at and above a radial frequency.

    Args:
        maps: … × H × W.
        cutoff: as for ``high_frequency_energy``.
        window: as for ``power_spectrum``.

    Returns:
        float64 in [0, 1], one number for each map: 0 for what is smooth, 1 for a checkerboard; for
        white noise the share of the frequencies that lie there, 0.80 at the default; not a number
        for a constant map.

    Raises:
        BlurnetError: as ``high_frequency_energy``.

    """
    above, total = high_frequency_energy(maps, cutoff, window=window)
    return above / total


def layer_share(maps: Tensor, cutoff: float = CUTOFF, *, window: Window | None = None) -> Tensor:
    """Give one share for each image: the energy of all its maps above a cut-off, over their total.

    Maps count by their energy, so a map in which nothing happens counts for nothing.

    Args:
        maps: N × K × H × W, one layer's.
        cutoff: as for ``high_frequency_energy``.
        window: as for ``power_spectrum``.

    Returns:
        float64 in [0, 1], N; not a number where all maps of an image are constant.

    Raises:
        BlurnetError: as ``high_frequency_energy``.

    """
    above, total = high_frequency_energy(maps, cutoff, window=window)
    shares: Tensor = above.sum(1) / total.sum(1)
    return shares


def resolves(height: int, width: int, cutoff: float = CUTOFF) -> bool:
    """Say whether such maps have frequencies at or above the cut-off, and some but zero below."""
    high = radial_frequency(height, width) >= cutoff - ROUNDING
    return bool(high.any()) and int((~high).sum()) > 1


def _above(cutoff: float, height: int, width: int) -> Tensor:
    """Say how often each number of a map's half spectrum counts towards its high frequencies.

    ``rfft2`` gives one of each two frequencies that mirror each other.

    Returns:
        float64, one for the real and the imaginary part of each frequency, flat: 0 below the
            cut-off.

    Raises:
        BlurnetError: if the cut-off has none of the frequencies above it, or none but zero below.

    """
    if not resolves(height, width, cutoff):
        frequencies = sorted(set(radial_frequency(height, width).flatten().tolist()))
        between = (
            f"lies above {frequencies[1]:.3g} and at or below {frequencies[-1]:.3g}"
            if len(frequencies) > 2
            else "does not exist"
        )
        raise BlurnetError(
            f"a cut-off of {cutoff:g} cycles per pixel does not part the frequencies of maps of "
            f"{height} × {width} pixels; one that does {between}"
        )
    down = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    across = torch.fft.rfftfreq(width, dtype=torch.float64)
    mirrored = (across > 0) & (across < 0.5)
    counts: Tensor = (torch.hypot(down, across) >= cutoff - ROUNDING) * (1.0 + mirrored.double())
    return counts[..., None].expand(-1, -1, 2).flatten()
