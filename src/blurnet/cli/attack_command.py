"""``blurnet attack``: one network, one scene, one sticker."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from blurnet.cli.attack_inputs import inside, scene_of, two_stage_of, view_of
from blurnet.cli.attack_result import print_values, values_of
from blurnet.errors import BlurnetError

app = typer.Typer(no_args_is_help=True, help="Attack one network on one scene.")


@app.callback()
def _attack() -> None:
    """Attack one network on one scene."""


@app.command("rp2")
def rp2(
    rp2: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="RP2's own network, photographs and masks, from a folder with "
            "lisa_cnn.safetensors, victims/ and masks/.",
        ),
    ] = None,
    model_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Attack this network: network.safetensors, as blurnet train writes it.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Without --rp2: attack test signs of this data. Default: drawn signs.",
        ),
    ] = None,
    true_class: Annotated[
        str, typer.Option(metavar="NAME", help="Without --rp2: the class of the attacked signs.")
    ] = "stop",
    mask: Annotated[
        str,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="With --rp2: a file of masks/, without .png. Or two-stage, as RP2 found its own: "
            "rectangles where an L1 attack over the sign does most, with outline=octagon, count=4 "
            "and area=0.03 (share of the image, all together) unless given.",
        ),
    ] = "sticker",
    target: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The class to be taken for; all for each in turn, none for any wrong one.",
        ),
    ] = "speedLimit45",
    steps: Annotated[int, typer.Option(min=1, help="Steps of Adam.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of the start and all other chance.")] = 0,
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
    view: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="A transformation T_i, drawn anew each step, such as rotation:degrees=10 or "
            "brightness:share=0.3; may be repeated. See blurnet list views.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the views at each step.")] = 1,
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
        Path, typer.Option(metavar="DIR", help="Where sticker, images and figures go.")
    ] = Path("runs/attack"),
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Make a sticker with RP2 (Eykholt et al., arXiv 1707.08945), and say what it does.

    The defaults are those of RP2's published LISA run, but for --keep: that run kept the last.

    Examples:

      blurnet attack rp2 --rp2 ../shared/data/rp2 --target speedLimit45 --out runs/rp2

      blurnet attack rp2 --rp2 ../shared/data/rp2 --mask octagon --steps 1000

      blurnet attack rp2 --rp2 ../shared/data/rp2 --mask two-stage:count=2,area=0.05

      blurnet attack rp2 --model-file runs/train/network.safetensors --placement paste --target none
    """
    from blurnet.attacks import RP2Settings, read_colors
    from blurnet.cli.progress import step_progress
    from blurnet.engine import Records
    from blurnet.evaluation.attack import attack_scene, with_found_mask
    from blurnet.experiments.train import read_trained
    from blurnet.files import to_json, write_whole
    from blurnet.report.attack_files import mask_values, write_attack

    if rp2 is None and model_file is None:
        raise BlurnetError(
            "which network? Give --rp2 DIR for RP2's own, or --model-file FILE, which blurnet "
            "train writes"
        )
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
    network = read_trained(model_file or inside(rp2, "lisa_cnn.safetensors"))
    two_stage = two_stage_of(mask)
    scene = scene_of(rp2, data, true_class, "sticker" if two_stage else mask)
    views = [view_of(text) for text in view or ()]
    printable = None if colors is None else read_colors(colors)
    aim = f"{len(scene)} views, target {target}"
    boxes = None
    with Records(out).locked():
        if two_stage:
            with step_progress(f"L1 attack on {aim}", quiet=quiet) as on_step:
                scene, boxes = with_found_mask(
                    network,
                    scene,
                    target,
                    settings,
                    seed=seed,
                    views=views,
                    on_step=on_step,
                    **two_stage,
                )
        with step_progress(f"RP2 on {aim}", quiet=quiet) as on_step:
            found, seconds = attack_scene(
                network,
                scene,
                target,
                settings,
                seed=seed,
                views=views,
                colors=printable,
                on_step=on_step,
            )
        for attacked in found:
            folder = out if len(found) == 1 else out / attacked.target
            write_attack(folder, attacked, scene, placement, boxes)
        result = values_of(found, seconds, len(scene), out)
        result["mask"] = mask_values(scene, boxes)
        if len(found) > 1:
            write_whole(out / "attack.json", to_json(result))
    if json_:
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    print_values(found, result)
