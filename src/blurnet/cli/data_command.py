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

    problems = data.check(spec)
    parts = data.load(spec, skip_unreadable=True)
    train, test = (part.counts() for part in parts)
    if json_:
        found = {"train": train, "test": test, "problems": [str(problem) for problem in problems]}
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        table = Table("class", "train", "test", title=spec)
        for name in train:
            table.add_row(name, str(train[name]), str(test[name]))
        table.add_section()
        table.add_row(f"{len(train)} classes", str(len(parts.train)), str(len(parts.test)))
        Console().print(table)
        for problem in problems:
            typer.echo(f"cannot be read: {problem}")
    if problems:
        raise typer.Exit(2)
