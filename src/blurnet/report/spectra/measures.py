"""The rates and shares that runs of spectra are compared by."""

from collections.abc import Iterator
from dataclasses import dataclass

from blurnet.experiments.results import Interval
from blurnet.report.measures import Measured
from blurnet.report.spectra.words import SHARE, WHITEBOX, SpectraResults, groups, views_of
from blurnet.report.words import ACCURACY, CONTROL, REACHED, SUCCESS, TEST_ACCURACY, Measure


@dataclass(frozen=True)
class Limits:
    """An interval's ends."""

    low: float
    high: float


def measures(results: SpectraResults) -> Iterator[Measured]:
    """Give each row's rates, and each layer's share of high frequencies."""
    for group, rows in groups(results).items():
        for row in rows:
            rates = row.rates
            for measure, rate in (
                (SUCCESS, rates.attack_success_rate),
                (ACCURACY, rates.accuracy),
                (REACHED, rates.target_reached_rate),
                (CONTROL, rates.control_success_rate),
                (TEST_ACCURACY, rates.test_accuracy),
                (WHITEBOX, None if row.whitebox is None else row.whitebox.mean),
            ):
                if rate is not None:
                    yield Measured(group, row.label, measure, rate.value, rate, rate.total)
            for layer, found in row.layers.items():
                for state, share in (("clean", found.clean), ("attacked", found.attacked)):
                    measure = Measure(f"high frequencies in {layer}, {state}", SHARE.meaning)
                    limits = _limits(share)
                    if share.mean is not None and limits is not None:
                        views = views_of(row)
                        yield Measured(group, row.label, measure, share.mean, limits, views)


def _limits(interval: Interval) -> Limits | None:
    if interval.low is None or interval.high is None:
        return None
    return Limits(interval.low, interval.high)
