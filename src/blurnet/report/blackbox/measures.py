"""The rates that black-box runs are compared by."""

from collections.abc import Iterator

from blurnet.report.blackbox.rows import TRANSFERS, BlackboxResults
from blurnet.report.measures import Measured
from blurnet.report.words import ACCURACY, ALTERED, CONTROL, REACHED, SUCCESS, TEST_ACCURACY


def measures(results: BlackboxResults) -> Iterator[Measured]:
    """Give each row's rates."""
    for row in results.rows:
        rates = row.rates
        for measure, rate in (
            (SUCCESS, rates.attack_success_rate),
            (ACCURACY, rates.accuracy),
            (ALTERED, rates.prediction_altered_rate),
            (REACHED, rates.target_reached_rate),
            (CONTROL, rates.control_success_rate),
            (TEST_ACCURACY, rates.test_accuracy),
        ):
            if rate is not None:
                where = TRANSFERS.get(row.transfer, row.transfer)
                counted = row.fooled if measure is SUCCESS else None
                yield Measured(where, row.label, measure, rate.value, rate, rate.total, counted)
