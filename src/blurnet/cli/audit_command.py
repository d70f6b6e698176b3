"""``blurnet audit``: whether the attacks on a network can be trusted."""

import json
from pathlib import Path
from typing import Annotated

import typer

from blurnet.cli import options
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.photographs import PhotographsAsked


def audit(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR|FILE]",
            help="A folder of blurnet evaluate, whose attacks are audited again; or a network that "
            "blurnet wrote, or its folder; instead of --model.",
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
    images: options.Images = 16,
    mask: options.Mask = None,
    suite: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of a network: whose attacks, standard or quick, whose audit is quick, too.",
        ),
    ] = "standard",
    seed: options.Seed = 0,
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Check whether attacks did their work: gradients, convergence, and what does better.

    Of a folder of blurnet evaluate: its attacks and its photographs, with the
    network that it says, or with the one that is named beside it. If it is the
    same network, the folder's evidence and page are written anew with the audit.

    Of a network: the suite's attacks on a few images; nothing is written.

    Exit status 0 if no check fails, 1 if one does, 2 for a mistake in the
    command.

    Examples:

      blurnet audit runs/mine

      blurnet audit runs/mine --model mynet.py:build --weights other.safetensors

      blurnet audit --model mynet.py:build --weights w.safetensors
      --data folder:signs --mask bars.png

      blurnet audit --rp2 ../shared/data/rp2 --suite quick
    """
    from blurnet.cli.auditing import audit_folder, audit_named, is_evaluation
    from blurnet.cli.evaluation import EvaluateAsked
    from blurnet.report import print_blocks
    from blurnet.report.evidence.audit import audit_table, failed_words

    network = NetworkAsked(file, model, weights, classes, mean, std)
    looked_at = PhotographsAsked(data, photographs, true_class, rp2, size, channels, images)
    asked = EvaluateAsked(network, looked_at, mask, suite, None, None, seed)
    if is_evaluation(file):
        name, checks, page = audit_folder(asked, quiet=quiet)
    else:
        (name, checks), page = audit_named(asked, quiet=quiet), None
    if json_:
        told = [check.model_dump(mode="json") for check in checks]
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        print_blocks([audit_table(name, checks), *failed_words(checks)])
        if page is not None:
            typer.echo(f"report    {page}")
    if any(check.verdict == "failed" for check in checks):
        raise typer.Exit(1)
