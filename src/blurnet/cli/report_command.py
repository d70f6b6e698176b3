"""``blurnet report``: pages and figures, made again from records alone."""

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folders that blurnet run or blurnet evaluate has filled."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where report.html goes. Default: the run's own folder; for several runs "
            "runs/comparison.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where every figure of the page goes, as PNG and SVG. Default: the folder "
            "figures beside the page.",
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print what was written and compared, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Render a page again from records, or several runs or evaluations side by side.

    Examples:

      blurnet report runs/whitebox

      blurnet report runs/whitebox --out paper --figures paper/figures

      blurnet report runs/zeros runs/reflect --out runs/padding

      blurnet report runs/mine runs/hard-evidence

    Runs are matched by their rows' names, evaluations by their attacks. Nothing is trained or
    attacked, and the folders are only read, unless the page goes there.
    """
    from blurnet.cli.progress import step_progress
    from blurnet.report import write_report

    where = out or (folders[0] if len(folders) == 1 else Path("runs") / "comparison")
    with step_progress("figures", quiet=quiet) as on_step:
        written = write_report(folders, where, figures, on_step)
    if json_:
        typer.echo(json.dumps(written.values, indent=1, ensure_ascii=False))
        return
    typer.echo(f"report   {written.page}")
    if written.figures:
        typer.echo(f"figures  {len(written.figures)} files in {written.figures[0].parent}")
