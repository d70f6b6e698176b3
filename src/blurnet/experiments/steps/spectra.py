"""A cell that measures the spectra of a network's maps: clean, attacked, and under the control.

Its tensors, L a layer or "input", S one of ``STATES``, N views, K maps, R rings:

- ``measured/L/S``: N × 3, float64; share, log energy and share of the change (``Measured``).
- ``profile/L/S``: N × R, float64; ``radial_profile``, the mean over maps.
- ``mean/L/S`` and ``view/L/S``: shown maps × H × W, float32; ``log_magnitude``, the mean over views
  and the first view's. S is ``clean``, ``attacked`` or ``difference`` (clean − attacked).
- ``kernels``: K × k × k, where the network has learned some.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.evaluation.effects import kernel_effects, learned_kernels
from blurnet.experiments.steps.network import network_of
from blurnet.experiments.steps.whitebox import CONTROL_SEED, CONTROL_STICKERS, control_images
from blurnet.spectra import (
    INPUT,
    INPUT_CHANNELS,
    Measured,
    high_frequency_measures,
    layer_maps,
    layer_profiles,
    log_magnitude,
)

MAPS_SHOWN = 16
"""Of a layer with more maps, this many at even distances are kept for the eye."""

STATES = ("clean", "attacked", "control")


def measured_spectra(
    network: Cell, sticker: Cell, layers: Sequence[str], cutoff: float, called: str
) -> Cell:
    """Describe measuring the spectra of a network's maps on a scene and under a sticker.

    Args:
        network: the cell that gives it, filters included.
        sticker: the cell that gives the sticker on its scene.
        layers: whose maps are measured, as the next layer gets them; the input, as the network's
            first layer gets it, is measured too.
        cutoff: as for ``blurnet.spectra.high_frequency_energy``.
        called: what the network is to the experiment, for the progress display.

    """
    return Cell(
        kind="spectra",
        title=f"spectra of {called}",
        config={
            "layers": list(layers),
            "cutoff": cutoff,
            "maps_shown": MAPS_SHOWN,
            "control": {"stickers": CONTROL_STICKERS, "seed": CONTROL_SEED},
        },
        work=partial(_measure, tuple(layers), cutoff),
        needs={"network": network, "sticker": sticker},
    )


def measured_of(outcome: Outcome, layer: str) -> dict[str, Measured]:
    """Read one layer's measurements from a record, by state."""
    tensors = {state: outcome.tensors[f"measured/{layer}/{state}"] for state in STATES}
    return {state: Measured(*each.unbind(1)) for state, each in tensors.items()}


def _measure(
    layers: Sequence[str],
    cutoff: float,
    needs: Mapping[str, Outcome],
    on_step: OnStep,
    _folder: Path,
) -> Outcome:
    network, sticker = needs["network"], needs["sticker"]
    photographs = sticker.tensors["clean"].float() / 255
    model, (clean, attacked, *controls) = _as_shown(
        network,
        [
            photographs,
            sticker.tensors["adversarial"],
            *control_images(photographs, sticker.tensors["mask"]),
        ],
    )
    places = (INPUT, *layers)
    measures = high_frequency_measures(
        model,
        clean,
        attacked,
        (INPUT, *INPUT_CHANNELS, *layers),
        controls=controls,
        cutoff=cutoff,
        on_step=lambda done, total: on_step(done, total + 1),
    )
    tensors = {
        f"measured/{layer}/{state}": torch.stack([m.share, m.log_energy, m.difference], dim=1)
        for layer, states in measures.items()
        for state, m in states.items()
    }
    frequencies, profiles = _profiles(model, clean, attacked, controls, places)
    maps = {state: layer_maps(model, x, places) for state, x in _states(clean, attacked)}
    described = {}
    for layer in places:
        count, height, width = maps["clean"][layer].shape[1:]
        shown = torch.linspace(0, count - 1, min(count, MAPS_SHOWN)).round().long()
        of = {state: each[layer][:, shown] for state, each in maps.items()}
        of["difference"] = of["clean"] - of["attacked"]
        for state, its_maps in of.items():
            logs = log_magnitude(its_maps, normalised=False)
            tensors[f"mean/{layer}/{state}"] = logs.mean(0).float()
            tensors[f"view/{layer}/{state}"] = logs[0].float()
        described[layer] = {
            "maps": count,
            "height": height,
            "width": width,
            "shown": shown.tolist(),
            "frequencies": frequencies[layer],
        }
    kernels = learned_kernels(model)
    values: dict[str, Any] = {
        "layers": described,
        "views": len(clean),
        "kernels": None if kernels is None else asdict(kernel_effects(kernels)),
    }
    if kernels is not None:
        tensors["kernels"] = kernels
    return Outcome(values, tensors | profiles)


def _profiles(
    model: nn.Module,
    clean: Tensor,
    attacked: Tensor,
    controls: Sequence[Tensor],
    layers: Sequence[str],
) -> tuple[dict[str, list[float]], dict[str, Tensor]]:
    """Give each layer's rings, and each image's mean power over them, its maps averaged."""
    found = {state: layer_profiles(model, x, layers) for state, x in _states(clean, attacked)}
    each = [layer_profiles(model, control, layers) for control in controls]
    tensors = {}
    for layer in layers:
        for state, of in found.items():
            tensors[f"profile/{layer}/{state}"] = of[layer][1].mean(1)
        control = torch.stack([one[layer][1].mean(1) for one in each])
        tensors[f"profile/{layer}/control"] = control.mean(0)
    return {layer: found["clean"][layer][0].tolist() for layer in layers}, tensors


def _states(clean: Tensor, attacked: Tensor) -> list[tuple[str, Tensor]]:
    return [("clean", clean), ("attacked", attacked)]


def _as_shown(network: Outcome, images: list[Tensor]) -> tuple[nn.Module, list[Tensor]]:
    """Take filters of the input off a network and put them on the images instead."""
    model: nn.Module = network_of(network)
    for description in network.values["filters"]:
        if description["after"] == INPUT:
            images = [model.get_submodule("filter")(x) for x in images]
            model = model.get_submodule("network")
    return model, images
