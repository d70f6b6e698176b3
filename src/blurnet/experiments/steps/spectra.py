"""A step that measures the spectra of a network's maps: clean, attacked, under other stickers.

Its tensors, L a layer or "input", S one of ``STATES``, N views, K maps, R rings:

- ``measured/L/S``: N × 3, float64; share, log energy and share of the change (``Measured``).
- ``stretched/L/S``: N × K, float64; ``stretched_high``. S is ``black`` or ``white`` as well.
- ``profile/L/S``: N × R, float64; ``radial_profile``, the mean over maps.
- ``mean/L/S`` and ``view/L/S``: shown maps × H × W, float32; ``log_magnitude``, the mean over views
  and the first view's. S is ``clean``, ``attacked`` or ``difference`` (clean − attacked).
- ``kernels``: K × k × k, where the network has learned some.

Of single channels of the input, ``measured`` alone.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.attacks.control import plain_stickers, random_colors
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation.effects import kernel_effects, learned_kernels
from blurnet.filters import DepthwiseFilter, kernel
from blurnet.settings import Settings
from blurnet.spectra import INPUT, Measured, Spectra, input_channels, measure_spectra

from .network import PlannedNetwork, network_of
from .values import ControlConfig, MeasuredLayer, NetworkValues, SpectraValues, StickerValues

STATES = ("clean", "attacked", "control")
PLAIN = ("black", "white")
"""States in which the mask has one color."""


class SpectraConfig(Settings):
    """Of a measurement.

    Args:
        layers: whose maps are measured, besides the input.
        cutoff: where high frequencies begin.
        maps_shown: of a layer with more maps, so many at even distances are kept for the eye.
        control: what the attack is compared with.

    """

    layers: tuple[str, ...]
    cutoff: float
    maps_shown: int = 16
    control: ControlConfig = ControlConfig()


def measured_spectra(
    network: PlannedNetwork,
    sticker: Step[StickerValues],
    layers: Sequence[str],
    cutoff: float,
    *,
    called: str,
) -> Step[SpectraValues]:
    """Plan measuring the spectra of a network's maps on a scene and under a sticker.

    Args:
        network: whose maps, filters included.
        sticker: gives the sticker on its scene.
        layers: whose maps are measured, as the next layer gets them; the input, as the network's
            first layer gets it, is measured too.
        cutoff: as for ``blurnet.spectra.high_frequency_energy``.
        called: what the network is to the experiment, for the progress display.

    """
    config = SpectraConfig(layers=tuple(layers), cutoff=cutoff)
    return Step(
        kind="spectra",
        version=2,
        title=f"spectra of {called}",
        config=config,
        values=SpectraValues,
        work=partial(_measure, config),
        needs={"network": network.step, "sticker": sticker},
    )


def measured_of(outcome: Outcome[SpectraValues], layer: str) -> dict[str, Measured]:
    """Read one layer's measurements from a record, by state."""
    tensors = {state: outcome.tensors[f"measured/{layer}/{state}"] for state in STATES}
    stretched = stretched_of(outcome, layer)
    return {
        state: Measured(each[:, 0], each[:, 1], each[:, 2], stretched[state])
        for state, each in tensors.items()
    }


def stretched_of(outcome: Outcome[SpectraValues], layer: str) -> dict[str, Tensor]:
    """Read one layer's stretched log magnitudes at high frequencies from a record; N × K."""
    return {state: outcome.tensors[f"stretched/{layer}/{state}"] for state in (*STATES, *PLAIN)}


def profiles_of(outcome: Outcome[SpectraValues], layer: str) -> dict[str, Tensor]:
    """Read one layer's mean power over each ring from a record, by state; N × R."""
    return {state: outcome.tensors[f"profile/{layer}/{state}"] for state in STATES}


def _measure(
    config: SpectraConfig, needs: Needs, on_step: OnStep, _folder: Path
) -> Outcome[SpectraValues]:
    network: Outcome[NetworkValues] = needs["network"]
    sticker: Outcome[StickerValues] = needs["sticker"]
    clean, mask = sticker.tensors["clean"].float() / 255, sticker.tensors["mask"]
    model, lets_through = behind_input_filters(network)
    generator = torch.Generator().manual_seed(config.control.seed)
    controls = random_colors(clean, mask, stickers=config.control.stickers, generator=generator)
    channels = input_channels(clean.shape[1])
    found = measure_spectra(
        model,
        lets_through(clean),
        lets_through(sticker.tensors["adversarial"]),
        (INPUT, *channels, *config.layers),
        controls=[lets_through(x) for x in controls],
        others={name: lets_through(x) for name, x in plain_stickers(clean, mask).items()},
        cutoff=config.cutoff,
        maps_shown=config.maps_shown,
        on_step=on_step,
    )
    kernels = learned_kernels(model)
    values = SpectraValues(
        layers={layer: _layer(of) for layer, of in found.items() if layer not in channels},
        channels=channels,
        views=len(clean),
        kernels=None if kernels is None else kernel_effects(kernels),
    )
    tensors = {} if kernels is None else {"kernels": kernels}
    for layer, of in found.items():
        tensors |= _kept(layer, of, seen=layer not in channels)
    return Outcome(values, tensors)


def behind_input_filters(outcome: Outcome[NetworkValues]) -> tuple[nn.Module, nn.Sequential]:
    """Part a network from its filters of the input, so that its input is what they let through."""
    values = outcome.values
    before = [blur for blur in values.filters if blur.after == INPUT]
    inside = tuple(blur for blur in values.filters if blur.after != INPUT)
    model = network_of(Outcome(values.model_copy(update={"filters": inside}), outcome.tensors))
    filters = (DepthwiseFilter(kernel(b.kernel, b.size), padding=b.padding) for b in before)
    return model, nn.Sequential(*filters)


def _layer(of: Spectra) -> MeasuredLayer:
    height, width = of.first["clean"].shape[1:]
    return MeasuredLayer(
        maps=of.maps,
        height=height,
        width=width,
        shown=of.shown,
        frequencies=tuple(of.frequencies.tolist()),
    )


def _kept(layer: str, of: Spectra, *, seen: bool) -> dict[str, Tensor]:
    """Give a layer's tensors; what is drawn of it only where it is ``seen``."""
    tensors = {
        f"measured/{layer}/{state}": torch.stack([m.share, m.log_energy, m.difference], dim=1)
        for state, m in of.measured.items()
        if state in STATES
    }
    tensors |= {f"stretched/{layer}/{state}": m.stretched for state, m in of.measured.items()}
    if seen:
        tensors |= {f"profile/{layer}/{state}": power for state, power in of.profiles.items()}
        tensors |= {f"mean/{layer}/{state}": maps.float() for state, maps in of.mean.items()}
        tensors |= {f"view/{layer}/{state}": maps.float() for state, maps in of.first.items()}
    return tensors
