"""Rates of a table that follow from one record."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from blurnet.evaluation import Rate, attack_rates, mean_rate, rate, rates_over_targets
from blurnet.evaluation.control import control_from
from blurnet.evaluation.statistics import (
    block_rate,
    mean_of_maxima,
    over_seeds,
    runs_of,
    worst_rate,
)

from .brackets import Bracketed, Covered
from .results import FewTargets, Fooled, TransferRates
from .steps.values import ControlValues, Counted, TransferValues, WhiteboxValues


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
        test_accuracy=None if test is None else counted_rate(test),
        l2_dissimilarity=values.l2_dissimilarity,
    )


def counted_rate(test: Counted) -> Rate:
    """Give a test accuracy, by a block bootstrap where it is known which images are right."""
    if not test.right:
        return rate(torch.arange(test.total) < test.count)
    right = torch.tensor([mark == "1" for mark in test.right])
    tracks = None if test.tracks is None else torch.tensor(test.tracks)
    return block_rate(right, runs_of(right[None], torch.tensor(test.labels), tracks))


def mean_over_seeds(hits: Tensor) -> Rate:
    """Average networks × … × images, with an interval from images and seeds."""
    each = hits.flatten(1, -2) if hits.dim() > 2 else hits[:, None]
    return over_seeds(mean_rate(each.flatten(0, 1)), each.double().mean((1, 2)).tolist())


def fooled_of(scene: str, wrong: Tensor) -> Fooled:
    """Say which images were fooled: bool, networks × targets × images."""
    return Fooled(
        scene=scene,
        tried=wrong.shape[1],
        counts=tuple(" ".join(map(str, row)) for row in wrong.sum(1).tolist()),
    )


def bracket_of(
    scene: str, attacks: Mapping[str, Tensor], found: Sequence[ControlValues]
) -> Bracketed:
    """Put the bracket of a row's networks on one scene together.

    Args:
        scene: what it shows, and where the sticker is.
        attacks: name → whether each view was fooled, at any target, bool, networks × views.
        found: the control and the ceiling, of each network.

    """
    true = found[0].true
    right = torch.tensor([values.clean for values in found]) == true
    stickers = [[*values.random, *values.plain.values()] for values in found]
    held = right & ~(torch.tensor(stickers) != true).any(1)
    for fooled in attacks.values():
        held &= ~fooled
    return Bracketed(
        scene=scene,
        images=right.shape[1],
        accuracy=mean_over_seeds(right),
        attacked=mean_over_seeds(held),
        attacks=tuple(attacks),
        covered=covered_of(found),
    )


def covered_of(found: Sequence[ControlValues]) -> Covered:
    """Put together what covering one place does to a row's networks."""
    true = found[0].true
    controls = [
        control_from(
            torch.tensor(values.random),
            {name: torch.tensor(answers) for name, answers in values.plain.items()},
            true,
        )
        for values in found
    ]
    wrong = torch.tensor([values.random for values in found]) != true
    plain = {
        name: torch.tensor([values.plain[name] for values in found]) != true
        for name in found[0].plain
    }
    every = torch.cat([wrong, *(row[:, None] for row in plain.values())], 1)
    filled = torch.tensor([list(values.fills.values()) for values in found]) == true
    best = [int(row.sum(1).argmax()) for row in filled]
    names = list(found[0].fills)
    ceilings = torch.stack([row[place] for row, place in zip(filled, best, strict=True)])
    return Covered(
        accuracy=mean_over_seeds(torch.tensor([values.clean for values in found]) == true),
        control=mean_over_seeds(wrong),
        strongest=mean_of_maxima(
            [each.strongest for each in controls if each.strongest is not None]
        ),
        strongest_by=tuple(dict.fromkeys(each.strongest_by for each in controls)),
        any_sticker=mean_over_seeds(every.any(1)),
        plain={name: mean_over_seeds(row) for name, row in plain.items()},
        ceiling=mean_over_seeds(ceilings),
        fills=tuple(dict.fromkeys(names[place] for place in best)),
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
