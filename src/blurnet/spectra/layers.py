"""The maps that a network's layers give, and their spectra."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters import layer_shapes
from blurnet.models.modes import evaluating
from blurnet.spectra.share import CUTOFF, resolves
from blurnet.spectra.transform import Window, power_spectrum, radial_profile

INPUT = "input"
"""Names the images themselves where a layer is asked for."""

INPUT_CHANNELS = ("input R", "input G", "input B")
"""Name one channel of them."""


def layer_maps(
    model: nn.Module | None, images: Tensor, layers: Sequence[str], *, piece: int = 512
) -> dict[str, Tensor]:
    """Run images through a network and keep what some of its layers give.

    Args:
        model: any network; run in evaluation mode and left as it was, after an error too. None if
            only the images are asked for.
        images: float32 in [0, 1], N × C × H × W, at least one.
        layers: dotted names as ``model.named_modules()`` gives them, ``INPUT`` for the images, or
            one of ``INPUT_CHANNELS``.
        piece: how many images go through the network at once.

    Returns:
        Each layer's output, N × K × H' × W', in the order asked for. Of a layer that runs several
        times, the last.

    Raises:
        BlurnetError: if there is no such layer, it did not run, or it gives no N × K × H × W.

    """
    modules = {} if model is None else {n: m for n, m in model.named_modules() if n}
    of_images = {INPUT: images}
    if images.shape[1] == len(INPUT_CHANNELS):
        of_images |= {name: images[:, [c]] for c, name in enumerate(INPUT_CHANNELS)}
    wanted = [layer for layer in layers if layer not in of_images]
    for layer in wanted:
        if layer not in modules:
            raise BlurnetError(
                f"no layer {layer!r} in the network; there are: {', '.join((*of_images, *modules))}"
            )
    if model is None or not wanted:
        return {layer: of_images[layer] for layer in layers}
    kept: dict[str, Tensor] = {}
    parts: list[dict[str, Tensor]] = []
    handles = [
        modules[layer].register_forward_hook(partial(_keep, kept, layer)) for layer in wanted
    ]
    try:
        with evaluating(model), torch.no_grad():
            for part in images.split(piece):  # type: ignore[no-untyped-call]
                kept.clear()
                model(part)
                parts.append(dict(kept))
    finally:
        for handle in handles:
            handle.remove()
    for layer in wanted:
        if any(layer not in part for part in parts):
            raise BlurnetError(f"layer {layer!r} did not run, or gave no tensor")
    maps = {layer: torch.cat([part[layer] for part in parts]) for layer in wanted}
    return {layer: of_images[layer] if layer in of_images else maps[layer] for layer in layers}


def layer_spectra(
    model: nn.Module | None,
    images: Tensor,
    layers: Sequence[str],
    *,
    window: Window | None = None,
) -> dict[str, Tensor]:
    """Give the power spectrum of every map of some layers; see ``power_spectrum``.

    Args:
        model: as for ``layer_maps``.
        images: float32 in [0, 1], N × C × H × W, at least one.
        layers: as for ``layer_maps``.
        window: as for ``power_spectrum``.

    Returns:
        float64, N × K × H' × W', centred, by layer. For the spectrum of what an attack changed,
        take ``power_spectrum`` of the difference of two ``layer_maps``.

    Raises:
        BlurnetError: as ``layer_maps`` and ``power_spectrum``.

    """
    maps = layer_maps(model, images, layers)
    return {layer: power_spectrum(its_maps, window=window) for layer, its_maps in maps.items()}


def layer_profiles(
    model: nn.Module | None,
    images: Tensor,
    layers: Sequence[str],
    *,
    window: Window | None = None,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Give the radial profile of every map of some layers.

    Args:
        model: as for ``layer_maps``.
        images: float32 in [0, 1], N × C × H × W, at least one.
        layers: as for ``layer_maps``.
        window: as for ``power_spectrum``.

    Returns:
        The rings' frequencies, R, and the mean power over each, N × K × R, by layer; see
        ``radial_profile``.

    Raises:
        BlurnetError: as ``layer_spectra``.

    """
    spectra = layer_spectra(model, images, layers, window=window)
    return {layer: radial_profile(power) for layer, power in spectra.items()}


def map_layers(model: nn.Module, example: Tensor, cutoff: float = CUTOFF) -> list[str]:
    """List the layers whose maps have frequencies on both sides of a cut-off, in running order.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes.
        cutoff: as for ``high_frequency_energy``.

    Returns:
        Dotted names of layers that have no layers inside them.

    """
    return [
        name
        for name, shape in layer_shapes(model, example).items()
        if len(shape) == 4
        and resolves(*shape[2:], cutoff)
        and not any(model.get_submodule(name).children())
    ]


def activation_layers(model: nn.Module, example: Tensor) -> list[str]:
    """List the activations (``nn.ReLU`` and its kin) that give maps, in running order.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes.

    Returns:
        Dotted names of those whose maps have more than one pixel.

    """
    return [
        name
        for name, shape in layer_shapes(model, example).items()
        if len(shape) == 4
        and shape[2] * shape[3] > 1
        and type(model.get_submodule(name)).__module__ == nn.ReLU.__module__
    ]


def _keep(
    kept: dict[str, Tensor], layer: str, _module: nn.Module, _inputs: Any, output: Any
) -> None:
    if not isinstance(output, Tensor):
        return
    if output.dim() != 4:
        raise BlurnetError(
            f"the output of layer {layer!r} is {' × '.join(map(str, output.shape))}; "
            "a spectrum is of maps, N × K × H × W"
        )
    kept[layer] = output.clone()  # a layer after it may work in place
