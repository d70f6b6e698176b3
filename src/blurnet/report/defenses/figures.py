"""The sections of figures for defenses side by side: curves and kernels."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from blurnet.filters import frequency_response
from blurnet.report.defenses.words import name_of, undefended
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import alpha_curves, kernel_sheet, loss_curves, setting_curves
from blurnet.report.run import Run, Values

Row = Mapping[str, Any]


def curves(run: Run) -> Values:
    """Draw accuracy and success over α and over attacks' settings, and the loss over steps."""
    drawings = [*_over_alpha(run), *_over_settings(run), *_over_steps(run)]
    return {"drawings": drawings}


def has_curves(run: Run) -> bool:
    """Tell whether a run has anything to draw a curve of."""
    return bool(curves(run)["drawings"])


def _over_alpha(run: Run) -> Iterator[Drawing]:
    """For every penalty that the run has several α of."""
    families: dict[str, list[Row]] = {}
    for row in run.results["rows"]:
        if row["alpha"] is not None:
            families.setdefault(row["label"], []).append(row)
    for label, unsorted in families.items():
        family = sorted(unsorted, key=lambda row: row["alpha"])
        plain = undefended(run.results["rows"], family[0]["defense"]["model"])
        for attack in (family[0]["attacks"] or [None]) if len(family) > 1 else ():
            title = label if attack is None else f"{label} ({attack})"
            series = dict(_series(family, attack))
            baseline = (
                {} if plain is None else {k: p[0][1] for k, (_, p) in _series([plain], attack)}
            )
            yield Drawing(
                f"{title} over α",
                f"{title}: accuracy and attack success over α; the figures are in the tables",
                partial(alpha_curves, title, series, baseline),
                "Bands: 95\u00a0% intervals." + " Dotted: without the penalty." * bool(baseline),
            )


def _series(rows: Sequence[Row], attack: str | None) -> Iterator[tuple[str, tuple[str, Any]]]:
    accuracies = [(r["alpha"] or 0, r["test_accuracy"], *r["test_accuracy_interval"]) for r in rows]
    yield "accuracy", ("accuracy", accuracies)
    if attack is None:
        return
    for key, name in (("mean", "mean success"), ("worst", "worst target")):
        rates = [row["attacks"][attack][0][key]["attack_success_rate"] for row in rows]
        points = [
            (row["alpha"] or 0, rate["value"], *rate["interval"])
            for row, rate in zip(rows, rates, strict=True)
        ]
        yield key, (name, points)


def _over_settings(run: Run) -> Iterator[Drawing]:
    """For attacks that differ in one number alone, such as λ or steps."""
    attacks = {name: a["settings"] for name, a in run.results["settings"]["attacks"].items()}
    families: dict[str, dict[str, float]] = {}
    for name, settings in attacks.items():
        for key, value in settings.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                rest = str({k: v for k, v in settings.items() if k != key})
                families.setdefault(f"{key} {rest}", {})[name] = value
    for described, values in families.items():
        if len(values) < 2:
            continue
        key = described.partition(" ")[0]
        series = {
            name_of(row): [
                (value, rate["value"], *rate["interval"])
                for name, value in values.items()
                for rate in [row["attacks"][name][0]["mean"]["attack_success_rate"]]
            ]
            for row in run.results["rows"]
        }
        called = {"lam": "λ"}.get(key, key)
        title = f"Mean success over {called}"
        alt = f"{title}, a curve for each network; the figures are in the tables"
        yield Drawing(title, alt, partial(setting_curves, "mean success", called, series))


def _over_steps(run: Run) -> Iterator[Drawing]:
    """For attacks whose loss was recorded at every step."""
    for attack in run.results["settings"]["attacks"]:
        series = {}
        for row in run.results["rows"]:
            record = run.records[row["attacks"][attack][0]["networks"][0]["cell"]]
            if "loss" in record.tensors:
                series[name_of(row)] = record.tensors["loss"].nanmean(0).tolist()
        if series:
            title = f"Objective of {attack} over steps"
            alt = f"{title}, a curve for each network; first and last values are in the tables"
            caption = "Mean over targets, first seed. Networks' losses are on scales of their own."
            yield Drawing(title, alt, partial(loss_curves, title, series), caption)


def kernels(run: Run) -> Values:
    """Draw learned kernels and their frequency responses."""
    sheets = []
    for row in run.results["rows"]:
        if row["kernels"] is None:
            continue
        judged = row["networks"][0]
        weights = run.records[judged["judge"]].tensors["kernels"]
        name = name_of(row)
        drawing = Drawing(
            f"Kernels of {name}",
            f"{name}: learned kernels above, their frequency responses below",
            partial(kernel_sheet, weights, frequency_response(weights)),
        )
        sheets.append(
            {
                "for": {"Network": name},
                "name": name,
                "drawing": drawing,
                "effects": row["kernels"],
                "seed": judged["seed"],
            }
        )
    return {"sheets": sheets}
