"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated

import typer


def _choose(name: str | None) -> str | None:
    if name is not None:
        from blurnet.devices import choose_device

        choose_device(name)
    return name


Model = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="The network: package.module:callable or file.py:callable, which gives a torch module "
        "(called with the number of classes if it wants one argument); program.pt2, as "
        "torch.export writes it; or a name of [bold]blurnet list models[/bold].",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --model: its weights, safetensors, or a .pt that holds tensors alone. Without, "
        "the network is as the callable gives it.",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="With --model: what its outputs are called, in their order: a,b,c, or rp2 (the 17 of "
        "RP2's network). Default: the data's classes, sorted.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="With --model, if it wants normalised images: what is subtracted, one number or one "
        "for each channel, such as 0.485,0.456,0.406.",
    ),
]
Std = Annotated[
    str | None,
    typer.Option(metavar="NUMBERS", help="And what is divided by, such as 0.229,0.224,0.225."),
]
Size = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Resize all photographs to N × N pixels (bilinear, antialiased). Needed where they "
        "are of several sizes.",
    ),
]
Channels = Annotated[
    int | None, typer.Option(metavar="C", help="3 for RGB, the default, or 1 for grey.")
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="Images in class folders, folder:DIR (train/CLASS/*.png and test/CLASS/*.png, or "
        "CLASS/*.png, of which a fifth is held out); lisa:DIR or gtsrb:DIR, the official archives; "
        "or synthetic, drawn signs.",
    ),
]
Photographs = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder of photographs that all show --true-class."),
]
RP2 = Annotated[
    Path | None,
    typer.Option(
        "--rp2",
        metavar="DIR",
        help="RP2's own network, photographs and masks, from a folder with lisa_cnn.safetensors, "
        "victims/ and masks/.",
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="Where the sticker is: a grey picture (white where it may be; resized to the "
        "photographs), a folder with one for each photograph by its name, bars, octagon; "
        "quiet[:area=0.0293] or sensitive[:area=…], where greying training images changes hardly "
        "any answer and costs the network least confidence, or most; or "
        "two-stage[:count=4,area=0.03,outline=octagon], where RP2's first stage does most. With "
        "--rp2: a file of its masks/, without .png; sticker by default.",
    ),
]
Family = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND:SIZE",
        help="Which stickers: any:5, a square of so many pixels anywhere; rect:4x7; area:24, any "
        "rectangle of so many; two:3, two squares; mask:±2, --mask moved by so many. May be "
        "repeated. Default: the mask in its place and moved, and a square of as many pixels.",
    ),
]
Images = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="At most so many, spread evenly over the classes."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all chance.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        callback=_choose,
        help="Where networks compute: cpu (the default: the same bits on every call), cuda, "
        "cuda:N, or auto, which is a GPU where there is one.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Write over what another command has left in --out.")
]
