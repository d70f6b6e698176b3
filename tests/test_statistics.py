"""Pairs, blocks, seeds and maxima: against scipy, planted effects, and by how often they cover."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, fisher_exact, norm

from blurnet import BlurnetError
from blurnet.evaluation import mean_rate, rate
from blurnet.evaluation.statistics import (
    block_rate,
    detectable_pairs,
    detectable_rate,
    difference,
    fewest_settled,
    over_seeds,
    paired,
    power_apart,
    power_pairs,
    runs_of,
    worst_rate,
)


def marks(text):
    return torch.tensor([mark == "1" for mark in text])


def covers(rate, truth):
    return rate.low - 1e-9 <= truth <= rate.high + 1e-9


def test_mcnemar_is_the_binomial_test_of_the_images_that_differ():
    found = paired(marks("1111110001"), marks("1000001101"))
    assert (found.both, found.first, found.second, found.neither) == (2, 5, 2, 1)
    assert found.p == binomtest(5, 7, 0.5).pvalue
    assert paired(marks("1010"), marks("1010")).p == 1


def test_ten_photographs_against_none_are_settled():
    none, ten = torch.zeros(40, dtype=torch.bool), torch.arange(40) < 10
    assert paired(ten, none).p == pytest.approx(2 / 2**10)
    assert paired(ten, none).settled
    assert rate(ten).low < rate(none).high + 0.06, "by their intervals one could hardly tell"
    assert not paired(torch.arange(40) < 5, none).settled
    assert difference(ten[None], none[None]).settled


def test_pairs_need_the_same_images():
    with pytest.raises(BlurnetError, match="one answer of each network"):
        paired(marks("101"), marks("10"))


def test_a_chance_difference_is_seldom_settled():
    draw = torch.Generator().manual_seed(0)
    settled = [
        paired(torch.rand(40, generator=draw) < 0.3, torch.rand(40, generator=draw) < 0.3).settled
        for _ in range(400)
    ]
    assert np.mean(settled) <= 0.06


def test_a_difference_over_seeds_covers_the_true_one():
    draw = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        image, seeds = draw.normal(0, 1.5, 40), 5
        cut = [[norm.ppf(0.5), norm.ppf(0.3)] for _ in range(seeds)]
        move = draw.normal(0, 0.3, (seeds, 2))
        first, second = (
            torch.tensor(
                np.stack(
                    [
                        image + draw.normal(0, 1, 40)
                        < np.hypot(1.5, 1) * cut[s][which] + move[s, which]
                        for s in range(seeds)
                    ]
                )
            )
            for which in (0, 1)
        )
        found = difference(first, second)
        wide = np.sqrt(1.5**2 + 1 + 0.3**2)
        base = np.hypot(1.5, 1)
        truth = norm.cdf(base * cut[0][1] / wide) - norm.cdf(base * cut[0][0] / wide)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) >= 0.94


def test_what_so_many_images_can_show():
    assert fewest_settled() == 6
    assert power_pairs(40, 0.15) == pytest.approx(binom_tail(40, 0.15, 6), abs=1e-9)
    assert power_pairs(40, 0.15) < 0.8, "5 % is not told from 20 % by 40 pairs at their best"
    assert power_apart(40, 0.05, 0.2) < 0.5, "and less by 40 images of each"
    assert binom_tail(40, detectable_pairs(40), 6) == pytest.approx(0.8, abs=1e-3)
    assert detectable_pairs(40, other=0.05) > detectable_pairs(40)
    assert detectable_pairs(1000) < 0.01
    assert detectable_pairs(5) is None
    assert detectable_rate(40, 0.05) == pytest.approx(0.162, abs=1e-3)


def binom_tail(images, share, least):
    from scipy.stats import binom

    return binom.sf(least - 1, images, share)


def test_power_of_rates_on_other_images_by_fishers_own_test():
    draw = np.random.default_rng(0)
    one, other = draw.binomial(12, 0.2, 1500), draw.binomial(12, 0.8, 1500)
    settled = [
        fisher_exact([[a, 12 - a], [b, 12 - b]]).pvalue < 0.05
        for a, b in zip(one, other, strict=True)
    ]
    assert power_apart(12, 0.2, 0.8) == pytest.approx(np.mean(settled), abs=0.04)


def frames(draw, runs, per_run, share, together):
    """Images in runs: with chance ``together`` an image is right where its run is."""
    of_run = draw.random(runs) < share
    own = draw.random((runs, per_run)) < share
    follows = draw.random((runs, per_run)) < together
    return torch.tensor(np.where(follows, of_run[:, None], own).reshape(-1))


@pytest.mark.parametrize(("known", "least"), [(True, 0.94), (False, 0.9)])
def test_a_block_bootstrap_covers_where_wilson_does_not(known, least):
    draw = np.random.default_rng(2)
    labels = torch.arange(8).repeat_interleave(75)
    tracks = torch.arange(60).repeat_interleave(10)
    covered, plain = [], []
    for _ in range(150):
        right = frames(draw, 60, 10, 0.87, 0.75)
        runs = runs_of(right[None], labels, tracks if known else None)
        covered.append(covers(block_rate(right, runs), 0.87))
        plain.append(covers(rate(right), 0.87))
    assert np.mean(covered) >= least
    assert np.mean(plain) < 0.8


def test_images_that_do_not_hang_together_are_counted_singly():
    draw = np.random.default_rng(3)
    labels = torch.arange(8).repeat_interleave(75)
    singly = [
        runs_of(torch.tensor(draw.random((1, 600)) < 0.85), labels) is None for _ in range(100)
    ]
    assert np.mean(singly) > 0.95
    right = torch.tensor(draw.random(600) < 0.85)
    assert block_rate(right, None) == rate(right)


def test_runs_never_make_an_interval_narrower():
    draw = np.random.default_rng(4)
    right = torch.tensor(draw.random(100) < 0.9)
    found = block_rate(
        right, runs_of(right[None], torch.zeros(100, dtype=torch.int64), torch.arange(100))
    )
    assert found.low <= rate(right).low
    assert found.high >= rate(right).high
    every = torch.ones(100, dtype=torch.bool)
    runs = runs_of(every[None], torch.zeros(100, dtype=torch.int64), torch.arange(100) // 20)
    assert block_rate(every, runs).low < 0.6, "five tracks, all right, are five"


def test_runs_that_are_all_alike_divide_by_no_zero():
    half = torch.arange(100) % 2 == 0
    runs = runs_of(half[None], torch.zeros(100, dtype=torch.int64), torch.arange(100) // 20)
    found = block_rate(half, runs)
    assert found.value == 0.5
    assert found.low <= rate(half).low


def test_a_mean_over_seeds_covers_new_seeds_and_new_images():
    draw = np.random.default_rng(5)
    covered, images_alone = [], []
    for _ in range(400):
        move, image = draw.normal(0, 0.5, 5), draw.normal(0, 1, 40)
        z = move[:, None] + image + draw.normal(0, 1, (5, 40))
        hits = torch.tensor(z > 0.5)
        truth = norm.sf(0.5 / np.sqrt(2.25))
        plain = mean_rate(hits)
        covered.append(covers(over_seeds(plain, hits.double().mean(1).tolist()), truth))
        images_alone.append(covers(plain, truth))
    assert np.mean(covered) >= 0.94
    assert np.mean(images_alone) < np.mean(covered)
    one = mean_rate(hits[:1])
    assert over_seeds(one, [one.value]) == one


@pytest.mark.parametrize("together", [0.0, 0.9])
def test_the_worst_targets_interval_knows_that_it_is_a_maximum(together):
    draw = np.random.default_rng(6)
    shares = np.full(17, 0.4)
    known, naive = [], []
    for _ in range(400):
        common = draw.normal(size=40) * np.sqrt(together)
        z = common + draw.normal(size=(17, 40)) * np.sqrt(1 - together)
        hits = torch.tensor(z < norm.ppf(shares)[:, None])
        found = worst_rate(hits)
        worst = hits[int(hits.sum(1).argmax())]
        known.append(covers(found, 0.4))
        naive.append(covers(rate(worst), 0.4))
    assert np.mean(known) >= 0.94
    if not together:
        assert np.mean(naive) < 0.9, "what it is for"


def test_the_worst_target_counts_what_each_target_attacked():
    hits = torch.tensor([[True, True, False, False], [True, True, True, False]])
    counted = torch.tensor([[True, True, False, False], [True, True, True, True]])
    found = worst_rate(hits, counted)
    assert (found.value, found.count, found.total) == (1, 2, 2)
    assert worst_rate(hits[:1]) == rate(hits[0]), "one is no maximum"
