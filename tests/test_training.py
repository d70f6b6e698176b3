"""The training loop on signs that are easy to tell apart."""

import pytest
import torch

from blurnet import BlurnetError
from blurnet.data import ImageSet
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.penalties import Penalty, penalty_values
from blurnet.training import FitSettings, fit


@pytest.fixture
def signs():
    labels = torch.arange(60) % 3
    images = torch.zeros(60, 3, 32, 32, dtype=torch.uint8)
    images[torch.arange(60), labels] = 200
    return ImageSet(images, labels, ("red", "green", "blue"))


def train(signs, seed=0, **settings):
    model, steps = build("lisa_cnn", 3, seed=0), []
    history = fit(
        model,
        signs,
        settings=FitSettings(**{"epochs": 4, "batch_size": 25} | settings),
        generator=torch.Generator().manual_seed(seed),
        on_step=lambda done, total: steps.append((done, total)),
    )
    return model, history.losses, steps


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
    with pytest.raises(BlurnetError, match="no optimizer 'lion'; there are: adam, sgd"):
        FitSettings(optimizer="lion")
    with pytest.raises(BlurnetError, match="warmup is at least 0 and below 1; found 1"):
        FitSettings(warmup=1)
    with pytest.raises(BlurnetError, match="patience needs validation"):
        train(signs, patience=2)


def test_step_size_rises_and_falls():
    settings = FitSettings(lr=1.0, warmup=0.1)
    sizes = [settings.lr_at(step, 100) for step in range(100)]
    assert max(sizes) == sizes[10] == 1
    assert sizes[:10] == sorted(sizes[:10])
    assert sizes[10:] == sorted(sizes[10:], reverse=True)
    assert FitSettings(lr=1.0).lr_at(50, 100) == pytest.approx(0.5)


def test_sgd_learns_too(signs):
    _model, losses, _ = train(signs, optimizer="sgd", lr=0.05, epochs=8, weight_decay=1e-4)
    assert losses[-1] < losses[0]


def fit_with(signs, **more):
    model = build("lisa_cnn", 3, seed=0)
    settings = more.pop("settings", FitSettings(epochs=1, batch_size=30))
    history = fit(
        model, signs, settings=settings, generator=torch.Generator().manual_seed(0), **more
    )
    return model, history


def test_early_stopping_keeps_the_best_weights(signs):
    wrong = ImageSet(signs.images, (signs.labels + 1) % 3, signs.classes)
    settings = FitSettings(epochs=20, batch_size=30, patience=2)
    model, history = fit_with(signs, settings=settings, validation=wrong)
    assert len(history.losses) == len(history.validation) == history.best_epoch + 2 < 20
    accuracy = float((predict(model, wrong.images).classes == wrong.labels).float().mean())
    assert accuracy == pytest.approx(max(history.validation))


def test_a_penalty_lowers_what_it_penalises(signs):
    smooth = Penalty("total_variation", 0.1, ("conv1",))
    settings = FitSettings(epochs=3, batch_size=30)
    plain, _ = fit_with(signs, settings=settings)
    smoothed, _ = fit_with(signs, settings=settings, penalties=[smooth])
    before, after = (penalty_values(m, [smooth], signs.floats)[0] for m in (plain, smoothed))
    assert after < 0.8 * before


def test_what_hardening_runs_through_the_network_is_not_penalised(signs):
    def look(model, images, labels, generator):
        model(images + 1)
        return images

    smooth = [Penalty("total_variation", 1e-3, ("conv1",))]
    model, history = fit_with(signs, penalties=smooth)
    looked, same = fit_with(signs, penalties=smooth, harden=look)
    assert history == same
    assert torch.equal(model.conv1.weight, looked.conv1.weight)


def test_augmented_then_hardened_images_are_what_is_learnt(signs):
    seen = []

    def darken(images, generator):
        return images * 0

    def harden(model, images, labels, generator):
        seen.append((float(images.max()), len(labels)))
        return images

    progress = []
    fit_with(signs, augment=darken, harden=harden, on_progress=progress.append)
    assert seen == [(0.0, 30), (0.0, 30)]
    assert [(p.step, p.steps, p.images) for p in progress] == [(1, 2, 30), (2, 2, 30)]
    assert all(0 <= p.accuracy <= 1 and p.loss > 0 for p in progress)


def test_batches_of_the_same_images_train_the_same_network(signs):
    """Given in the order that ``fit`` draws, batches and ImageSet lead to the same weights."""
    expected, losses, _ = train(signs, epochs=1)
    generator = torch.Generator().manual_seed(0)
    torch.randint(2**62, (), generator=generator)  # the network's own seed comes first
    order = torch.randperm(60, generator=generator)
    batches = [(signs.images[part].float() / 255, signs.labels[part]) for part in order.split(25)]
    model = build("lisa_cnn", 3, seed=0)
    history = fit(
        model,
        batches,
        settings=FitSettings(epochs=1),
        generator=torch.Generator().manual_seed(0),
    )
    assert history.losses == losses
    for one, other in zip(expected.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


class Short(list):
    def __iter__(self):
        return iter(list.copy(self)[:1])


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "no images to train on"),
        (iter([1]), "an iterable that has a length"),
        (Short([(torch.zeros(1, 3, 32, 32), torch.zeros(1).long())] * 2), "length of 2 and ended"),
    ],
)
def test_batches_that_will_not_do(batches, message):
    with pytest.raises(BlurnetError, match=message):
        fit(build("lisa_cnn", 3, seed=0), batches, generator=torch.Generator())
