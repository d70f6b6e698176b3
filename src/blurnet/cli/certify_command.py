"""``blurnet certify``: what no sticker of a family can do to a network with masking in front."""

from pathlib import Path
from typing import Annotated

import typer

from blurnet.cli import options
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.photographs import PhotographsAsked


def certify(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A network that blurnet wrote, or its folder; else --model."
        ),
    ] = None,
    family: options.Family = None,
    model: options.Model = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    mean: options.Mean = None,
    std: options.Std = None,
    rp2: options.RP2 = None,
    data: options.Data = None,
    photographs: options.Photographs = None,
    true_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The class of --photographs; or take this one alone of --data.",
        ),
    ] = None,
    size: options.Size = None,
    channels: options.Channels = None,
    images: options.Images = 40,
    mask: options.Mask = None,
    k: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Masks along each axis: more are smaller, certify more and cost more. Default: 6, "
            "or 3 for images of more than 64 × 64 pixels and for families of many shapes.",
        ),
    ] = None,
    min_certified: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Demand that at least this share of the images is certified, of each family.",
        ),
    ] = None,
    seed: options.Seed = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where certified.json goes.")] = Path(
        "runs/certify"
    ),
    replace: options.Replace = False,
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Certify a network with masking (blurnet.masked) against every sticker of a family.

    Double masking (PatchCleanser, Xiang et al., arXiv 2108.09135): a certified
    image is answered rightly whatever sticker of the family is put on. This
    holds for the network with masking in front, never for the bare one. The
    certificates are then attacked; they must hold.

    Exit status 0 if they do and as much is certified as demanded; 1 if not; 2
    for a mistake in the command.

    Examples:

      blurnet certify runs/hard --data folder:signs --family any:5

      blurnet certify --model mynet.py:build --weights w.safetensors
      --data folder:signs --family rect:4x7 --family two:3

      blurnet certify --rp2 ../shared/data/rp2 --family mask:±2
      --min-certified 0.9
    """
    from blurnet.cli.certifying import CERTIFIED, CertifyAsked, certify_asked
    from blurnet.report.console import print_blocks
    from blurnet.report.evidence.masking import certificates_table

    found = certify_asked(
        CertifyAsked(
            NetworkAsked(file, model, weights, classes, mean, std),
            PhotographsAsked(data, photographs, true_class, rp2, size, channels, images),
            mask,
            tuple(family or ()),
            k,
            min_certified,
            seed,
        ),
        out,
        replace=replace,
        quiet=quiet,
    )
    if json_:
        typer.echo(found.to_json(), nl=False)
    else:
        print_blocks([certificates_table(found.certificates, found.accuracy)])
        for each in found.conditions:
            typer.echo(f"{'holds' if each.passed else 'FAILS'}  {each.name}: {each.sentence}")
        typer.echo(f"\ncertified  {out / CERTIFIED}")
    if not found.passed:
        raise typer.Exit(1)
