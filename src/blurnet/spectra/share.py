"""High frequencies as one number: the share of a map's energy above a cut-off."""

from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.spectra.transform import Window, power_spectrum, radial_frequency, window_weights

CUTOFF = 0.25
"""Cycles per pixel: half of the highest frequency along an axis, as for ``low_pass_share``."""

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
    power = power_spectrum(exact - mean, window=window)
    high = _above(cutoff, *maps.shape[-2:]).to(maps.device)
    total, above = power.mean((-2, -1)), (power * high).mean((-2, -1))
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
    high = radial_frequency(height, width) >= cutoff - 1e-12
    return bool(high.any()) and int((~high).sum()) > 1


def _above(cutoff: float, height: int, width: int) -> Tensor:
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
    return radial_frequency(height, width) >= cutoff - 1e-12
