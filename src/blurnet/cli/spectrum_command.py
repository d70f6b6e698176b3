"""``blurnet spectrum``: Fourier spectra of images and feature maps, and whether a sticker shows."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blurnet.cli.spectrum_inputs import Inputs, inputs, rp2_inputs
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.spectra import Claim, Window

LAYERS = 4
"""How many layers are looked at if none are named."""


class WindowName(StrEnum):
    """What maps are multiplied by before the transform."""

    NONE = "none"
    HANN = "hann"


def spectrum(
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IMAGE…", help="Pictures, or folders of them.", show_default=False),
    ] = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Look into this network: network.safetensors of blurnet train, or RP2's "
            "lisa_cnn.safetensors. Pictures are resized to 32 × 32.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A layer, such as conv1; may be repeated. Default: the first four whose maps are "
            "large enough.",
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
            help="Where the sticker is (white): adds the control, ten stickers of random colours.",
        ),
    ] = None,
    rp2: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="RP2's own network, photographs, mask and sticker, as for blurnet run; "
            "--model-file puts another network in.",
        ),
    ] = None,
    cutoff: Annotated[
        float, typer.Option(help="High frequencies begin here, in cycles per pixel of the map.")
    ] = 0.25,
    window: Annotated[
        WindowName, typer.Option(help="hann keeps the maps' borders out of it.")
    ] = WindowName.NONE,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the figures go, as PNG and SVG.")
    ] = Path("runs/spectrum"),
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Draw Fourier spectra, and measure whether a sticker adds high frequencies.

    Examples:

      blurnet spectrum sign.png

      blurnet spectrum clean/ --attacked attacked/ --mask mask.png --model-file network.safetensors

      blurnet spectrum --rp2 ../shared/data/rp2
    """
    from blurnet import spectra
    from blurnet.cli.progress import step_progress
    from blurnet.report.spectra.spectrum_table import print_shares

    if rp2 is not None:
        for option, value in (("IMAGE", images), ("--attacked", attacked), ("--mask", mask)):
            if value:
                raise BlurnetError(f"--rp2 brings its own images: leave out {option}")
        scene = rp2_inputs(rp2, model_file)
    else:
        scene = inputs(images or [], attacked or [], mask, model_file)
    model, clean, stuck, controls = scene
    chosen: Window | None = "hann" if window is WindowName.HANN else None
    if layer and model is None:
        raise BlurnetError("--layer is a layer of a network: give --model-file or --rp2")
    layers = [spectra.INPUT, *spectra.INPUT_CHANNELS]
    if layer:
        layers += dict.fromkeys(name for name in layer if name not in layers)
    elif model is not None:
        layers += spectra.map_layers(model, clean[:1], cutoff)[:LAYERS]
    claims: Mapping[str, Claim] = {}
    with step_progress(f"spectra of {len(clean)} images", quiet=quiet) as on_step:
        if stuck is None:
            maps = spectra.layer_maps(model, clean, layers)
            shares = {
                name: {
                    "clean": spectra.mean_interval(spectra.layer_share(m, cutoff, window=chosen))
                }
                for name, m in maps.items()
            }
        else:
            claims = spectra.high_frequency_claim(
                model,
                clean,
                stuck,
                layers,
                controls=controls,
                cutoff=cutoff,
                window=chosen,
                on_step=on_step,
            )
            shares = {name: vars(claim) for name, claim in claims.items()}
        drawn = [name for name in layers if name not in spectra.INPUT_CHANNELS]
        figures = _draw(scene, drawn, cutoff, chosen, out)
    if json_:
        result = {
            "images": len(clean),
            "controls": len(controls),
            "cutoff": cutoff,
            "window": chosen,
            "layers": [
                {"layer": name} | spectra.plain_intervals(each) for name, each in shares.items()
            ],
            "figures": [str(path) for path in figures],
        }
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    print_shares(len(clean), shares, cutoff, chosen)
    typer.echo("figures  " + "\n         ".join(str(path) for path in figures[::2]))
    typer.echo("         (and as .svg)")


def _draw(
    scene: Inputs, layers: Sequence[str], cutoff: float, window: "Window | None", folder: Path
) -> list[Path]:
    import torch

    from blurnet.report.spectra.spectrum_figures import profiles_figure, save_figure, spectra_figure
    from blurnet.spectra import layer_maps, layer_profiles, log_magnitude, profile_band

    model, clean, attacked, controls = scene
    maps = {"clean": layer_maps(model, clean, layers)}
    profiles = {"clean": layer_profiles(model, clean, layers, window=window)}
    if attacked is not None:
        maps["attacked"] = layer_maps(model, attacked, layers)
        maps["clean − attacked"] = {
            name: its_maps - maps["attacked"][name] for name, its_maps in maps["clean"].items()
        }
        profiles["attacked"] = layer_profiles(model, attacked, layers, window=window)
    if controls:
        each = [layer_profiles(model, control, layers, window=window) for control in controls]
        profiles["random colours"] = {
            name: (each[0][name][0], torch.stack([one[name][1] for one in each]).mean(0))
            for name in layers
        }
    note = f"mean over {len(clean)} images" * (len(clean) > 1)
    files = []
    for name in layers:
        logs = {
            state: log_magnitude(of[name], window=window, normalised=False).mean(0)
            for state, of in maps.items()
        }
        files += save_figure(spectra_figure(name, logs, note), folder, f"spectra-{name}")
    bands = {
        name: (
            profiles["clean"][name][0],
            {state: profile_band(of[name][1]) for state, of in profiles.items()},
        )
        for name in layers
    }
    return files + save_figure(profiles_figure(bands, cutoff), folder, "radial-profiles")
