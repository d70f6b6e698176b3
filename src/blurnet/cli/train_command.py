"""``blurnet train``: one network, ours or the user's own, defended or not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blurnet.cli import options

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.experiments.sources import DataSource


def train(
    data: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="synthetic (drawn signs), folder:DIR (train/CLASS/*.png and test/CLASS/*.png, or "
            "CLASS/*.png), lisa:DIR or gtsrb:DIR.",
        ),
    ] = "synthetic",
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Classes to keep: rp2 (the 17 of RP2's network), all, or a,b,c. Default: all of "
            "the data's.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="A name of [bold]blurnet list models[/bold], or your own network: "
            "file.py:callable or package.module:callable.",
        ),
    ] = "lisa_cnn",
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights to start from: safetensors, or a .pt that holds tensors alone.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Height and width of the images. Default: 32; for your own network and data, that "
            "of the pictures.",
        ),
    ] = None,
    channels: Annotated[
        int, typer.Option(metavar="C", min=1, help="3 for RGB, or 1 for grey.")
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and all other chance.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 40,
    blur: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KERNEL:SIZE[:AFTER]",
            help="A fixed blur, such as box:5 (after the first convolution), box:5:relu1 or "
            "box:3:input; may be repeated. [bold]blurnet inspect[/bold] lists the places.",
        ),
    ] = None,
    learned: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START:SIZE[:AFTER]",
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
    augmentation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Train on changed images: occlusion, or gaussian_noise:sigma=0.05; see "
            "[bold]blurnet list augmentations[/bold].",
        ),
    ] = None,
    adversarial: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Train on attacked images: rectangle, or pgd:steps=3; see "
            "[bold]blurnet list adversaries[/bold].",
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
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace a network in --out that was trained otherwise; its record stays.",
        ),
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
    _device: options.Device = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train a network, and write it to a file that says what it is.

    Examples:

      blurnet train --data folder:../shared/data/lisa --classes rp2 --seed 0 --out runs/plain

      blurnet train --learned box:5:relu1 --penalty l_infinity:0.1 --out runs/learned

      blurnet train --penalty total_variation:1e-4:relu1 --augmentation occlusion --out runs/tv

      blurnet train --model mynet.py:build --data folder:signs --blur box:5 --out runs/mine

    A training that was cut off goes on where it was, by the same command.
    """
    from blurnet.cli.defense_options import defense_content
    from blurnet.cli.progress import progress
    from blurnet.data import parse_classes
    from blurnet.defenses import Recipe
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.steps.building import placed
    from blurnet.experiments.train import train_network
    from blurnet.files import to_json
    from blurnet.settings import change, check

    kept = None if classes is None else parse_classes(classes)
    source = DataSource(data, kept, size=_size(model, size), channels=channels)
    content: dict[str, Any] = {
        "model": placed(model, Path()),
        "size": source.side(),
        "channels": channels,
        "training": {"epochs": epochs, "weight_decay": 0.1},
        "augmentation": {} if augment else None,
        "defense": defense_content(blur, learned, penalty, augmentation, adversarial),
    }
    recipe = check(Recipe, change(content, set_ or ()))
    start = None if weights is None else _start(recipe.model, weights, source)
    with progress(quiet=quiet) as on_begin:
        result = train_network(
            source, recipe, out, seed=seed, start=start, on_begin=on_begin, replace=replace
        )
    if json_:
        typer.echo(to_json(result.model_dump(mode="json")).decode(), nl=False)
        return
    rate = result.test_accuracy
    for each in result.defense.filters:
        what = f"{each.kernel} {each.size}×{each.size} after {each.after}"
        typer.echo(f"filter         {'learned from' if each.trainable else 'blur'} {what}")
    typer.echo(
        f"test accuracy  {100 * rate.value:.1f} % "
        f"(95 % interval {100 * rate.low:.1f}–{100 * rate.high:.1f}, {rate.total} images)\n"
        f"network        {result.network}"
    )


def _size(model: str, given: int | None) -> int | None:
    """Give the images' size: the one given, 32 for networks of ours, or that of the pictures."""
    from blurnet.data import DEFAULT_SIZE
    from blurnet.models import MODELS

    return DEFAULT_SIZE if given is None and model in MODELS else given


def _start(model: str, weights: Path, source: "DataSource") -> "dict[str, Tensor]":
    from blurnet.experiments.steps.building import inner
    from blurnet.models import import_model

    network = import_model(model, weights=weights, classes=tuple(source.names()))
    return dict(inner(network).state_dict())
