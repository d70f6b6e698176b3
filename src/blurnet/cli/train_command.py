"""``blurnet train``: one network, defended or not."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from blurnet.cli.named_settings import named_settings
from blurnet.errors import BlurnetError


def train(
    data: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="synthetic, folder:DIR, lisa:DIR or gtsrb:DIR, as for blurnet run.",
        ),
    ] = "synthetic",
    classes: Annotated[
        str, typer.Option(metavar="LIST", help="Classes to keep: rp2, all, or a,b,c.")
    ] = "rp2",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="See blurnet list models.")
    ] = "lisa_cnn",
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and all other chance.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 40,
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KERNEL:SIZE:LAYER",
            help="A fixed blur, such as box:5:relu1 or box:3:input; may be repeated.",
        ),
    ] = None,
    learned: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START:SIZE:LAYER",
            help="A learned filter, started at a kernel, identity or random, such as box:5:relu1.",
        ),
    ] = None,
    penalty: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:ALPHA[:LAYER]",
            help="A term of the loss, such as total_variation:1e-4:relu1 or l_infinity:0.1.",
        ),
    ] = None,
    hardening: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Train on harder images: gaussian_noise, occlusion, pgd or rectangle, such as "
            "gaussian_noise:sigma=0.05.",
        ),
    ] = None,
    augment: Annotated[
        bool, typer.Option(help="Change pose, light and focus of training images (no flips).")
    ] = True,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change anything else of the recipe, such as training.lr=0.002, "
            "training.label_smoothing=0.1, augmentation.rotation=8 or warm_start={epochs: 20}; may "
            "be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where record and network.safetensors go.")
    ] = Path("runs/train"),
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train a network, and write it to a file that says what it is.

    Examples:

      blurnet train --data folder:../shared/data/lisa --classes rp2 --seed 0 --out runs/plain

      blurnet train --learned box:5:relu1 --penalty l_infinity:0.1 --out runs/learned

      blurnet train --penalty total_variation:1e-4:relu1 --hardening occlusion --out runs/tv

    A training that was cut off goes on where it was, by the same command.
    """
    from blurnet.cli.progress import progress
    from blurnet.data import parse_classes
    from blurnet.experiments.settings import change, check
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.steps.network import Recipe
    from blurnet.experiments.train import train_network

    content = change(
        {
            "model": model,
            "training": {"epochs": epochs, "weight_decay": 0.1},
            "augmentation": {} if augment else None,
            "filters": [_filter(text, trainable=False) for text in filter_ or ()]
            + [_filter(text, trainable=True) for text in learned or ()],
            "penalties": [_penalty(text) for text in penalty or ()],
            "hardening": None if hardening is None else _hardening(hardening),
        },
        set_ or (),
    )
    recipe = check(Recipe, content)
    source = DataSource(data, parse_classes(classes))
    start = time.monotonic()
    with progress(quiet=quiet) as on_cell:
        result = train_network(source, recipe, out, seed=seed, on_cell=on_cell)
    result["seconds"] = round(time.monotonic() - start, 1)
    if json_:
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    low, high = result["interval"]
    typer.echo(
        f"test accuracy  {100 * result['test_accuracy']:.1f} % "
        f"(95 % interval {100 * low:.1f}–{100 * high:.1f}, {result['test_images']} images)\n"
        f"network        {result['checkpoint']}"
    )


def _parts(option: str, text: str, form: str, least: int) -> Sequence[str]:
    parts = text.split(":")
    if not least <= len(parts) <= form.count(":") + 1 or not all(parts):
        raise BlurnetError(f"{option} {text}: write {form}")
    return parts


def _filter(text: str, *, trainable: bool) -> dict[str, Any]:
    option = "--learned" if trainable else "--filter"
    kernel, size, layer = _parts(option, text, "KERNEL:SIZE:LAYER", 3)
    return {
        "kernel": kernel,
        "size": yaml.safe_load(size),
        "after": layer,
        "padding": "zeros",
        "trainable": trainable,
    }


def _penalty(text: str) -> dict[str, Any]:
    name, alpha, *layers = _parts("--penalty", text, "NAME:ALPHA:LAYER", 2)
    try:
        return {"name": name, "alpha": float(alpha), "layers": layers}
    except ValueError:
        raise BlurnetError(f"--penalty {text}: {alpha!r} is not a number") from None


def _hardening(text: str) -> dict[str, Any]:
    name, settings = named_settings("--hardening", text)
    return {"name": name} | settings
