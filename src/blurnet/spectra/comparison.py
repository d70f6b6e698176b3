"""Does a sticker add high frequencies? Paired differences with intervals, against a control."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.spectra.interval import MeanInterval, mean_interval, mean_ratio
from blurnet.spectra.layers import layer_maps
from blurnet.spectra.share import CUTOFF, high_frequency_energy
from blurnet.spectra.transform import Window


@dataclass(frozen=True)
class Claim:
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


def random_colour_controls(
    images: Tensor, mask: Tensor, *, stickers: int, generator: torch.Generator
) -> list[Tensor]:
    """Paste opaque stickers of random colours into the mask: x(1 − M) + M · s, s ∼ U[0, 1].

    Each pixel of a sticker has a colour of its own; all images get the same stickers.

    Args:
        images: float32 in [0, 1], N × C × H × W.
        mask: float32 in [0, 1], H × W.
        stickers: how many.
        generator: where the colours are drawn from.

    Returns:
        The images under each sticker, each N × C × H × W.

    """
    colours = torch.rand(stickers, *images.shape[1:], generator=generator)
    return [images * (1 - mask) + each * mask for each in colours]


@dataclass(frozen=True)
class Measured:
    """One layer's high frequencies, float64, one number for each image, N.

    Args:
        share: ``layer_share``'s, in [0, 1].
        log_energy: the natural logarithm of the energy of high frequencies.
        difference: the share within what makes the maps differ from the clean images'; not a
            number for the clean ones.

    """

    share: Tensor
    log_energy: Tensor
    difference: Tensor


def high_frequency_measures(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor,
    layers: Sequence[str],
    *,
    controls: Sequence[Tensor] = (),
    cutoff: float = CUTOFF,
    window: Window | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Measured]]:
    """Measure high frequencies in clean, attacked and control images, one number for each image.

    Args:
        model: as for ``layer_maps``; None if only the images are asked for.
        clean: float32 in [0, 1], N × C × H × W, at least one.
        attacked: the same images attacked, in the same order.
        layers: as for ``layer_maps``.
        controls: the same images under other stickers in the attack's mask, such as
            ``random_colour_controls`` gives; each N × C × H × W.
        cutoff: as for ``high_frequency_energy``.
        window: as for ``power_spectrum``.
        on_step: called after each set of images with the sets done and the sets in all.

    Returns:
        Layer → ``clean``, ``attacked`` and, with controls, ``control``: the mean over the control
        stickers.

    Raises:
        BlurnetError: if the images are not as many and as large as each other, and as
            ``layer_maps`` and ``high_frequency_energy``.

    """
    for other in (attacked, *controls):
        if other.shape != clean.shape:
            raise BlurnetError(
                f"clean, attacked and control images are paired, of one shape; "
                f"found {tuple(clean.shape)} and {tuple(other.shape)}"
            )
    maps = layer_maps(model, clean, layers)

    def measure(images: Tensor, done: int) -> dict[str, Measured]:
        measured = {}
        for layer, its_maps in layer_maps(model, images, layers).items():
            above, total = _pooled(its_maps, cutoff, window)
            changed, all_changed = _pooled(its_maps - maps[layer], cutoff, window)
            measured[layer] = Measured(above / total, above.log(), changed / all_changed)
        if on_step is not None:
            on_step(done, 2 + len(controls))
        return measured

    states = {"clean": measure(clean, 1), "attacked": measure(attacked, 2)}
    if controls:
        each = [measure(control, done) for done, control in enumerate(controls, start=3)]
        states["control"] = {layer: _mean([one[layer] for one in each]) for layer in layers}
    return {layer: {state: of[layer] for state, of in states.items()} for layer in layers}


def high_frequency_claim(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor,
    layers: Sequence[str],
    *,
    controls: Sequence[Tensor] = (),
    cutoff: float = CUTOFF,
    window: Window | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> dict[str, Claim]:
    """Measure whether attacked images have more high frequencies than clean ones and a control.

    Args:
        model: as for ``high_frequency_measures``, and so are the others.
        clean: the images.
        attacked: the same attacked.
        layers: where to look.
        controls: the same images under other stickers.
        cutoff: where high frequencies begin.
        window: the window's name.
        on_step: called after each set of images.

    Returns:
        A claim for each layer, in the order asked for.

    Raises:
        BlurnetError: as ``high_frequency_measures``.

    """
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
    return {layer: claim_of(states) for layer, states in measures.items()}


def claim_of(states: Mapping[str, Measured]) -> Claim:
    """Put one layer's measurements together.

    Args:
        states: ``clean``, ``attacked`` and perhaps ``control``, paired by image.

    Returns:
        Intervals are ``mean_interval``'s; not numbers where there is one image, or an image whose
        maps are constant.

    """
    x, a, c = states["clean"], states["attacked"], states.get("control")
    return Claim(
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


def _mean(each: Sequence[Measured]) -> Measured:
    return Measured(
        torch.stack([one.share for one in each]).mean(0),
        torch.stack([one.log_energy for one in each]).mean(0),
        torch.stack([one.difference for one in each]).mean(0),
    )


def _pooled(maps: Tensor, cutoff: float, window: Window | None) -> tuple[Tensor, Tensor]:
    above, total = high_frequency_energy(maps, cutoff, window=window)
    return above.sum(1), total.sum(1)
