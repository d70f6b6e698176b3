"""Does a sticker add high frequencies? Paired differences with intervals, against a control."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from blurnet.spectra.interval import MeanInterval, mean_interval, mean_ratio
from blurnet.spectra.layers import first_layers
from blurnet.spectra.measured import Measured
from blurnet.spectra.measures import OnStep, high_frequency_measures
from blurnet.spectra.share import CUTOFF
from blurnet.spectra.transform import Window

Plain = dict[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """High frequencies in one layer's maps, means over images; what needs a control may be None.

    Shares are ``layer_share``'s, in [0, 1]. A share says how the energy is spread and an energy how
    much there is: a sticker can add high frequencies and more low ones, and lower the share.

    Args:
        clean: the share, of the images.
        attacked: of the same images attacked.
        control: of the same images under control stickers, each image's mean over the stickers.
        attacked_minus_clean: the paired difference of the shares.
        attacked_minus_control: likewise.
        energy_over_clean: the energy of high frequencies, attacked over clean: the geometric mean
            of the images' ratios (Student's t interval of their logarithms).
        energy_over_control: likewise over the geometric mean of the control stickers.
        difference: the share within what the attack changed, the maps' difference.
        control_difference: the share within what the control stickers changed.

    """

    clean: MeanInterval
    attacked: MeanInterval
    control: MeanInterval | None
    attacked_minus_clean: MeanInterval
    attacked_minus_control: MeanInterval | None
    energy_over_clean: MeanInterval
    energy_over_control: MeanInterval | None
    difference: MeanInterval
    control_difference: MeanInterval | None

    def plain(self) -> dict[str, Plain]:
        """Give what JSON can hold: for each field ``mean``, ``low``, ``high``, None if unknown."""
        return {name: _plain(interval) for name, interval in vars(self).items()}


@dataclass(frozen=True)
class RingComparison:
    """The power at one radial frequency; what needs a control may be None.

    Args:
        frequency: of the ring, in cycles per pixel of the map.
        over_clean: attacked over clean, the geometric mean of the images' ratios.
        over_control: attacked over the control.

    """

    frequency: float
    over_clean: MeanInterval
    over_control: MeanInterval | None

    def plain(self) -> dict[str, float | Plain]:
        """Give what JSON can hold, as ``Comparison.plain`` does."""
        ratios = {"over_clean": _plain(self.over_clean), "over_control": _plain(self.over_control)}
        return {"frequency": self.frequency, **ratios}


def compare_spectra(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor,
    layers: Sequence[str] | None = None,
    *,
    controls: Iterable[Tensor] = (),
    cutoff: float = CUTOFF,
    window: Window | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Comparison]:
    """Measure whether attacked images have more high frequencies than clean ones and a control.

    Args:
        model: any network; None if only the images are asked for.
        clean: float32 in [0, 1], N × C × H × W, at least one.
        attacked: the same images attacked, in the same order.
        layers: where to look, named as for ``layer_maps``; None for ``first_layers``.
        controls: the same images under other stickers in the attack's mask, such as
            ``blurnet.random_colors`` gives; each N × C × H × W. Gone through once, one at a time.
        cutoff: high frequencies begin here, in cycles per pixel of the map.
        window: "hann" keeps the maps' borders out of it.
        on_step: called after each set of images with the sets done and the sets in all, as far as
            the controls' number is known.

    Returns:
        A comparison for each layer, in the order asked for.

    Raises:
        BlurnetError: as ``high_frequency_measures``.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> attacked = images * (1 - mask)  # black stickers
        >>> control = blurnet.random_colors(images, mask, generator=generator)
        >>> found = blurnet.compare_spectra(model, images, attacked, controls=control)
        >>> list(found)
        ['input', 'conv1', 'relu1', 'conv2', 'relu2']
        >>> mean, low, high = found["conv1"].attacked_minus_control

    """
    if layers is None:
        layers = first_layers(model, clean[:1], cutoff)
    measures = high_frequency_measures(
        model,
        clean,
        attacked,
        layers,
        controls=controls,
        cutoff=cutoff,
        window=window,
        on_step=on_step,
    )
    return {layer: comparison_of(states) for layer, states in measures.items()}


def comparison_of(states: Mapping[str, Measured]) -> Comparison:
    """Put one layer's measurements together.

    Args:
        states: ``clean``, ``attacked`` and perhaps ``control``, paired by image.

    Returns:
        Intervals are ``mean_interval``'s; not numbers where there is one image, or an image whose
        maps are constant.

    """
    x, a, c = states["clean"], states["attacked"], states.get("control")
    return Comparison(
        clean=mean_interval(x.share),
        attacked=mean_interval(a.share),
        control=mean_interval(c.share) if c else None,
        attacked_minus_clean=mean_interval(a.share - x.share),
        attacked_minus_control=mean_interval(a.share - c.share) if c else None,
        energy_over_clean=mean_ratio(a.log_energy - x.log_energy),
        energy_over_control=mean_ratio(a.log_energy - c.log_energy) if c else None,
        difference=mean_interval(a.difference),
        control_difference=mean_interval(c.difference) if c else None,
    )


def compare_rings(
    frequencies: Sequence[float] | Tensor, profiles: Mapping[str, Tensor]
) -> list[RingComparison]:
    """Compare the power at each radial frequency but zero.

    Args:
        frequencies: of the rings, R, the first zero.
        profiles: ``clean``, ``attacked`` and perhaps ``control`` → mean power over each ring, its
            maps averaged, N × R; see ``Spectra``.

    """
    logs = {state: profile.log() for state, profile in profiles.items()}
    ratios: dict[str, MeanInterval] = {
        state: mean_ratio(logs["attacked"] - logs[state])
        for state in ("clean", "control")
        if state in logs
    }

    def at(state: str, ring: int) -> MeanInterval | None:
        found = ratios.get(state)
        return None if found is None else MeanInterval(*(bound[ring] for bound in found))

    return [
        RingComparison(float(frequency), over_clean, at("control", ring))
        for ring, frequency in enumerate(frequencies)
        if ring and (over_clean := at("clean", ring)) is not None
    ]


def _plain(interval: MeanInterval | None) -> Plain:
    return dict.fromkeys(("mean", "low", "high")) if interval is None else interval.plain()
