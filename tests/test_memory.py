"""Memory: bytes counted where they are known, and passes that do not grow with their images."""

import pytest
import torch
from torch import nn

from blurnet.attacks import (
    RandomSearchSettings,
    RP2Settings,
    dead_gradient_share,
    pgd,
    random_search,
    rp2,
    transform,
)
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.models.memory import (
    UNMEASURED,
    images_at_once,
    keep_freed_memory,
    measured_piece,
    peak_bytes,
    piece_within,
)

MIB = 2**20


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count, size=64):
    return torch.rand(count, 3, size, size, generator=generator())


def test_bytes_that_live_at_once():
    given = torch.ones(1000, 1000)  # was there before

    def work():
        first = given * 2
        second = first + 1
        second += given
        second.view(-1)[3:]
        del first, second
        return given + 1

    assert peak_bytes(work) == 8_000_000
    assert peak_bytes(lambda: given[:10]) == 0


def test_what_is_saved_for_the_gradient_counts():
    given = torch.ones(1000, requires_grad=True)

    def forward():
        value = given
        for _ in range(5):
            value = value.exp()  # which is saved
        return value.sum()

    with torch.no_grad():
        assert peak_bytes(forward) == 8_000
    assert peak_bytes(forward) == 20_004


@pytest.mark.parametrize("gradients", [False, True])
def test_a_convolutions_images_are_counted(gradients):
    """A convolution of 3 channels to 8, then a ReLU: maps of 8 · 64 · 64 · 4 bytes, twice."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    model(pictures(1))
    model.requires_grad_(False).train()
    maps = 8 * 64 * 64 * 4
    piece = measured_piece(model, pictures(1), gradients=gradients, budget=100 * maps)
    # with gradients: the ReLU's maps, their gradient and the convolution's, and the images twice
    image = 3 * 64 * 64 * 4
    each = 3 * maps + 2 * image if gradients else 2 * maps + image
    assert piece == 100 * maps // each
    assert model.training
    assert measured_piece(model, pictures(1), gradients=gradients, budget=1) == 1


def test_what_is_paid_once_is_no_images_price():
    shared = torch.zeros(50, 1000)

    def run(count):
        kept = [shared + 1] + [torch.zeros(1000) for _ in range(count)]
        return sum(each.sum() for each in kept)

    assert piece_within(run, budget=300_000) in range(20, 26)


def test_a_network_that_takes_no_two_images_gets_one():
    class One(nn.Module):
        def forward(self, images):
            assert len(images) == 1
            return images.flatten(1)[:, :3]

    assert measured_piece(One(), pictures(1), gradients=False) == 1


def test_small_batches_are_not_measured():
    def never(images):
        raise AssertionError

    assert images_at_once(nn.Identity(), torch.zeros(UNMEASURED // 3072, 3, 32, 32), gradients=True)
    model = nn.Identity()
    model.register_forward_pre_hook(lambda _model, given: never(*given))
    assert images_at_once(model, pictures(40, 32), gradients=True) == 40


class Small(nn.Module):
    """A network whose maps are much larger than its images."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 32, 3, padding=1), nn.Linear(32, 4)

    def forward(self, images):
        return self.fc(self.conv(images).relu().mean((2, 3)))


@pytest.mark.parametrize("settings", [{}, {"restarts": 2, "keep": "closest"}])
def test_rp2_does_not_grow_with_its_images(settings):
    mask = torch.zeros(64, 64)
    mask[20:30] = 1

    def attack(count, keep_images):
        return rp2(
            Small(),
            images[count],
            torch.arange(3),
            mask,
            settings=RP2Settings(steps=1, piece=4, **settings),
            generator=generator(),
            keep_images=keep_images,
        )

    keep_freed_memory()  # which would count
    images = {count: pictures(count) for count in (4, 16)}
    few, many = (peak_bytes(lambda n=n: attack(n, False)) for n in (4, 16))
    assert many <= 1.02 * few
    assert peak_bytes(lambda: attack(16, True)) >= 3 * images[16].nbytes


@pytest.mark.parametrize("scope", ["universal", "per_image"])
@pytest.mark.parametrize("placement", ["add", "paste"])
def test_images_that_were_not_kept_are_made_anew(scope, placement):
    images, model = pictures(5, 32), build("small_resnet", 4, seed=0)
    row = [transform("rotation"), transform("sensor_noise"), transform("resize", height=24)]
    found, kept = (
        rp2(
            model,
            images,
            torch.arange(3),
            torch.rand(5, 32, 32, generator=generator(3)),
            settings=RP2Settings(steps=2, piece=2, scope=scope, placement=placement),
            generator=generator(),
            transforms=row,
            keep_images=keep,
        )
        for keep in (False, True)
    )
    assert found.adversarial is None
    assert kept.adversarial.shape == (3, 5, 3, 24, 32)
    for place in range(3):
        assert torch.equal(found.attacked(place), kept.adversarial[place])
        assert torch.equal(kept.attacked(place), kept.adversarial[place])


@pytest.mark.parametrize("name", ["predict", "random_search", "pgd", "dead_gradient_share"])
def test_passes_stay_in_the_budget(name, monkeypatch):
    """Of all images at once the maps take 40 × 1 MiB, with gradients more."""
    monkeypatch.setattr("blurnet.models.memory.BUDGET", 8 * MIB)
    model, images = Small(), pictures(40)
    keep_freed_memory()  # which would count
    labels, mask = torch.zeros(40, dtype=torch.int64), torch.ones(64, 64)
    work = {
        "predict": lambda: predict(model, images),
        "random_search": lambda: random_search(
            model,
            images,
            labels,
            mask,
            settings=RandomSearchSettings(2),
            generator=generator(),
        ),
        "pgd": lambda: pgd(model, images, labels, generator=generator()),
        "dead_gradient_share": lambda: dead_gradient_share(
            model,
            images,
            torch.tensor([1]),
            mask,
            images[:1],
            settings=RP2Settings(),
            generator=generator(),
        ),
    }[name]
    held = {"predict": 0, "random_search": 3, "pgd": 8, "dead_gradient_share": 1}[name]
    assert peak_bytes(work) <= 9 * MIB + held * images.nbytes


def test_pieces_change_no_answer():
    model, images = build("small_resnet", 6, seed=0), pictures(20)
    whole, cut = predict(model, images), predict(model, images, piece=3)
    assert torch.equal(whole.classes, cut.classes)
    torch.testing.assert_close(whole.confidence, cut.confidence)
    bytes_ = (images * 255).round().byte()
    torch.testing.assert_close(
        predict(model, bytes_).confidence, predict(model, bytes_.float() / 255).confidence
    )


def test_a_compiled_network_is_measured_as_it_was_written():
    model = torch.compile(Small(), backend="eager")
    answers = predict(model, pictures(40))
    assert torch.equal(answers.classes, predict(model._orig_mod, pictures(40)).classes)
    assert measured_piece(model, pictures(1), gradients=False, budget=8 * MIB) == 7
