"""``blurnet list``: what there is to choose from."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Annotated, Any

import typer


class Kind(StrEnum):
    """What can be listed."""

    EXPERIMENTS = "experiments"
    MODELS = "models"
    KERNELS = "kernels"
    PENALTIES = "penalties"
    AUGMENTATIONS = "augmentations"
    ADVERSARIES = "adversaries"
    DATA = "data"
    CLASSES = "classes"
    TRANSFORMS = "transforms"
    VIEWS = "views"


def list_(
    kind: Annotated[
        Kind | None,
        typer.Argument(
            help="List these alone, one on a line, with their settings and defaults; views are the "
            "transforms."
        ),
    ] = None,
) -> None:
    """List what there is to choose from: experiments, models, kernels, penalties and so on."""
    listed = _listed()
    if kind is not None:
        names = listed[Kind.TRANSFORMS if kind == Kind.VIEWS else kind]
        width = max(map(len, names))
        typer.echo("\n".join(f"{name:{width}}  {said}".rstrip() for name, said in names.items()))
        return
    for each, names in listed.items():
        typer.echo(f"{each + ':':15}{', '.join(names)}")


def _listed() -> dict[Kind, Mapping[str, str]]:
    """Give what there is, by kind: name → its settings."""
    from blurnet import data, experiments, filters, models, penalties
    from blurnet.attacks import TRANSFORMS
    from blurnet.defenses.batches import ADVERSARIES, AUGMENTATIONS

    penalty = fields(penalties.Penalty)
    return {
        Kind.EXPERIMENTS: _plain(experiments.shipped()),
        Kind.MODELS: _plain(models.MODELS),
        Kind.KERNELS: _plain(filters.KERNELS),
        Kind.PENALTIES: {
            name: _settings(
                each
                for each in penalty
                if each.name != "name" and (kind.blurred or each.name not in ("kernel", "size"))
            )
            for name, kind in penalties.PENALTIES.items()
        },
        Kind.AUGMENTATIONS: {n: _settings(fields(each)) for n, each in AUGMENTATIONS.items()},
        Kind.ADVERSARIES: {n: _settings(fields(each)) for n, (each, _) in ADVERSARIES.items()},
        Kind.DATA: _plain([data.SYNTHETIC, *(f"{name}:DIR" for name in data.READERS)]),
        Kind.CLASSES: _plain(["all", *data.CLASS_SETS]),
        Kind.TRANSFORMS: {name: _settings(fields(each)) for name, each in TRANSFORMS.items()},
    }


def _plain(names: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(names, "")


def _settings(settings: Iterable[Field[Any]]) -> str:
    """Write settings as a command line takes them, with their defaults."""
    return ", ".join(
        each.name if default is MISSING else f"{each.name}={_value(default)}"
        for each in settings
        if each.init
        for default in [each.default]
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return "null" if value is None else str(value)
