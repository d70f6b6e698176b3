"""The rates that runs of defenses are compared by."""

from collections.abc import Iterator

from blurnet.evaluation import Rate
from blurnet.experiments.results import AttackedScene
from blurnet.report.defenses.words import (
    ACCURACY,
    CONTROL,
    MEAN,
    REACHED,
    TEST_ACCURACY,
    WORST,
    DefenseResults,
    name_of,
)
from blurnet.report.measures import Measured
from blurnet.report.words import Measure


def measures(results: DefenseResults) -> Iterator[Measured]:
    """Give each row's rates on clean signs, and under each attack on each scene."""
    for row in results.rows:
        rate, name = row.test_accuracy, name_of(row)
        yield Measured("Clean signs", name, TEST_ACCURACY, rate.value, rate, rate.total)
        for attack, scenes in row.attacks.items():
            for scene in scenes:
                table = f"{attack} on {scene.scene}"
                for measure, found in _rates(scene):
                    counted = scene.fooled if measure is MEAN else None
                    yield Measured(table, name, measure, found.value, found, scene.images, counted)


def _rates(scene: AttackedScene) -> Iterator[tuple[Measure, Rate]]:
    yield MEAN, scene.mean
    if scene.targeted:
        yield WORST, scene.worst
    if scene.reached is not None:
        yield REACHED, scene.reached
    yield ACCURACY, scene.accuracy
    yield CONTROL, scene.control
