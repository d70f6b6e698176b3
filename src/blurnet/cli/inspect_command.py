"""``blurnet inspect``: the layers of a network, and where a blur can go."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.defenses import Layer
    from blurnet.models import Classifier

WIDTH = 80


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="package.module:callable or file.py:callable, which gives a torch module; "
            "program.pt2, as torch.export writes it; a file or folder that blurnet wrote; or a "
            "name of [bold]blurnet list models[/bold].",
            show_default=False,
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its weights: safetensors, or a .pt of tensors alone."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of the images, N × N pixels. Default: what it takes is tried."
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(metavar="C", min=1, help="Of the images, with --size; 3 or 1.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Names of its outputs, a,b,c or rp2, if it asks how many."
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="List the layers that cannot be filtered too.")
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
) -> None:
    """List a network's layers: shapes, which can be filtered, and the first convolution.

    Examples:

      blurnet inspect mynet.py:build --size 64

      blurnet inspect runs/hard
    """
    from blurnet.cli.trained import trained_shape
    from blurnet.defenses import defense_of, layers
    from blurnet.filters import INPUT
    from blurnet.models import check_network, network_of

    network = _network(model, weights, classes)
    example = _example(network, model, size, channels)
    count = check_network(network, example)
    found = layers(network, example)
    shape = tuple(example.shape[1:])
    numbers = sum(parameter.numel() for parameter in network_of(network).parameters())
    if json_:
        first = next((layer.name for layer in found if layer.first_convolution), None)
        result = {
            "model": model,
            "input": shape,
            "logits": count,
            "weights": numbers,
            "first_convolution": first,
            "defense": defense_of(network).model_dump(mode="json"),
            "layers": [asdict(layer) for layer in found],
        }
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    trained = trained_shape(Path(model)) is not None and not size
    tried = "" if size else ", the first that it took of those tried (--size)"
    tried = ", as it was trained" if trained else tried
    typer.echo(f"input   {_said(shape)}{tried}")
    typer.echo(f"logits  {count}")
    typer.echo(f"weights {numbers:,}")
    for blur in defense_of(network).filters:
        where = "of the input" if blur.after == INPUT else f"after {blur.after}"
        typer.echo(f"blur    {blur.kernel} {blur.size}×{blur.size}, {where}")
    shown = [layer for layer in found if all_ or layer.filterable]
    _print_table(shown)
    if len(shown) < len(found):
        left = len(found) - len(shown)
        typer.echo(f"{left} more with another output than C × H × W cannot be filtered (--all)")
    _print_places(found)


def _network(model: str, weights: Path | None, classes: str | None) -> "Classifier":
    from blurnet.data import parse_classes
    from blurnet.defenses import load
    from blurnet.models import import_model

    path = Path(model)
    if path.is_dir() or path.suffix == ".safetensors":
        if weights is not None or classes is not None:
            raise BlurnetError(
                f"{model} holds its own weights and classes: leave these options out"
            )
        return load(path)
    names = None if classes is None else parse_classes(classes)
    return import_model(model, weights=weights, classes=names)


def _example(network: "Classifier", model: str, size: int | None, channels: int | None) -> "Tensor":
    import torch

    from blurnet.cli.trained import trained_shape
    from blurnet.models import find_input

    if size is not None:
        return torch.full((1, channels or 3, size, size), 0.5)
    if channels is not None:
        raise BlurnetError("--channels goes with --size: give both, or none")
    shape = trained_shape(Path(model))
    return find_input(network) if shape is None else torch.full((1, *shape), 0.5)


def _print_table(found: "list[Layer]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", width=1)
    table.add_column("layer", overflow="fold")
    table.add_column("type", no_wrap=True, max_width=18)
    table.add_column("output", no_wrap=True)
    table.add_column("runs", justify="right")
    table.add_column("then", no_wrap=True, max_width=16)
    for layer in found:
        then = f"{layer.activation}()" if layer.activation else _beside(layer)
        cells = (
            "→" if layer.first_convolution else "",
            layer.name,
            layer.type,
            _said(layer.shape[1:]),
            str(layer.runs),
            then,
        )
        style = "bold" if layer.first_convolution else "" if layer.filterable else "dim"
        table.add_row(*(Text(cell, style) for cell in cells))
    Console(width=WIDTH, highlight=False).print(table)


def _beside(layer: "Layer") -> str:
    """Give what follows a layer, named from the last part that they share."""
    own, then = layer.name.split("."), layer.followed_by.split(".")
    while len(then) > 1 and own[:1] == then[:1]:
        own, then = own[1:], then[1:]
    return ".".join(then)


def _print_places(found: "list[Layer]") -> None:
    first = next((layer.name for layer in found if layer.first_convolution), None)
    if first is None:
        typer.echo("No layer is the first convolution: say where a blur goes.")
    else:
        typer.echo("→ the first convolution, where --blur box:5 goes:")
        typer.echo(f"  {first}")
    typer.echo("--blur box:5:LAYER             after a layer whose output is C × H × W")
    called = next((layer for layer in found if layer.activation and layer.filterable), None)
    if called is not None:
        typer.echo("--blur box:5:LAYER+activation  after the function that the code calls on it,")
        typer.echo(f"  such as {called.name}+activation: {called.activation}()")
    typer.echo("--blur box:5:input             of the images")


def _said(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
