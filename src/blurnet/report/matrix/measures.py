"""The rates that runs of a matrix are compared by."""

from collections.abc import Iterator

from blurnet.report.matrix.words import (
    CERTIFIED,
    CONTROL,
    SUCCESS,
    TEST_ACCURACY,
    WORST,
    MatrixResults,
    name_of,
)
from blurnet.report.measures import Measured
from blurnet.report.words import Measure


def measures(results: MatrixResults) -> Iterator[Measured]:
    """Give each row's rates: clean, in the worst case, under each attack, certified."""
    for row in results.rows:
        rate, name = row.test_accuracy, name_of(row)
        yield Measured("Clean signs", name, TEST_ACCURACY, rate.value, rate, rate.total)
        for scene in row.scenes:
            table = f"{scene.images} images of {scene.true_class}"
            found = [(WORST, scene.worst), (CONTROL, scene.control)]
            found += [
                (Measure(attack.name, SUCCESS.meaning), attack.success) for attack in scene.attacks
            ]
            found += [
                (Measure(f"certified, {each.family}", CERTIFIED.meaning), each.certified)
                for each in scene.masked
            ]
            for measure, rate in found:
                yield Measured(table, name, measure, rate.value, rate, scene.images)
