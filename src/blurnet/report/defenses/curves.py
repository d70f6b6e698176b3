"""The curves of defenses: over a penalty's α, over attacks' settings, and losses over steps."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import partial

from blurnet.evaluation import Rate
from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import AttackedScene, DefenseRow
from blurnet.experiments.steps.values import WhiteboxValues
from blurnet.report.defenses.words import name_of, undefended
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import (
    Curve,
    Point,
    alpha_curves,
    loss_curves,
    setting_curves,
)
from blurnet.report.run import Run
from blurnet.report.words import counted

CHANGES_NOTHING = {"piece"}
"""Settings of RP2 that no curve is drawn over."""


def curves(run: Run[Defenses, DefenseRow]) -> Iterator[Drawing]:
    """Draw accuracy and success over α and over attacks' settings, and the loss over steps."""
    yield from _over_alpha(run.results.rows)
    yield from _over_settings(run.results.settings, run.results.rows)
    yield from _over_area(run.results.rows)
    yield from _over_steps(run)


def _over_area(rows: Sequence[DefenseRow]) -> Iterator[Drawing]:
    """For scenes of one class and kind of place that differ in the sticker's area alone."""
    for attack, scenes in rows[0].attacks.items():
        families: dict[tuple[str, str], list[int]] = {}
        for place, scene in enumerate(scenes):
            if scene.place and scene.image_pixels:
                kind = scene.place.partition(",")[0]
                families.setdefault((scene.true_class, kind), []).append(place)
        for (true_class, kind), places in families.items():
            if len(places) < 2:
                continue
            drawn = [
                Curve(
                    name_of(row),
                    tuple(
                        _point(100 * its.pixels / its.image_pixels, its.any_target)
                        for its in (row.attacks.get(attack, ())[place] for place in places)
                    ),
                )
                for row in rows
            ]
            title = f"{attack} on {true_class}, {kind}: success over area"
            alt = f"{title}, a curve for each network; the figures are in the tables"
            draw = partial(setting_curves, title, "area in % of the image", drawn)
            yield Drawing(title, alt, draw, "Views that some target's sticker fools.")


def _over_alpha(rows: Sequence[DefenseRow]) -> Iterator[Drawing]:
    """For every penalty that the run has several α of; over all seeds, or a point is left out."""
    rows = [row for row in rows if not row.seeds_lacking]
    families: dict[str, list[DefenseRow]] = {}
    for row in rows:
        if row.alpha is not None:
            epochs = "" if row.epochs is None else f", {counted(row.epochs, 'epoch')}"
            families.setdefault(f"{row.label}{epochs}", []).append(row)
    for label, unsorted in families.items():
        family = sorted(unsorted, key=lambda row: row.alpha or 0)
        if len(family) < 2:
            continue
        plain = undefended(rows, family[0].model, family[0].epochs)
        for attack in family[0].attacks or [None]:
            title = label if attack is None else f"{label} ({attack})"
            yield Drawing(
                f"{title} over α",
                f"{title}: accuracy and attack success over α; the figures are in the tables",
                partial(alpha_curves, title, _alpha_curves(family, plain, attack)),
                "Bands: 95\u00a0% intervals." + " Dotted: without the penalty." * bool(plain),
            )


def _alpha_curves(
    family: Sequence[DefenseRow], plain: DefenseRow | None, attack: str | None
) -> dict[str, Curve]:
    def accuracy(row: DefenseRow) -> Rate:
        return row.test_accuracy

    def mean(row: DefenseRow) -> Rate:
        return _first(row, str(attack)).mean

    def worst(row: DefenseRow) -> Rate:
        return _first(row, str(attack)).worst

    read = {"accuracy": ("accuracy", accuracy)}
    if attack is not None:
        read |= {"mean": ("mean success", mean), "worst": ("worst target", worst)}
    return {
        key: Curve(
            name,
            tuple(_point(row.alpha or 0, rate_of(row)) for row in family),
            None if plain is None else rate_of(plain).value,
        )
        for key, (name, rate_of) in read.items()
    }


def _over_settings(settings: Defenses, rows: Sequence[DefenseRow]) -> Iterator[Drawing]:
    """For attacks that differ in one number alone, such as λ or steps."""
    families: dict[tuple[str, str], dict[str, float]] = {}
    for name, attack in settings.attacks.items():
        numbers = {
            each.name: getattr(attack.settings, each.name) for each in fields(attack.settings)
        }
        more = attack.model_dump(exclude={"settings", "others"})
        for key, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if key not in CHANGES_NOTHING:
                rest = {other: told for other, told in numbers.items() if other != key}
                families.setdefault((key, f"{rest} {more}"), {})[name] = value
    for (key, _), values in families.items():
        if len(values) < 2:
            continue
        drawn = [
            Curve(
                name_of(row),
                tuple(_point(value, _first(row, name).mean) for name, value in values.items()),
            )
            for row in rows
        ]
        called = {"lam": "λ"}.get(key, key)
        title = f"Mean success over {called}"
        alt = f"{title}, a curve for each network; the figures are in the tables"
        yield Drawing(title, alt, partial(setting_curves, "mean success", called, drawn))


def _over_steps(run: Run[Defenses, DefenseRow]) -> Iterator[Drawing]:
    """For attacks whose loss was recorded at every step."""
    for attack in run.results.rows[0].attacks:
        series = {}
        for row in run.results.rows:
            found = run.read(_first(row, attack).networks[0].step, WhiteboxValues)
            loss = found.tensors.get("loss")
            if loss is not None:
                series[name_of(row)] = loss.nanmean(0).tolist()
        if series:
            title = f"Objective of {attack} over steps"
            alt = f"{title}, a curve for each network; first and last values are in the tables"
            caption = "Mean over targets, first seed. Networks' losses are on scales of their own."
            yield Drawing(title, alt, partial(loss_curves, title, series), caption)


def _first(row: DefenseRow, attack: str) -> AttackedScene:
    return row.attacks.get(attack, ())[0]


def _point(x: float, rate: Rate) -> Point:
    return Point(x, rate.value, rate.low, rate.high)
