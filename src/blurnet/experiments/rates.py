"""Rates of a table that follow from one record."""

import torch

from blurnet.evaluation import attack_rates, mean_rate, rate, rates_over_targets
from blurnet.evaluation.statistics import worst_rate

from .results import FewTargets, TransferRates
from .steps.values import TransferValues, WhiteboxValues


def transfer_rates(values: TransferValues) -> TransferRates:
    """Count a network's answers under a sticker that was carried over to it."""
    rates = attack_rates(
        torch.tensor(values.clean.classes),
        torch.tensor(values.attacked.classes),
        values.true,
        values.target,
    )
    assert rates.target_reached_rate is not None
    test = values.test
    return TransferRates(
        accuracy=rates.accuracy,
        attack_success_rate=rates.attack_success_rate,
        prediction_altered_rate=rates.prediction_altered_rate,
        target_reached_rate=rates.target_reached_rate,
        control_success_rate=mean_rate(torch.tensor(values.control) != values.true),
        test_accuracy=None if test is None else rate(torch.arange(test.total) < test.count),
        l2_dissimilarity=values.l2_dissimilarity,
    )


def few_targets(values: WhiteboxValues) -> FewTargets:
    """Count a network's answers under a white-box attack at a few targets."""
    clean, attacked = torch.tensor(values.clean.classes), torch.tensor(values.attacked)
    rates = rates_over_targets(clean, attacked, values.true, values.targets)
    each = {
        values.classes[target]: rates.targets[target].attack_success_rate.value
        for target in values.targets
    }
    return FewTargets(
        mean=rates.mean.attack_success_rate,
        worst=worst_rate(attacked != values.true),
        worst_target=values.classes[values.worst_target],
        targets=each,
    )
