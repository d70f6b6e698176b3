"""``blurnet list``: what there is to choose from."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be listed."""

    EXPERIMENTS = "experiments"
    MODELS = "models"
    KERNELS = "kernels"
    PENALTIES = "penalties"
    HARDENING = "hardening"
    DATA = "data"
    CLASSES = "classes"
    VIEWS = "views"


def list_(
    kind: Annotated[Kind | None, typer.Argument(help="List these alone, a name a line.")] = None,
) -> None:
    """List what there is to choose from: experiments, models, kernels, penalties and so on."""
    from blurnet import data, experiments, filters, models, penalties
    from blurnet.attacks import VIEWS
    from blurnet.defenses.hardening import HARDENING

    names = {
        Kind.EXPERIMENTS: experiments.shipped(),
        Kind.MODELS: list(models.MODELS),
        Kind.KERNELS: list(filters.KERNELS),
        Kind.PENALTIES: list(penalties.PENALTIES),
        Kind.HARDENING: list(HARDENING),
        Kind.DATA: [data.SYNTHETIC, *data.READERS],
        Kind.CLASSES: ["all", *data.CLASS_SETS],
        Kind.VIEWS: list(VIEWS),
    }
    if kind is not None:
        typer.echo("\n".join(names[kind]))
        return
    for each, values in names.items():
        typer.echo(f"{each + ':':13}{', '.join(values)}")
