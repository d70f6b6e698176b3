"""The training loop on signs that are easy to tell apart."""

import pytest
import torch

from blurnet import BlurnetError
from blurnet.data import SignSet
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.training import FitSettings, fit


@pytest.fixture
def signs():
    labels = torch.arange(60) % 3
    images = torch.zeros(60, 3, 32, 32, dtype=torch.uint8)
    images[torch.arange(60), labels] = 200
    return SignSet(images, labels, ("red", "green", "blue"))


def train(signs, seed=0, **settings):
    model, steps = build("lisa_cnn", 3, seed=0), []
    losses = fit(
        model,
        signs,
        settings=FitSettings(**{"epochs": 4, "batch_size": 25} | settings),
        generator=torch.Generator().manual_seed(seed),
        on_step=lambda done, total: steps.append((done, total)),
    )
    return model, losses, steps


def test_learns_and_says_how_far_it_is(signs):
    model, losses, steps = train(signs)
    assert losses[-1] < losses[0]
    assert steps == [(done, 12) for done in range(1, 13)]
    assert not model.training
    assert torch.equal(predict(model, signs.images).classes, signs.labels)


def test_same_seed_same_bits(signs):
    (first, *_), (again, *_), (other, *_) = train(signs), train(signs), train(signs, seed=1)
    assert torch.equal(first.fc.weight, again.fc.weight)
    assert not torch.equal(first.fc.weight, other.fc.weight)


def test_loss_that_is_no_number_stops_with_advice(signs):
    with pytest.raises(BlurnetError, match=r"loss became .* in epoch 1; try a step size below 1e"):
        train(signs, lr=1e30)


def test_wrong_input(signs):
    with pytest.raises(BlurnetError, match="no images"):
        train(signs.select(torch.zeros(60, dtype=torch.bool)))
    with pytest.raises(BlurnetError, match="epochs and batch_size are at least 1"):
        FitSettings(epochs=0)
