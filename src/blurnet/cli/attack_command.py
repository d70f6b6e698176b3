"""``blurnet attack``: one network, one scene, one sticker."""

from pathlib import Path
from typing import Annotated, Any

import typer

from blurnet.cli import options
from blurnet.cli.attack_inputs import attack_inputs, mask_of, refuse_void, transform_of
from blurnet.cli.attack_result import print_attack
from blurnet.cli.inputs import NetworkAsked
from blurnet.cli.mask_input import is_searched
from blurnet.cli.outputs import computed_now
from blurnet.cli.photographs import PhotographsAsked

app = typer.Typer(no_args_is_help=True, help="Attack one network on one scene.")


@app.callback()
def _attack() -> None:
    """Attack one network on one scene."""


@app.command("rp2")
def rp2(
    rp2: options.RP2 = None,
    model: options.Model = None,
    weights: options.Weights = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Attack this network, a file or folder as blurnet train and blurnet harden write "
            "it.",
        ),
    ] = None,
    classes: options.Classes = None,
    mean: options.Mean = None,
    std: options.Std = None,
    data: options.Data = None,
    photographs: options.Photographs = None,
    true_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The class of the attacked photographs: that of --photographs, or the one of the "
            "data to take (stop by default).",
        ),
    ] = None,
    size: options.Size = None,
    channels: options.Channels = None,
    images: options.Images = 40,
    mask: options.Mask = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The class to be taken for; all for each in turn, none for any wrong one. "
            "Default: speedLimit45 as published, where the network knows it, and else all.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of Adam.")] = 300,
    seed: options.Seed = 0,
    lam: Annotated[float, typer.Option(help="λ, the weight of the norm.")] = 0.02,
    norm: Annotated[float, typer.Option(help="p of the norm: 1, 2 or inf.")] = 2,
    lr: Annotated[float, typer.Option(help="Adam's step size, in image values.")] = 0.1,
    placement: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How the sticker meets the image: add (the formula), add_straight_through, or "
            "paste (opaque, and much stronger).",
        ),
    ] = "add",
    loss: Annotated[
        str, typer.Option(metavar="NAME", help="cross_entropy, margin or logit.")
    ] = "cross_entropy",
    scope: Annotated[
        str, typer.Option(metavar="NAME", help="universal: one sticker for all views; per_image.")
    ] = "universal",
    keep: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of all stickers met, closest: that which reaches most views and changes them "
            "least; last: that of the last step, as published and more confident.",
        ),
    ] = "closest",
    restarts: Annotated[int, typer.Option(min=1, help="Starts, of which the best counts.")] = 1,
    transform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="A transform T_i, drawn anew each step, such as rotation:degrees=10 or "
            "brightness:share=0.3; may be repeated. See blurnet list transforms.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the transforms at each step.")] = 1,
    printability: Annotated[
        float, typer.Option(help="Weight of the non-printability score; needs --colors.")
    ] = 0.0,
    colors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Printable colours, a line of red,green,blue each."),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Of the gradients: float32, bfloat16, or auto (what is fast)."
        ),
    ] = "float32",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where stickers, images, figures and page go.")
    ] = Path("runs/attack"),
    json_: options.Json = False,
    _device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a sticker with RP2 (Eykholt et al., arXiv 1707.08945), and say what it does.

    The defaults are those of RP2's published LISA run, but for --keep: that run kept the last.

    Examples:

      blurnet attack rp2 --rp2 ../shared/data/rp2 --target speedLimit45
      --out runs/rp2

      blurnet attack rp2 --rp2 ../shared/data/rp2 --mask octagon --steps 1000

      blurnet attack rp2 --rp2 ../shared/data/rp2
      --mask two-stage:count=2,area=0.05

      blurnet attack rp2 --model-file runs/train/network.safetensors
      --placement paste --target none

      blurnet attack rp2 --model mynet.py:build --weights w.safetensors
      --classes stop,yield --photographs photos --true-class stop
      --mask bars.png --target yield
    """
    from blurnet.attacks import RP2Settings, read_colors
    from blurnet.cli.progress import step_progress
    from blurnet.engine import Records
    from blurnet.evaluation import attack
    from blurnet.report.attack_files import AttackedScene, write_attack
    from blurnet.report.attack_page import write_attack_page
    from blurnet.report.page.page import REPORT, check_page

    choices: dict[str, Any] = {  # checked by RP2Settings, whose message lists them
        "placement": placement,
        "loss": loss,
        "scope": scope,
        "keep": keep,
        "precision": precision,
    }
    settings = RP2Settings(
        steps=steps,
        lam=lam,
        p=norm,
        lr=lr,
        restarts=restarts,
        draws=draws,
        printability=printability,
        **choices,
    )
    transforms = [transform_of(text) for text in transform or ()]
    refuse_void(draws=draws, transforms=transforms, colors=colors, printability=printability)
    printable = None if colors is None else read_colors(colors)
    inputs, aim = attack_inputs(
        NetworkAsked(model_file, model, weights, classes, mean, std),
        PhotographsAsked(data, photographs, true_class, rp2, size, channels, images),
        target,
        transforms,
    )
    check_page(out / REPORT)
    shown, floats = f"{len(inputs.photographs)} views, target {aim}", inputs.photographs.floats
    with Records(out).locked():
        searched = is_searched(mask)
        with step_progress(
            f"L1 attack on {shown}", quiet=quiet or not searched, kept=False
        ) as on_step:
            where, boxes = mask_of(
                mask,
                inputs,
                targets=aim,
                settings=settings,
                transforms=transforms,
                seed=seed,
                on_step=on_step,
            )
        with step_progress(f"RP2 on {shown}", quiet=quiet, kept=False) as on_step:
            found = attack(
                inputs.network,
                floats,
                where,
                true=inputs.photographs.labels,
                targets=aim,
                classes=inputs.classes,
                settings=settings,
                seed=seed,
                transforms=transforms,
                colors=printable,
                on_step=on_step,
                keep_images=False,
            )
        rectangles = None if boxes is None else tuple(boxes)
        scene = AttackedScene(found, floats, inputs.names, inputs.name, rectangles)
        write_attack(out, scene)
        page = write_attack_page(out, scene, computed_now(found.seconds))
    print_attack(scene, out, page, as_json=json_)
