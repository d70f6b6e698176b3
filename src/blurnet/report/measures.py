"""The figures of results that runs are compared by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from blurnet.report.defenses.words import ATTACK_MEASURES, CLEAN_MEASURES, name_of
from blurnet.report.spectra.words import RATES, SHARE_MEASURES, groups
from blurnet.report.words import MEASURES, TRANSFERS, Measure

Results = Mapping[str, Any]


class Measured(NamedTuple):
    """One rate of one row; runs are compared where table, row and measure are called the same.

    Args:
        table: what the row's table is about.
        row: the row's name.
        measure: what was measured, and what that means; the table's leading one comes first.
        value: in [0, 1].
        interval: its lower and upper limit.
        images: how many images it was measured on.

    """

    table: str
    row: str
    measure: Measure
    value: float
    interval: Sequence[float]
    images: int


def no_measures(_results: Results) -> Iterable[Measured]:
    """Give nothing to compare."""
    return ()


def blackbox_measures(results: Results) -> Iterator[Measured]:
    """Give the rates of black-box rows."""
    order = ["attack_success_rate", *(key for key in MEASURES if key != "attack_success_rate")]
    for row in results["rows"]:
        for key in order:
            limits = row["intervals"][key]
            table, measure = TRANSFERS[row["transfer"]], MEASURES[key]
            yield Measured(table, row["label"], measure, row[key], limits, row["images"])


def defense_measures(results: Results) -> Iterator[Measured]:
    """Give the rates of defenses: on clean signs, and under each attack on each scene."""
    for row in results["rows"]:
        accuracy = CLEAN_MEASURES["test_accuracy"]
        limits, images = row["test_accuracy_interval"], row["test_images"]
        yield Measured("Clean signs", name_of(row), accuracy, row["test_accuracy"], limits, images)
        for attack, scenes in row["attacks"].items():
            for scene in scenes:
                table = f"{attack} on {scene['true_class']}"
                for key, rate in _attacked(scene).items():
                    if rate is not None:
                        found = (rate["value"], rate["interval"], scene["images"])
                        yield Measured(table, name_of(row), ATTACK_MEASURES[key], *found)


def _attacked(scene: Results) -> dict[str, Any]:
    accuracy = {"value": scene["accuracy"], "interval": scene["accuracy_interval"]}
    return {
        "mean": scene["mean"]["attack_success_rate"],
        "worst": scene["worst"]["attack_success_rate"] if scene["targets_tried"] else None,
        "reached": scene["mean"]["target_reached_rate"],
        "accuracy": accuracy,
        "control": scene["control_success_rate"],
    }


def spectra_measures(results: Results) -> Iterator[Measured]:
    """Give the rates of spectra's rows, and each layer's share of high frequencies."""
    share = SHARE_MEASURES["share"].meaning
    for group, rows in groups(results["rows"], results["settings"]).items():
        for row in rows:
            label, views = row["label"], row["images"]
            for key in (key for key in RATES if key in row["intervals"]):
                images = row["test_images"] if key == "test_accuracy" else views
                yield Measured(group, label, RATES[key], row[key], row["intervals"][key], images)
            for layer, shares in row["layers"].items():
                for state in ("clean", "attacked"):
                    mean, *limits = (shares[state][bound] for bound in ("mean", "low", "high"))
                    if None not in (mean, *limits):
                        measure = Measure(f"high frequencies in {layer}, {state}", share)
                        yield Measured(group, label, measure, mean, limits, views)
