"""``blurnet run``: an experiment, from its inputs to its table and page."""

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blurnet.cli import options

if TYPE_CHECKING:
    from blurnet.engine import OnRay


class Engine(StrEnum):
    """Where steps run."""

    LOCAL = "local"
    RAY = "ray"


def run(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A shipped experiment ([bold]blurnet list experiments[/bold]) or a .yaml file.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Train and test on [bold]synthetic[/bold] (drawn signs, the default), "
            "[bold]folder:DIR[/bold] (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png), "
            "[bold]lisa:DIR[/bold] or [bold]gtsrb:DIR[/bold] (the official archives).",
        ),
    ] = None,
    rp2: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="RP2's published files: lisa_cnn.safetensors, sticker_noise.safetensors, "
            "victims/ and masks/. blackbox, spectra and deeper carry its sticker over; the others "
            "attack its photographs, and its network too.",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Classes of the data to keep: rp2 (the 17 of RP2's network), all, or a,b,c.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="The network that is trained: a name of [bold]blurnet list models[/bold], or your "
            "own, file.py:callable or package.module:callable.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Height and width of the images, in pixels."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where records, results.json and report.html go; what is there already is not "
            "computed again. Default: a folder under runs/ with the experiment's name.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace results of another experiment or of other settings in --out; the records "
            "stay and are used again.",
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the experiment, such as padding=reflect or "
            "attack.steps=1000; may be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many steps run side by side, each in a process of its own. Default: what is "
            "fastest here, said when the run begins: as many as there are cores, of one thread "
            "each, where the steps do not wait for each other; else fewer, of more threads. With "
            "--engine ray as many as the cluster has room for.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Threads of each step; with the same number a step gives the same bits, whatever "
            "--jobs. Default: 1 with --jobs above 1, all with --jobs 1.",
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="A step that takes longer is killed; the others go on."
        ),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="Do only the steps that failed, and what waits for them alone. Without it the "
            "same command does all that is missing, those that failed included.",
        ),
    ] = False,
    only: Annotated[
        str,
        typer.Option(
            metavar="KEY", help="Do this one step alone; blurnet status gives the command."
        ),
    ] = "",
    engine: Annotated[
        Engine,
        typer.Option(
            help="Where steps run: on this machine, or as tasks of a Ray cluster (extra "
            "blurnet[[ray]), where data and model files lie under the same paths on all nodes."
        ),
    ] = Engine.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of the Ray cluster, or [bold]auto[/bold] for the one on this machine. Default: "
            "$RAY_ADDRESS, else one that is started here for this run.",
        ),
    ] = None,
    gpus_per_step: Annotated[
        float,
        typer.Option(
            metavar="N",
            min=0,
            help="GPUs that a step takes on the Ray cluster, such as 1 or 0.25; it takes as many "
            "CPUs as --threads.",
        ),
    ] = 0,
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep a copy of the records there (s3://…, gs://…, file:///…; any place of "
            "fsspec), and fetch from it what is not in --out.",
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print results.json (unfinished.json, where steps are still missing) alone on "
            "standard output.",
        ),
    ] = False,
    _device: options.Device = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run an experiment: compute what is missing, print its table, write its page.

    Examples:

      blurnet run blackbox

      blurnet run blackbox --rp2 ../shared/data/rp2 --out runs/table1

      blurnet run blackbox --data folder:DIR --set training.epochs=20

      blurnet run whitebox --data folder:../shared/data/lisa --rp2 ../shared/data/rp2

      blurnet run mine.yaml --data folder:signs --model mynet.py:build --size 64

    A run that was cut off goes on where it was, by the same command. blackbox, spectra and deeper
    take minutes, the others an hour and more; a second run takes seconds. A step that fails costs
    only what needs it: the rest is finished and kept, the page shows the rows that are there, the
    exit status is 1, and the same command tries it again. blurnet status DIR says how a run stands.
    """
    from blurnet.nursery import cores, prepare

    if engine is Engine.LOCAL and jobs != 1 and cores() > 1:
        prepare(("blurnet.experiments",))  # while this process imports the same

    from rich.console import Console

    from blurnet import experiments
    from blurnet.cli.progress import progress
    from blurnet.engine import FailedSteps
    from blurnet.engine.chosen import without_choice
    from blurnet.errors import BlurnetError
    from blurnet.files import to_json
    from blurnet.report import print_table, write_page
    from blurnet.report.page.page import REPORT, check_page

    assignments = list(set_ or [])
    given = {"data": data, "rp2": rp2, "classes": classes, "model": model, "size": size}
    changes = {
        key: str(value) if isinstance(value, Path) else value
        for key, value in given.items()
        if value is not None
    }
    described = experiments.load(experiment, assignments, changes)
    folder = out or _default_folder(experiment, assignments, changes)
    check_page(folder / REPORT)
    try:
        with progress(quiet=quiet) as on_begin:
            results = experiments.run(
                described,
                folder,
                on_begin,
                replace,
                jobs=jobs,
                threads=threads,
                time_limit=time_limit,
                command=shlex.join(["blurnet", *without_choice(sys.argv[1:])]),
                retry_failed=retry_failed,
                only=only,
                on=_ray(engine, address, gpus_per_step),
                mirror=mirror,
            )
    except FailedSteps:
        with suppress(BlurnetError):  # the failure is what has to be said
            page = write_page(folder)
            print(f"report   {page}: unfinished, with the rows that are there", file=sys.stderr)
        raise
    writable = os.access(folder, os.W_OK)
    if writable:
        write_page(folder)
    if json_:
        typer.echo(to_json(results.model_dump(mode="json")).decode(), nl=False)
        return
    if results.rows:
        print_table(results, Console())
    if results.finished:
        typer.echo(f"results  {folder / experiments.RESULTS}")
    else:
        typer.echo(f"unfinished: {len(results.lacking)} rows (or seeds of rows) are not there yet;")
        typer.echo(f"status   blurnet status {shlex.quote(str(folder))}")
    if writable:
        typer.echo(f"report   {folder / REPORT}")
    else:
        typer.echo(f"report   not renewed: a read-only folder; try blurnet report {folder} --out …")


def _ray(engine: Engine, address: str | None, gpus: float) -> "OnRay | None":
    from blurnet.engine import OnRay
    from blurnet.errors import BlurnetError

    if engine is Engine.RAY:
        return OnRay(address, gpus)
    if address is not None or gpus:
        raise BlurnetError("--address and --gpus-per-step are for --engine ray")
    return None


def _default_folder(
    experiment: str, assignments: Sequence[str], changes: Mapping[str, Any]
) -> Path:
    file = Path(experiment)
    name, content = file.stem, file.read_text("utf-8", "replace") if file.is_file() else ""
    if not assignments and not changes and not content:
        return Path("runs") / name
    asked = json.dumps([experiment, content, sorted(assignments), changes], sort_keys=True)
    return Path("runs") / f"{name}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
