"""``blurnet spectrum``: Fourier spectra of images and feature maps, and whether a sticker shows."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blurnet.cli import options
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.spectrum_inputs import Inputs, read_inputs, rp2_inputs
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.engine import OnStep


class WindowName(StrEnum):
    """What maps are multiplied by before the transform."""

    NONE = "none"
    HANN = "hann"


def spectrum(
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IMAGE…", help="Pictures, or folders of them.", show_default=False),
    ] = None,
    model: options.Model = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    mean: options.Mean = None,
    std: options.Std = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Look into this network: a file or folder that blurnet train or harden wrote, or "
            "RP2's lisa_cnn.safetensors.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A layer, such as conv1, or conv1+activation for what F.relu and its kin make of "
            "it; may be repeated. Default: the first four whose maps are large enough.",
        ),
    ] = None,
    attacked: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="IMAGE",
            help="The same pictures attacked, in the same order: once for each, or a folder.",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Where the sticker is (white), or a folder with one mask for each picture: adds "
            "the control, ten stickers of random colours.",
        ),
    ] = None,
    rp2: Annotated[
        Path | None,
        typer.Option(
            "--rp2",
            metavar="DIR",
            help="RP2's own network, photographs, mask and sticker, as for blurnet run; "
            "--model-file or --model puts another network in.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Resize all pictures to N × N pixels (bilinear, antialiased). Default: as they "
            "are, or the size that the network takes.",
        ),
    ] = None,
    channels: options.Channels = None,
    cutoff: Annotated[
        float, typer.Option(help="High frequencies begin here, in cycles per pixel of the map.")
    ] = 0.25,
    window: Annotated[
        WindowName, typer.Option(help="hann keeps the maps' borders out of it.")
    ] = WindowName.NONE,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the figures go, as PNG and SVG.")
    ] = Path("runs/spectrum"),
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Draw Fourier spectra, and measure whether a sticker adds high frequencies.

    Examples:

      blurnet spectrum sign.png

      blurnet spectrum clean/ --attacked attacked/ --mask mask.png --model mynet.py:build

      blurnet spectrum --rp2 ../shared/data/rp2
    """
    from blurnet import spectra
    from blurnet.cli.progress import step_progress
    from blurnet.report.console import print_blocks
    from blurnet.report.figures.drawings import write_drawings
    from blurnet.report.spectra.measured import drawings_of, layer_spectra, plain, tables_of
    from blurnet.report.words import counted

    asked = NetworkAsked(model_file, model, weights, classes, mean, std)
    if rp2 is not None:
        given = {"IMAGE": images, "--attacked": attacked, "--mask": mask, "--size": size}
        for option, value in (given | {"--channels": channels}).items():
            if value:
                raise BlurnetError(f"--rp2 brings its own images: leave out {option}")
        scene = rp2_inputs(rp2, asked)
    else:
        scene = read_inputs(
            images or [], attacked or [], mask, asked, size=size, channels=channels or 3
        )
    chosen: spectra.Window | None = "hann" if window is WindowName.HANN else None
    layers = _layers(scene, layer or [], cutoff)
    with step_progress(f"spectra of {counted(len(scene.clean), 'image')}", quiet=quiet) as on_step:
        found = spectra.measure_spectra(
            scene.model,
            scene.clean,
            scene.attacked,
            layers,
            controls=scene.controls(),
            others=scene.plain(),
            cutoff=cutoff,
            window=chosen,
            maps_shown=64,
            on_step=_of_all(on_step, scene.sets),
        )
        measured = {name: layer_spectra(of) for name, of in found.items()}
        files = write_drawings(drawings_of(found, measured, cutoff, len(scene.clean)), out)
    if json_:
        result = {
            "images": len(scene.clean),
            "controls": scene.stickers,
            "cutoff": cutoff,
            "window": chosen,
            "layers": plain(measured, found),
            "figures": [str(path) for path in files],
        }
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    print_blocks(tables_of(measured, len(scene.clean), cutoff, chosen))
    typer.echo("figures  " + "\n         ".join(str(path) for path in files[::2]))
    typer.echo("         (and as .svg)")


def _layers(scene: Inputs, asked: list[str], cutoff: float) -> list[str]:
    """List where to look: the input, its channels, and the layers asked for, or the first four."""
    from blurnet import spectra

    if asked and scene.model is None:
        raise BlurnetError("--layer is a layer of a network: give --model-file, --model or --rp2")
    layers = [spectra.INPUT, *spectra.input_channels(scene.clean.shape[1])]
    if asked:
        return [*layers, *dict.fromkeys(name for name in asked if name not in layers)]
    return [*layers, *spectra.first_layers(scene.model, scene.clean[:1], cutoff)[1:]]


def _of_all(on_step: "OnStep | None", total: int) -> "OnStep | None":
    """Say how many sets of images there are in all."""
    return None if on_step is None else lambda done, _total, note="": on_step(done, total, note)
