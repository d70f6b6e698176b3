"""Memory: bytes counted where they are known, and passes that do not grow with their images."""

import pytest
import torch
from torch import nn

from blurnet.attacks import RandomSearchSettings, RP2Settings, dead_gradient_share, pgd, rp2
from blurnet.attacks import random_search
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.models.memory import (
    UNMEASURED,
    images_at_once,
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
    # with gradients: the ReLU's maps, its gradient and the convolution's; and the input's
    each = 2 * maps if not gradients else 2 * maps + 3 * 64 * 64 * 4
    assert piece == pytest.approx(100 * maps / each, rel=0.35)
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


def test_rp2_does_not_grow_with_its_images():
    model = build("small_resnet", 6, seed=0)
    mask = torch.zeros(64, 64)
    mask[20:30] = 1

    def attack(count, keep_images):
        return rp2(
            model,
            images[count],
            torch.arange(5),
            mask,
            settings=RP2Settings(steps=2, piece=4, restarts=2, keep="closest"),
            generator=generator(),
            keep_images=keep_images,
        )

    images = {count: pictures(count) for count in (8, 32)}
    few, many = (peak_bytes(lambda n=n: attack(n, False)) for n in (8, 32))
    assert many <= 1.02 * few
    kept = peak_bytes(lambda: attack(32, True))
    assert kept >= 5 * 32 * images[8][0].nbytes
    found, all_kept = attack(8, False), attack(8, True)
    assert found.adversarial is None
    for place in range(5):
        assert torch.equal(found.attacked(place), all_kept.adversarial[place])
        assert torch.equal(all_kept.attacked(place), all_kept.adversarial[place])


@pytest.mark.parametrize("name", ["predict", "random_search", "pgd", "dead_gradient_share"])
def test_passes_stay_in_the_budget(name, monkeypatch):
    """Of so many images at once, the maps alone would take 32 × 1.5 MiB, with gradients 4 MiB."""
    monkeypatch.setattr("blurnet.models.memory.BUDGET", 8 * MIB)
    model, images = build("small_resnet", 6, seed=0), pictures(32)
    labels, mask = torch.zeros(32, dtype=torch.int64), torch.ones(64, 64)
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
