"""``blurnet evaluate``: how a network stands up to stickers, and whether to quote the figures."""

from pathlib import Path
from typing import Annotated

import typer

from blurnet.cli import options
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.photographs import PhotographsAsked


def evaluate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A network that blurnet wrote, or its folder; instead of --model. What blurnet "
            "harden was told of data, mask and size need not be said again.",
        ),
    ] = None,
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
    suite: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="standard, whose figures can be quoted; or quick, a first look.",
        ),
    ] = "standard",
    max_success: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Demand that the worst case over attacks fools at most this share of the images.",
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Demand that at least this share is classified rightly without a sticker.",
        ),
    ] = None,
    certify: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:SIZE",
            help="Certify the network with masking against these stickers instead of the usual "
            "ones, such as any:5; none for none; may be repeated. See blurnet certify --family.",
        ),
    ] = None,
    seed: options.Seed = 0,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit/--no-audit",
            help="Check whether the attacks did their work; a failed check strikes their figures "
            "through.",
        ),
    ] = True,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where evidence.json and the page go.")
    ] = Path("runs/evaluate"),
    replace: options.Replace = False,
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Evaluate a network against stickers: a suite of attacks between a control and a ceiling.

    Exit status 0 if all conditions hold; 1 if one does not: the network is not
    as robust or as accurate as demanded, or the figures are not to be trusted;
    2 for a mistake in the command. So it can guard a build.

    Examples:

      blurnet evaluate --model mynet.py:build --weights w.safetensors
      --data folder:signs --mask bars.png --out runs/mine

      blurnet evaluate runs/hard --out runs/hard-evidence --max-success 0.2

      blurnet evaluate --model mynet.py:build --weights w.pt --classes stop,yield
      --photographs photos --true-class stop --mask masks/

      blurnet evaluate --rp2 ../shared/data/rp2 --suite quick
    """
    from blurnet.cli.evaluation import EvaluateAsked, evaluate_network

    evidence = evaluate_network(
        EvaluateAsked(
            NetworkAsked(file, model, weights, classes, mean, std),
            PhotographsAsked(data, photographs, true_class, rp2, size, channels, images),
            mask,
            suite,
            max_success,
            min_accuracy,
            seed,
            audit,
            None if certify is None else tuple(certify),
        ),
        out,
        replace=replace,
        quiet=quiet,
    )
    if json_:
        typer.echo(evidence.to_json(), nl=False)
    else:
        typer.echo(evidence.table())
        typer.echo(f"\nevidence  {out / 'evidence.json'}\nreport    {out / 'report.html'}")
    if not evidence.passed:
        raise typer.Exit(1)
