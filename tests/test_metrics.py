"""Metrics on predictions made by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blurnet import BlurnetError
from blurnet.evaluation import attack_rates, l2_dissimilarity, predict, rate, rates_over_targets
from blurnet.models import build


def test_the_three_rates_are_different_things():
    true, target = 1, 2
    clean = torch.tensor([1, 1, 1, 0, 0])
    attacked = torch.tensor([1, 2, 0, 0, 2])
    rates = attack_rates(clean, attacked, true, target)
    assert rates.accuracy.value == 3 / 5
    assert rates.attack_success_rate.value == 4 / 5
    assert rates.prediction_altered_rate.value == 3 / 5
    assert rates.target_reached_rate.value == 2 / 5


@given(st.integers(1, 300), st.data())
def test_interval_is_wilsons(total, data):
    count = data.draw(st.integers(0, total))
    found = rate(torch.arange(total) < count)
    z, p = 1.959963984540054, count / total
    middle = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(p * (1 - p) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    assert found.value == p
    assert found.low == pytest.approx(max(middle - half, 0), abs=1e-9)
    assert found.high == pytest.approx(min(middle + half, 1), abs=1e-9)
    assert (found.count, found.total) == (count, total)


def test_over_targets_gives_mean_and_worst():
    clean = torch.tensor([0, 0, 0, 0])
    attacked = torch.tensor([[1, 0, 0, 0], [2, 2, 2, 0], [0, 0, 0, 0]])
    found = rates_over_targets(clean, attacked, 0, [1, 2, 3])
    assert found.mean.attack_success_rate.value == pytest.approx(4 / 12)
    assert found.mean.attack_success_rate.total == 4
    assert found.worst_target == 2
    assert found.worst.attack_success_rate.value == 3 / 4
    assert found.targets[1].target_reached_rate.value == 1 / 4
    one = rates_over_targets(clean, attacked[1:2], 0, [2])
    assert one.mean == one.worst == attack_rates(clean, attacked[1], 0, 2)


def test_l2_dissimilarity_by_hand():
    images = torch.zeros(2, 1, 1, 2)
    images[0, 0, 0] = torch.tensor([0.3, 0.0])
    images[1, 0, 0] = torch.tensor([0.0, 0.8])
    attacked = torch.zeros(2, 1, 1, 2)
    attacked[0, 0, 0] = torch.tensor([0.3, 0.4])
    attacked[1, 0, 0] = torch.tensor([0.6, 0.8])
    assert l2_dissimilarity(images, attacked) == pytest.approx((0.4 / 0.5 + 0.6 / 1) / 2)
    assert l2_dissimilarity(images, images) == 0
    assert l2_dissimilarity(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)) == 0
    assert l2_dissimilarity(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)) == math.inf


def test_wrong_input():
    with pytest.raises(BlurnetError, match="at least one image"):
        rate(torch.zeros(0, dtype=torch.bool))
    with pytest.raises(BlurnetError, match="one clean prediction"):
        attack_rates(torch.zeros(3), torch.zeros(2), 0, 1)
    with pytest.raises(BlurnetError, match="targets × images, 2 × 3"):
        rates_over_targets(torch.zeros(3), torch.zeros(3), 0, [1, 2])
    with pytest.raises(BlurnetError, match="one attacked image for each image"):
        l2_dissimilarity(torch.zeros(1, 3, 2, 2), torch.zeros(2, 3, 2, 2))


def test_predict_gives_class_and_confidence_and_leaves_the_mode():
    model = build("small_resnet", 5, seed=0).train()
    bytes_ = torch.randint(0, 256, (7, 3, 32, 32)).to(torch.uint8)
    answers = predict(model, bytes_, piece=3)
    probabilities = model.eval()(bytes_.float() / 255).softmax(1)
    torch.testing.assert_close(answers.confidence, probabilities.max(1).values.detach())
    assert torch.equal(answers.classes, probabilities.argmax(1))
    assert predict(model.train(), bytes_[:0]).classes.shape == (0,)
    assert model.training


def test_an_image_of_the_targets_own_class_counts_as_not_attacked():
    labels, clean = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 2])
    attacked = torch.tensor([[1, 1, 2, 1], [0, 0, 1, 2]])
    found = rates_over_targets(clean, attacked, labels, [1, 0])
    at_one, at_zero = found.targets[1], found.targets[0]
    assert (at_one.attack_success_rate.count, at_one.attack_success_rate.total) == (2, 2)
    assert (at_one.target_reached_rate.count, at_one.target_reached_rate.total) == (2, 2)
    assert (at_zero.attack_success_rate.count, at_zero.attack_success_rate.total) == (1, 3)
    assert found.mean.attack_success_rate.value == 3 / 5
    assert found.mean.attack_success_rate.total == 4
    assert found.worst_target == 1
    assert (found.any_target.count, found.any_target.total) == (3, 4)
    alone = attack_rates(clean, attacked[0], labels, 1)
    assert alone == at_one


def test_untargeted_has_no_target_to_reach():
    labels, clean = torch.tensor([0, 1]), torch.tensor([0, 1])
    found = rates_over_targets(clean, torch.tensor([[1, 1]]), labels, [None])
    assert found.mean.target_reached_rate is None
    assert found.worst_target is None
    assert found.mean.attack_success_rate.count == 1
    with pytest.raises(BlurnetError, match="at least one image"):
        attack_rates(clean[:1], clean[:1], labels[:1], 0)
