"""The maps that a network's layers give, and their spectra."""

from collections.abc import Sequence

from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters import INPUT
from blurnet.models import as_module
from blurnet.models.memory import images_at_once
from blurnet.spectra.share import CUTOFF, resolves
from blurnet.spectra.transform import Window, power_spectrum, radial_profile
from blurnet.spectra.watch import given_maps, map_shapes, names_of

FIRST = 4
"""How many layers are looked at where none are named."""


def input_channels(channels: int) -> tuple[str, ...]:
    """Name each channel of images, as layers are named: "input R", or "input 0" if not RGB.

    Args:
        channels: how many; one alone is the input itself and has no other name.

    """
    if channels == 1:
        return ()
    names = "RGB" if channels == 3 else map(str, range(channels))
    return tuple(f"{INPUT} {name}" for name in names)


INPUT_CHANNELS = input_channels(3)


def layer_maps(
    model: nn.Module | None, images: Tensor, layers: Sequence[str], *, piece: int | None = None
) -> dict[str, Tensor]:
    """Run images through a network and keep what some of its layers give.

    Args:
        model: any network; run in evaluation mode and left as it was, after an error too. None if
            only the images are asked for.
        images: float32 in [0, 1], N × C × H × W, at least one.
        layers: where to look. ``INPUT`` is the images as given, a name of ``input_channels`` a
            channel of them. Of a network's layers, the dotted name as ``model.named_modules()``
            gives it; the name and ``+activation`` is what the network's code computes from its
            output by a function such as ``F.relu``; the name and ``:2`` is the second run of a
            layer that runs several times, and the name alone its last.
        piece: how many images go through the network at once; by default so many that their pass
            is bounded.

    Returns:
        Each layer's output, N × K × H' × W', in the order asked for.

    Raises:
        BlurnetError: if there is no such layer, it did not run, or it gives no N × K × H × W.

    """
    model = None if model is None else as_module(model)
    of_images = {INPUT: images}
    of_images |= {name: images[:, [c]] for c, name in enumerate(input_channels(images.shape[1]))}
    wanted = list(dict.fromkeys(layer for layer in layers if layer not in of_images))
    given: dict[str, Tensor] = {}
    if wanted:
        names = [] if model is None else names_of(model)
        for layer in wanted:
            if layer not in names and layer.partition(":")[0].partition("+")[0] not in names:
                raise BlurnetError(
                    f"no layer {layer!r} in the network; {_there([*of_images, *names])}"
                )
        assert model is not None, "its names were looked up"
        if piece is None:
            piece = images_at_once(model, images, gradients=False)
        given = given_maps(model, images, wanted, piece)
    return {layer: of_images[layer] if layer in of_images else given[layer] for layer in layers}


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
        Names, as ``layer_maps`` takes them, of layers that have no layers inside them and of
        functional activations; of one that runs several times, each time.

    """
    return [
        name
        for name, (height, width) in map_shapes(as_module(model), example).items()
        if resolves(height, width, cutoff)
    ]


def activation_layers(model: nn.Module, example: Tensor) -> list[str]:
    """List the activations that give maps, layers such as ``nn.ReLU`` or functions, in order.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes.

    Returns:
        Names, as ``Blur.after`` takes them, of those whose maps have more than one pixel.

    """
    return [
        name
        for name, (height, width) in map_shapes(as_module(model), example, activations=True).items()
        if height * width > 1
    ]


def first_layers(model: nn.Module | None, example: Tensor, cutoff: float = CUTOFF) -> list[str]:
    """List the input and the first four layers of ``map_layers``.

    Args:
        model: any network; None for the input alone.
        example: an input that it takes.
        cutoff: as for ``high_frequency_energy``.

    """
    return [INPUT, *([] if model is None else map_layers(model, example, cutoff)[:FIRST])]


def _there(names: Sequence[str]) -> str:
    more = f" and {len(names) - 24} more, which blurnet inspect lists" if len(names) > 24 else ""
    return f"there are: {', '.join(names[:24])}{more}"
