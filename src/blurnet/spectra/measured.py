"""What is measured of a layer's maps."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Measured:
    """One layer's high frequencies, float64; but for ``stretched`` one number for each image, N.

    Args:
        share: ``layer_share``'s, in [0, 1].
        log_energy: the natural logarithm of the energy of high frequencies.
        difference: the share within what makes the maps differ from the clean images'; not a
            number for the clean ones.
        stretched: of each map, N × K; see ``stretched_high``.

    """

    share: Tensor
    log_energy: Tensor
    difference: Tensor
    stretched: Tensor


@dataclass(frozen=True)
class Spectra:
    """What one layer's maps show, by state: ``clean``, ``attacked``, ``control``, and others.

    Args:
        maps: how many maps the layer gives, K.
        shown: the places of those that are kept for the eye, S of them at even distances.
        frequencies: of the rings, in cycles per pixel of the map, float64, R.
        measured: high frequencies; of the control the mean over its stickers.
        profiles: mean power over each ring, the mean over maps, float64, N × R; likewise.
        mean: log magnitudes, not normalised, the mean over images, float64, S × H × W; of
            ``clean``, ``attacked`` and ``difference`` (clean − attacked).
        first: the same of the first image.

    """

    maps: int
    shown: tuple[int, ...]
    frequencies: Tensor
    measured: dict[str, Measured]
    profiles: dict[str, Tensor]
    mean: dict[str, Tensor]
    first: dict[str, Tensor]
