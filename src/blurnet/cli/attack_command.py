"""``blurnet attack``: one network, one scene, one sticker."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blurnet.errors import BlurnetError

from .named_settings import named_settings

if TYPE_CHECKING:
    from blurnet.attacks import View
    from blurnet.data.scene import Scene
    from blurnet.engine.attacking import Attacked

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
        str, typer.Option(metavar="NAME", help="With --rp2: a file of masks/, without .png.")
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

    The defaults are those of RP2's published LISA run.

    Examples:

      blurnet attack rp2 --rp2 ../shared/data/rp2 --target speedLimit45 --out runs/rp2

      blurnet attack rp2 --rp2 ../shared/data/rp2 --mask octagon --steps 1000

      blurnet attack rp2 --model-file runs/train/network.safetensors --placement paste --target none
    """
    from blurnet.attacks import RP2Settings, read_colors
    from blurnet.engine import Records
    from blurnet.engine.attacking import attack_scene
    from blurnet.engine.training import read_trained
    from blurnet.files import to_json, write_whole
    from blurnet.report.attack_files import write_attack

    from .progress import step_progress

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
    network = read_trained(model_file or _inside(rp2, "lisa_cnn.safetensors"))
    scene = _scene(rp2, data, true_class, mask)
    views = [_view(text) for text in view or ()]
    printable = None if colors is None else read_colors(colors)
    with (
        Records(out).locked(),
        step_progress(f"RP2 on {len(scene)} views, target {target}", quiet=quiet) as on_step,
    ):
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
            write_attack(folder, attacked, scene, placement)
        result = _result(found, seconds, len(scene), out)
        if len(found) > 1:
            write_whole(out / "attack.json", to_json(result))
    if json_:
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    _print(found, result)


def _inside(folder: Path | None, name: str) -> Path:
    assert folder is not None
    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with lisa_cnn.safetensors, victims/ and "
            "masks/"
        )
    return folder / name


def _scene(rp2: Path | None, data: str | None, true_class: str, mask: str) -> "Scene":
    from blurnet.data import synthetic
    from blurnet.data.rp2 import load_scene
    from blurnet.experiments.scenes import held_out_scene
    from blurnet.experiments.sources import DataSource

    if rp2 is not None:
        return load_scene(rp2, mask)
    if data is None or data == "synthetic":
        return synthetic.draw_scene(true_class)
    return held_out_scene(DataSource(data, None), true_class, 40)


def _view(text: str) -> "View":
    from blurnet.attacks import view

    name, settings = named_settings("--view", text)
    return view(name, **settings)


def _result(found: "list[Attacked]", seconds: float, images: int, folder: Path) -> dict[str, Any]:
    rates = ["attack_success_rate", "prediction_altered_rate", "target_reached_rate"]
    known = [name for name in rates if name in found[0].rates]
    result: dict[str, Any] = {
        name: sum(attacked.rates[name]["value"] for attacked in found) / len(found)
        for name in known
    }
    result["accuracy"] = found[0].rates["accuracy"]["value"]
    distances = [attacked.rates["l2_dissimilarity"] for attacked in found]
    result["l2_dissimilarity"] = None if None in distances else sum(distances) / len(distances)
    if len(found) == 1:
        result["intervals"] = {
            name: [found[0].rates[name]["low"], found[0].rates[name]["high"]] for name in known
        }
    else:
        result["worst"] = max(found, key=lambda a: a.rates["attack_success_rate"]["value"]).target
        result["targets"] = {
            attacked.target: {name: attacked.rates[name]["value"] for name in known}
            for attacked in found
        }
    return result | {"images": images, "seconds": round(seconds, 2), "folder": str(folder)}


def _print(found: "list[Attacked]", result: dict[str, Any]) -> None:
    over = "" if len(found) == 1 else f", the mean over {len(found)} targets"
    lines = [f"accuracy             {100 * result['accuracy']:.1f} % of {result['images']} views"]
    for name in ("attack_success_rate", "target_reached_rate"):
        if name in result:
            low, high = result.get("intervals", {}).get(name, (None, None))
            interval = "" if low is None else f" (95 % interval {100 * low:.1f}–{100 * high:.1f})"
            lines.append(f"{name.replace('_', ' '):20} {100 * result[name]:.1f} %{interval}{over}")
    if result["l2_dissimilarity"] is not None:
        lines.append(f"L2 dissimilarity     {result['l2_dissimilarity']:.3f}")
    if "worst" in result:
        worst = result["targets"][result["worst"]]["attack_success_rate"]
        lines.append(f"worst target         {result['worst']}: {100 * worst:.1f} %")
    lines.append(f"files                {result['folder']}")
    typer.echo("\n".join(lines))
