"""The ``blurnet`` command."""

import logging
import os
import sys
import warnings
from importlib.metadata import version
from typing import Annotated, Any

import typer

from blurnet.cli import (
    attack_command,
    audit_command,
    certify_command,
    data_command,
    evaluate_command,
    harden_command,
    inspect_command,
    list_command,
    report_command,
    run_command,
    spectrum_command,
    status_command,
    train_command,
)
from blurnet.errors import BlurnetError, BlurnetWarning
from blurnet.process import ends_like_ctrl_c, steady_streams

# Threads of torch that spin while they wait make work beside another busy process several times
# slower; sleeping ones cost a little on a quiet machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

PIPE_CLOSED = 141
"""128 + SIGPIPE, which ends programs that do not handle it."""

_PYTHONS_WARNING = warnings.showwarning

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("inspect")(inspect_command.inspect)
app.command("harden")(harden_command.harden)
app.command("train")(train_command.train)
app.add_typer(attack_command.app, name="attack")
app.command("evaluate")(evaluate_command.evaluate)
app.command("audit")(audit_command.audit)
app.command("certify")(certify_command.certify)
app.command("run")(run_command.run)
app.command("report")(report_command.report)
app.command("status")(status_command.status)
app.command("spectrum")(spectrum_command.spectrum)
app.command("list")(list_command.list_)
app.add_typer(data_command.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blurnet {version('blurnet')}")
        raise typer.Exit


@app.callback()
def blurnet(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Harden image classifiers against physical stickers, attack them, and measure what held.

    With a network of your own: [bold]inspect[/bold] lists its layers,
    [bold]harden[/bold] puts a blur in, [bold]evaluate[/bold] measures what
    stickers do to it, [bold]report[/bold] shows evaluations side by side.

    Without: [bold]blurnet run blackbox[/bold] draws its own signs, needs no
    data, and ends with a table and a page to look at.
    """


class _ToTerminal(logging.Handler):
    """Says what the library says (where a filter stands, what was resized) on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"blurnet: {record.getMessage()}", file=sys.stderr, flush=True)


def _say() -> None:
    logger = logging.getLogger("blurnet")
    quiet = {"--quiet", "-q"} & set(sys.argv)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    if not any(isinstance(handler, _ToTerminal) for handler in logger.handlers):
        logger.addHandler(_ToTerminal())
    warnings.showwarning = _warn


def _warn(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Say a warning of blurnet's in one line; others as Python does."""
    if issubclass(category, BlurnetWarning):
        logging.getLogger("blurnet").warning("%s", message)
    else:
        _PYTHONS_WARNING(message, category, *where, **more)


def main() -> None:
    """Run the command; an error is one line; status 2 for a user's mistake, 1 for failed steps.

    What is printed when nobody reads it any more is dropped, and the work goes on; the status then
    tells it: 141 as for any program whose pipe was closed, 2 with a line for another reason.
    """
    status: Any = 0
    with steady_streams() as out, ends_like_ctrl_c():
        _say()
        try:
            app()
        except SystemExit as end:
            status = end.code
        except BlurnetError as error:
            print(f"blurnet: {error}", file=sys.stderr)
            status = getattr(error, "exit_status", 2)
        out.flush()
        if out.error is not None and not status:
            status = PIPE_CLOSED if isinstance(out.error, BrokenPipeError) else 2
            if status == 2:
                said = out.error.strerror
                print(f"blurnet: cannot print: {said}; the work is done and kept", file=sys.stderr)
    sys.exit(status)
