"""A run's rows as a table of pandas: a line for each measured number."""

from collections.abc import Iterator
from functools import singledispatch
from typing import TYPE_CHECKING

from pydantic import BaseModel

from blurnet.errors import BlurnetError
from blurnet.evaluation.effects import KernelEffects
from blurnet.frames import About, Line, frame_of, measured

from .brackets import Bracketed
from .results import (
    AnyResults,
    AttackedScene,
    BlackboxRow,
    DefenseRow,
    LayerSpectra,
    MatrixRow,
    SpectraRow,
    TransferRates,
)

if TYPE_CHECKING:
    import pandas as pd


def frame(results: AnyResults) -> "pd.DataFrame":
    """Lay out a run's rows; see ``Results.frame``."""
    about = {"experiment": results.experiment}
    return frame_of(line for row in results.rows for line in _lines(row, about))


@singledispatch
def _lines(row: BaseModel, _about: About) -> Iterator[Line]:
    raise BlurnetError(f"{type(row).__name__}: rows of this kind have no frame")


@_lines.register
def _(row: BlackboxRow, about: About) -> Iterator[Line]:
    about = {**about, "label": row.label, "transfer": row.transfer}
    yield from _rates(about, row.rates)
    if row.bracket is not None:
        yield from _bracket(about, row.bracket)


@_lines.register
def _(row: DefenseRow, about: About) -> Iterator[Line]:
    about = {
        **about,
        "label": row.label,
        "model": row.model,
        "alpha": row.alpha,
        "epochs": row.epochs,
        "warm_start": row.warm_start,
        "seeds": len(row.networks),
        "seeds_lacking": row.seeds_lacking,
    }
    yield from measured(
        about,
        test_accuracy=row.test_accuracy,
        called_true_class=row.called_true_class,
        total_variation=row.maps.total_variation,
        relative_variation=row.maps.relative_variation,
    )
    yield from _kernels(about, row.kernels)
    for name, rate in row.class_accuracy.items():
        yield from measured({**about, "class": name}, class_accuracy=rate)
    for each in row.networks:
        yield from measured({**about, "seed": each.seed}, test_accuracy=each.test_accuracy)
    for bracket in row.brackets:
        yield from _bracket({**about, "scene": bracket.scene}, bracket)
    for attack, scenes in row.attacks.items():
        for scene in scenes:
            under = {**about, "attack": attack, "scene": scene.scene}
            yield from _scene(under, scene, [each.seed for each in row.networks])


def _scene(about: About, scene: AttackedScene, seeds: list[int]) -> Iterator[Line]:
    yield from measured(
        about,
        accuracy=scene.accuracy,
        mean=scene.mean,
        worst=scene.worst,
        any_target=scene.any_target,
        reached=scene.reached,
        altered=scene.altered,
        control=scene.control,
        l2_dissimilarity=scene.l2_dissimilarity,
        loss_first=scene.loss_first,
        loss_last=scene.loss_last,
    )
    for target, rates in scene.targets.items():
        yield from measured({**about, "target": target}, **vars(rates))
    for seed, each in zip(seeds, scene.networks, strict=True):
        yield from measured({**about, "seed": seed}, mean=each.mean, worst=each.worst)


@_lines.register
def _(row: MatrixRow, about: About) -> Iterator[Line]:
    about = {
        **about,
        "label": row.label,
        "model": row.model,
        "alpha": row.alpha,
        "epochs": row.epochs,
        "warm_start": row.warm_start,
        "seeds": len(row.networks),
        "seeds_lacking": row.seeds_lacking,
    }
    yield from measured(about, test_accuracy=row.test_accuracy)
    for each in row.networks:
        yield from measured({**about, "seed": each.seed}, test_accuracy=each.test_accuracy)
    for scene in row.scenes:
        here = {**about, "scene": scene.true_class}
        yield from measured(
            here,
            accuracy=scene.accuracy,
            control=scene.control,
            ceiling=scene.ceiling,
            worst=scene.worst,
        )
        for attack in scene.attacks:
            under = {**here, "attack": attack.name}
            yield from measured(under, success=attack.success, struck=attack.struck)
        for masked in scene.masked:
            yield from measured(
                {**here, "family": masked.family},
                masked_accuracy=masked.accuracy,
                certified=masked.certified,
                attacked=masked.attacked,
            )
        for network, found in zip(row.networks, scene.networks, strict=True):
            yield from measured({**here, "seed": network.seed}, worst=found.worst)


@_lines.register
def _(row: SpectraRow, about: About) -> Iterator[Line]:
    about = {
        **about,
        "label": row.label,
        "trained": row.trained,
        "layer": row.layer,
        "attacker": row.attacker,
    }
    yield from _rates(about, row.rates)
    yield from _kernels(about, row.kernels)
    for layer, found in row.layers.items():
        yield from _layer({**about, "measured_layer": layer}, found)
    if row.whitebox is not None:
        yield from measured({**about, "attack": "whitebox"}, mean=row.whitebox.mean)
        worst = {**about, "attack": "whitebox", "target": row.whitebox.worst_target}
        yield from measured(worst, worst=row.whitebox.worst)
        for target, success in row.whitebox.targets.items():
            each = {**about, "attack": "whitebox", "target": target}
            yield from measured(each, attack_success_rate=success)


def _layer(about: About, found: LayerSpectra) -> Iterator[Line]:
    shares = {name: each for name, each in vars(found).items() if hasattr(each, "mean")}
    yield from measured(about, **shares)
    for ring in found.rings or ():
        over = {"over_clean": ring.over_clean, "over_control": ring.over_control}
        yield from measured({**about, "frequency": ring.frequency}, **over)
    for raised in found.raised:
        yield from measured(
            {**about, "state": raised.state, "maps": raised.maps},
            raised=raised.raised,
            ratio=raised.ratio,
        )


def _bracket(about: About, found: Bracketed) -> Iterator[Line]:
    """Give the ends of a bracket, and what covering alone does."""
    ends = {"attacked": found.attacked, "certified": found.certified}
    yield from measured(about, **{f"bracket.{name}": each for name, each in ends.items()})
    if (covered := found.covered) is not None:
        names = ("control", "strongest", "any_sticker", "ceiling")
        yield from measured(about, **{f"covered.{name}": getattr(covered, name) for name in names})
        for color, rate in covered.plain.items():
            yield from measured(about, **{f"covered.{color}": rate})


def _rates(about: About, rates: TransferRates) -> Iterator[Line]:
    yield from measured(about, **vars(rates))


def _kernels(about: About, found: KernelEffects | None) -> Iterator[Line]:
    if found is not None:
        yield from measured(about, **{f"kernels.{name}": n for name, n in vars(found).items()})
