import pytest
import torch
from torch import Tensor

from blurnet.data import RP2_CLASSES, synthetic
from blurnet.data.rendering import PHOTOGRAPH, render
from blurnet.data.sign_art import art
from blurnet.errors import BlurnetError

PER_CLASS = 12


@pytest.fixture(scope="module")
def signs():
    return synthetic.draw(synthetic.CLASSES, PER_CLASS, seed=1)


def rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_the_classes_are_those_of_rp2_in_its_order():
    assert synthetic.CLASSES == RP2_CLASSES


def test_every_class_gets_as_many_images(signs):
    assert signs.images.shape == (17 * PER_CLASS, 3, 32, 32)
    assert signs.counts() == dict.fromkeys(synthetic.CLASSES, PER_CLASS)
    assert signs.tracks is None


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(signs):
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        again = synthetic.draw(synthetic.CLASSES, PER_CLASS, seed=1)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    assert again.fingerprint() == signs.fingerprint()


def test_the_global_random_state_is_neither_used_nor_changed():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = synthetic.draw(["stop"], 3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    assert torch.equal(synthetic.draw(["stop"], 3, seed=1).images, first.images)


def test_no_image_is_drawn_twice_and_another_seed_gives_others(signs):
    other = synthetic.draw(synthetic.CLASSES, PER_CLASS, seed=2)
    assert len(rows(torch.cat([signs.images, other.images]))) == 2 * len(signs)


@pytest.mark.parametrize("count", [1, 33, 70])
def test_an_image_does_not_depend_on_how_many_or_which_classes_are_drawn(signs, count):
    alone = synthetic.draw(["yield", "merge"], count, seed=1)
    assert alone.labels.tolist() == [0] * count + [1] * count
    shared = min(count, PER_CLASS)
    for name in ("yield", "merge"):
        start = synthetic.CLASSES.index(name) * PER_CLASS
        first = alone.images[alone.labels == alone.classes.index(name)][:shared]
        assert torch.equal(first, signs.images[start : start + shared])


def test_train_and_test_share_no_image():
    train, test = synthetic.load(seed=1, train_per_class=5, test_per_class=4)
    assert (len(train), len(test)) == (17 * 5, 17 * 4)
    drawn = synthetic.draw(synthetic.CLASSES, 5, seed=1)
    together = torch.cat([train.images, test.images, drawn.images])
    assert len(rows(together)) == len(together)


def test_about_four_images_in_ten_are_grey():
    images = synthetic.draw(["stop", "school", "keepRight"], 320, seed=0).images
    grey = (images == images[:, :1]).flatten(1).all(1).float().mean().item()
    assert grey == pytest.approx(0.4, abs=0.05)


def test_lights_run_from_dark_to_bright(signs):
    brightness = signs.floats.mean((1, 2, 3))
    assert brightness.min() < 0.2
    assert brightness.max() > 0.6


@pytest.mark.parametrize("size", [16, 33, 64])
def test_images_come_in_other_sizes(size):
    signs = synthetic.draw(["turnRight", "speedLimitUrdbl"], 2, seed=0, size=size)
    assert signs.images.shape == (4, 3, size, size)
    scene = synthetic.draw_scene("school", 2, size=size)
    assert scene.images.shape == (2, 3, size, size)
    assert scene.mask.shape == (size, size)


def test_a_larger_image_shows_what_the_smaller_one_does():
    small = synthetic.draw_scene("stop", 8, size=32).floats
    large = synthetic.draw_scene("stop", 8, size=64).floats
    halved = torch.nn.functional.avg_pool2d(large, 2)
    similar = torch.nn.functional.cosine_similarity(halved.flatten(1), small.flatten(1))
    assert similar.min() > 0.9


def test_the_scene_is_forty_different_colour_photographs_of_a_stop_sign():
    scene = synthetic.draw_scene()
    assert scene.true_class == "stop"
    assert len(rows(scene.images)) == len(set(scene.names)) == 40
    assert not (scene.images == scene.images[:, :1]).flatten(1).all(1).any()
    assert scene.fingerprint() == synthetic.draw_scene().fingerprint()
    assert scene.fingerprint() != synthetic.draw_scene(seed=1).fingerprint()
    assert torch.equal(synthetic.draw_scene(count=3).images, scene.images[:3])


@pytest.mark.parametrize("name", synthetic.CLASSES)
def test_the_mask_lies_on_the_sign_in_every_view(name):
    mask = synthetic.draw_scene(name, 1).mask
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert 60 <= mask.sum() <= 90
    assert mask[:16].any()
    assert mask[16:].any()
    for seed in range(3):
        _, coverage = render(name, 40, PHOTOGRAPH, 32, seed, synthetic._SCENE)
        assert coverage[:, mask.bool()].min() > 0.999


@pytest.mark.parametrize("factor", [2, 3])
def test_the_mask_scales_with_the_images(factor):
    small = synthetic.draw_scene("yield", 1).mask
    large = synthetic.draw_scene("yield", 1, size=32 * factor).mask
    assert torch.equal(large, small.repeat_interleave(factor, 0).repeat_interleave(factor, 1))


def test_the_identity_follows_the_arguments_and_is_json():
    identity = synthetic.identity()
    assert identity == synthetic.identity()
    assert identity["seed"] == 0
    assert identity["train_per_class"] == 600
    assert synthetic.identity(test_per_class=7)["test_per_class"] == 7
    assert synthetic.identity(size=48)["probe"] != identity["probe"]
    assert synthetic.identity(seed=1)["probe"] != identity["probe"]
    assert {type(value) for value in identity.values()} == {int, str}


def test_the_identity_notices_a_changed_drawing(monkeypatch):
    before = synthetic.identity()["probe"]

    def touched(name: str, pixels: int) -> Tensor:
        drawings = art(name, pixels).clone()
        if name == "speedLimitUrdbl":
            drawings[-1, :3, 60, 60] = 0
        return drawings

    monkeypatch.setattr(synthetic, "art", touched)
    assert synthetic.identity()["probe"] != before


def test_every_drawing_is_premultiplied_and_no_two_are_alike():
    drawings = torch.cat([art(name, 48) for name in synthetic.CLASSES])
    assert drawings.min() >= 0
    assert drawings.max() <= 1
    assert (drawings[:, :3] <= drawings[:, 3:] + 1e-6).all()
    assert (drawings[:, 3].mean((1, 2)) > 0.45).all()
    assert len(rows(drawings)) == len(drawings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: synthetic.draw(["Stop"], 1, seed=0), "'Stop'.*choose from: addedLane, .*yield"),
        (lambda: synthetic.draw([], 1, seed=0), "one or more"),
        (lambda: synthetic.draw(["stop", "stop"], 1, seed=0), "each once"),
        (lambda: synthetic.draw(["stop"], 0, seed=0), "per_class is 1 or more; found 0"),
        (lambda: synthetic.draw(["stop"], 1, seed=-1), "seed is 0 or more; found -1"),
        (lambda: synthetic.draw(["stop"], 1, seed=0, size=0), "size is 16 pixels or more; found 0"),
        (lambda: synthetic.load(train_per_class=0), "train_per_class is 1 or more"),
        (lambda: synthetic.load(test_per_class=-2), "test_per_class is 1 or more; found -2"),
        (lambda: synthetic.identity(size=-32), "size is 16 pixels or more"),
        (lambda: synthetic.draw_scene("halt"), "no class 'halt'.*stopAhead"),
        (lambda: synthetic.draw_scene(count=0), "count is 1 or more"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(call, message):
    with pytest.raises(BlurnetError, match=message):
        call()
