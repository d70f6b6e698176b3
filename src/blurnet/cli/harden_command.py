"""``blurnet harden``: put filters into a network, train it if the defense needs it, keep it."""

from pathlib import Path
from typing import Annotated

import typer

from blurnet.cli import options
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.photographs import PhotographsAsked


def harden(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A network that blurnet wrote, or its folder; instead of --model.",
        ),
    ] = None,
    model: options.Model = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    mean: options.Mean = None,
    std: options.Std = None,
    data: options.Data = None,
    size: options.Size = None,
    channels: options.Channels = None,
    mask: options.Mask = None,
    blur: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KERNEL:SIZE[:AFTER]",
            help="A fixed blur, such as box:5; after the first convolution unless it says where; "
            "may be repeated. [bold]blurnet list kernels[/bold].",
        ),
    ] = None,
    learned: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START:SIZE[:AFTER]",
            help="A filter that is learned, started at a kernel, identity or random.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            help="Where blurs stand that do not say it: a layer, as [bold]blurnet inspect[/bold] "
            "lists them, or input.",
        ),
    ] = None,
    penalty: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:ALPHA[:LAYER]",
            help="A term of the training's loss, such as total_variation:1e-4:conv1.",
        ),
    ] = None,
    occlusion: Annotated[
        bool,
        typer.Option(
            "--occlusion", help="Train on images with rectangles pasted in, what helps most."
        ),
    ] = False,
    augmentation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Train on changed images: occlusion, gaussian_noise:sigma=0.05.",
        ),
    ] = None,
    adversarial: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]", help="Train on attacked images: rectangle or pgd:steps=3."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="If it is trained: passes over the training images; 20."),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="If it is trained: Adam's step size; 0.001.")
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option(
            "--augment/--no-augment",
            help="If it is trained: change pose, light and focus of its images (no flips); yes.",
        ),
    ] = None,
    seed: options.Seed = 0,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where network.safetensors and its page go.")
    ] = Path("runs/harden"),
    replace: options.Replace = False,
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Harden a network, and write it to a folder that blurnet evaluate reads.

    A fixed blur is put in as it is. Occlusion, penalties and learned filters
    take effect by training: on the training part of --data, from --weights or
    what the network has. The command says where the blur stands and what all
    this costs in accuracy on held-out images.

    Examples:

      blurnet harden --model mynet.py:build --weights w.safetensors
      --data folder:signs --blur box:5

      blurnet harden --model mynet.py:build --data folder:signs
      --blur box:5 --occlusion --out runs/hard

      blurnet harden runs/plain --data folder:signs --learned box:5:conv1
      --penalty l_infinity:0.1

      blurnet evaluate runs/hard --mask bars.png --out runs/hard-evidence

    A training that was cut off goes on where it was, by the same command.
    """
    from blurnet.cli.hardening import HardenAsked, defense_asked, harden_network, training_asked
    from blurnet.report.hardened_page import cost_words
    from blurnet.report.words import defense_words

    defense = defense_asked(
        blur, learned, after, penalty, augmentation, adversarial, occlusion=occlusion
    )
    hardened = harden_network(
        HardenAsked(
            NetworkAsked(file, model, weights, classes, mean, std),
            PhotographsAsked(data=data, size=size, channels=channels, images=1000),
            mask,
            defense,
            training_asked(defense, epochs, lr, augment),
            seed,
        ),
        out,
        replace=replace,
        quiet=quiet,
    )
    if json_:
        typer.echo(hardened.model_dump_json(indent=1))
        return
    lines = {
        "hardened with": defense_words(hardened.defense),
        "clean accuracy": cost_words(hardened),
        "network": str(out / "network.safetensors"),
        "report": str(out / "report.html"),
        "next": f"blurnet evaluate {out}" + ("" if mask else " --mask WHERE"),
    }
    typer.echo("\n".join(f"{name:16}{text}" for name, text in lines.items()))
