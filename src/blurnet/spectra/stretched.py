"""The talk's pictures as a number: log magnitudes, each map's stretched to [0, 1] by itself.

The talk (Raju, 2019) shows such spectra of clean and attacked signs side by side and reads from
them that a sticker adds high frequencies. ``layer_share`` asks how the energy is spread; here each
map counts alike, and so does each frequency, however little energy it has.
"""

from dataclasses import dataclass

from torch import Tensor

from blurnet.spectra.share import CUTOFF, ROUNDING
from blurnet.spectra.transform import Window, log_magnitude, radial_frequency

CONSTANT = 1e-9
"""A map below this shows nothing but the rounding of its transform."""


@dataclass(frozen=True)
class Raised:
    """How many of a layer's maps are brighter at high frequencies than in clean images.

    Args:
        maps: of the layer; one that is constant in every image is not counted.
        raised: of these, the maps whose mean over images is higher.
        ratio: that mean over the clean one, averaged over maps; None if no map is counted.

    """

    maps: int
    raised: int
    ratio: float | None


def stretched_high(maps: Tensor, cutoff: float = CUTOFF, *, window: Window | None = None) -> Tensor:
    """Average each map's stretched log magnitude over the frequencies from the cut-off on.

    Args:
        maps: … × H × W.
        cutoff: √(u² + v²) in cycles per pixel of the map, as for ``high_frequency_energy``.
        window: as for ``power_spectrum``.

    Returns:
        float64 in [0, 1], one number for each map; 0 for a map of zeros.

    """
    high = radial_frequency(*maps.shape[-2:]) >= cutoff - ROUNDING
    stretched: Tensor = log_magnitude(maps, window=window)[..., high.to(maps.device)].mean(-1)
    return stretched


def raised(clean: Tensor, other: Tensor) -> Raised:
    """Count the maps that are brighter at high frequencies in other images than in clean ones.

    Args:
        clean: ``stretched_high`` of the clean images' maps, N × K.
        other: of the same images attacked, or under another sticker, N × K.

    """
    before, after = clean.mean(0), other.mean(0)
    counted = before > CONSTANT
    before, after = before[counted], after[counted]
    return Raised(
        maps=len(before),
        raised=int((after > before).sum()),
        ratio=float((after / before).mean()) if len(before) else None,
    )
