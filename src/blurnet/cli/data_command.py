"""``blurnet data``: look at a data set before work begins."""

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at a data set before work begins.")


@app.callback()
def _data() -> None: ...


@app.command()
def check(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC", help="synthetic, folder:DIR, lisa:DIR or gtsrb:DIR, as for --data."
        ),
    ],
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result alone on standard output, as JSON.")
    ] = False,
) -> None:
    """Read a data set whole, count its images, and list every one that cannot be read.

    Exit status 0 if all can be read, 2 if not.
    """
    from rich.console import Console
    from rich.table import Table

    from blurnet import data
    from blurnet.data.entries import sizes_in_words

    found = data.check(spec)
    parts = (
        found.images
        if isinstance(found.images, data.TrainTest)
        else data.TrainTest(found.images, found.images.select(found.images.labels < 0))
    )
    train, test = (part.counts() for part in parts)
    if json_:
        told = {
            "train": train,
            "test": test,
            "sizes": {f"{width}x{height}": n for (height, width), n in found.sizes.items()},
            "problems": [str(problem) for problem in found.problems],
        }
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        whole = not isinstance(found.images, data.TrainTest)
        table = Table("class", "images" if whole else "train", *(() if whole else ("test",)))
        for name in train:
            table.add_row(name, str(train[name]), *(() if whole else (str(test[name]),)))
        table.add_section()
        totals = [str(len(parts.train)), *(() if whole else (str(len(parts.test)),))]
        table.add_row("1 class" if len(train) == 1 else f"{len(train)} classes", *totals)
        table.title = spec
        Console().print(table)
        typer.echo(f"pixels: {sizes_in_words(found.sizes) or 'none'}")
        if whole:
            typer.echo("in one piece: a fifth of each class will be held out for testing")
        for problem in found.problems:
            typer.echo(f"cannot be read: {problem}")
    if found.problems:
        raise typer.Exit(2)
