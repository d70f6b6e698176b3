"""The one place where a network is attacked on a scene."""

import json

import pytest
import torch

from blurnet import BlurnetError
from blurnet.attacks import RP2Settings, random_colors, transform
from blurnet.data.scene import Scene
from blurnet.evaluation import (
    attack,
    attack_rates,
    l2_dissimilarity,
    predict,
    summary_of,
    with_found_mask,
)
from blurnet.models import build

CLASSES = ("left", "right", "stop", "yield")
QUICK = RP2Settings(steps=3)


@pytest.fixture(scope="module")
def network():
    return build("lisa_cnn", 4, seed=0)


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def mask():
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    return mask


def test_at_all_targets_each_row_is_the_attack_of_that_target(network, images, mask):
    found = attack(network, images, mask, true="stop", classes=CLASSES, settings=QUICK)
    assert found.classes == CLASSES
    assert found.goal == "targeted"
    assert found.targets == (0, 1, 3)
    assert found.noise.shape == (3, 3, 32, 32)
    assert found.loss.shape == (3, 3)
    for place, target in enumerate(found.targets):
        attacked = found.attacked(place)
        answers = predict(network, attacked)
        assert torch.equal(answers.classes, found.answers[place])
        assert torch.equal(answers.confidence, found.confidence[place])
        assert found.l2_dissimilarity[place] == l2_dissimilarity(images, attacked)
        clean = predict(network, images).classes
        assert found.rates(place) == attack_rates(clean, answers.classes, 2, target)
        changed = (attacked != images).any(1).any(0)
        assert not (changed & (mask == 0)).any()
    successes = [found.rates(place).attack_success_rate.value for place in range(3)]
    assert found.success.value == pytest.approx(sum(successes) / 3)
    assert found.worst.value == max(successes)
    assert found.worst_target == CLASSES[found.targets[found.worst_place]]
    fooled = (found.answers != 2).any(0)
    assert found.any_target.count == int(fooled.sum())


def test_the_control_is_ten_stickers_that_do_not_hang_on_the_seed(network, images, mask):
    found = attack(network, images, mask, true=0, targets=1, settings=QUICK, seed=7)
    drawn = random_colors(images, mask, stickers=10, generator=torch.Generator().manual_seed(0))
    answers = torch.stack([predict(network, each).classes for each in drawn])
    assert torch.equal(found.control_answers, answers)
    assert found.control.value == pytest.approx(float((answers != 0).float().mean()))
    assert found.control.total == 5
    assert found.control_success == found.control


def test_untargeted_reaches_no_target(network, images, mask):
    asked = [
        attack(network, images, mask, true=2, targets=none, settings=settings)
        for none, settings in (
            ("none", QUICK),
            (None, QUICK),
            ("all", RP2Settings(steps=3, goal="untargeted")),
        )
    ]
    for found in asked:
        assert found.goal == "untargeted"
        assert found.targets == (2,)
        assert found.rates().target_reached_rate is None
        assert found.worst_target is None
        written = json.loads(summary_of(found).model_dump_json())
        assert "target_reached_rate" not in json.dumps(written)
        assert torch.equal(found.answers, asked[0].answers)


def test_every_image_has_a_label_of_its_own(network, images, mask):
    labels = torch.tensor([0, 1, 2, 2, 1])
    found = attack(network, images, mask, true=labels, settings=QUICK)
    assert found.targets == (0, 1, 2, 3), "each is another class than that of some image"
    for place, target in enumerate(found.targets):
        counted = labels != target
        rates = found.rates(place)
        assert rates.attack_success_rate.total == int(counted.sum())
        wrong = (found.answers[place] != labels) & counted
        assert rates.attack_success_rate.count == int(wrong.sum())
        assert rates.target_reached_rate.total == int(counted.sum())
    none = attack(network, images, mask, true=labels, targets="none", settings=QUICK)
    assert none.targets == ()
    assert none.answers.shape == (1, 5)
    assert none.success.count == int((none.answers[0] != labels).sum())
    assert summary_of(none).true is None


def test_names_indices_and_drawn_targets(network, images, mask):
    def targets(given, **more):
        settings = RP2Settings(steps=1)
        asked = {"true": "stop", "classes": CLASSES, "settings": settings, **more}
        return attack(network, images, mask, targets=given, **asked).targets

    assert targets("yield") == (3,)
    assert targets(["yield", "left"]) == (3, 0)
    assert targets([1]) == (1,)
    assert targets(torch.tensor([3, 1])) == (3, 1)
    assert targets(99) == (0, 1, 3)
    drawn = {targets(2, seed=seed) for seed in range(6)}
    assert all(len(each) == 2 and 2 not in each for each in drawn)
    assert len(drawn) > 1
    assert targets(2, seed=4) == targets(2, seed=4)
    named = ["left", "right", "stop", "yield", "stop"]
    assert targets("yield", true=named) == (3,)


def test_one_mask_for_each_image(network, images):
    masks = torch.zeros(5, 32, 32)
    for place in range(5):
        masks[place, 5 * place : 5 * place + 6, 8:24] = 1
    found = attack(network, images, masks, true=0, targets=[1], settings=QUICK)
    changed = (found.attacked() != images).any(1)
    assert changed.any((1, 2)).all()
    assert not (changed & (masks == 0)).any()


def test_attacked_images_need_not_be_kept(network, images, mask):
    given = {"true": 0, "settings": RP2Settings(steps=2, scope="per_image", placement="paste")}
    kept = attack(network, images, mask, **given)
    made = attack(network, images, mask, keep_images=False, **given)
    assert made.result.adversarial is None
    assert torch.equal(made.answers, kept.answers)
    for place in range(3):
        assert torch.equal(made.attacked(place), kept.attacked(place))


@pytest.mark.parametrize("scope", ["universal", "per_image"])
def test_a_sticker_at_full_resolution(network, scope):
    images, mask = torch.rand(3, 3, 64, 64), torch.zeros(64, 64)
    mask[20:40, 10:50] = 1
    resize = transform("resize")
    settings = RP2Settings(steps=2, scope=scope)
    given = {"true": 2, "targets": [0], "settings": settings}
    found = attack(network, images, mask, transforms=[resize], **given)
    small = resize(images, torch.empty(3, 0))
    assert torch.equal(found.clean.classes, predict(network, small).classes)
    assert found.noise.shape[-3:] == (3, 64, 64)
    assert found.attacked().shape == (3, 3, 32, 32)
    assert found.l2_dissimilarity == (l2_dissimilarity(small, found.attacked()),)
    light = attack(network, images, mask, transforms=[transform("brightness"), resize], **given)
    assert light.l2_dissimilarity is None, "light changes images too"


def test_a_mask_found_at_full_resolution(network):
    images = torch.randint(256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(1)).byte()
    scene = Scene(images, torch.ones(64, 64), "stop", ("a", "b", "c"))
    found, boxes = with_found_mask(
        network,
        scene,
        "all",
        RP2Settings(steps=2, placement="paste", scope="per_image", p=2),
        classes=CLASSES,
        seed=0,
        outline="octagon",
        count=2,
        area=0.02,
        transforms=[transform("resize")],
    )
    assert found.mask.shape == (64, 64)
    assert len(boxes) == 2
    assert 60 < found.mask.sum() <= 82


def test_its_figures_as_json(network, images, mask):
    found = attack(network, images, mask, true="stop", classes=CLASSES, settings=QUICK)
    summary = summary_of(found)
    assert type(summary).model_validate_json(summary.model_dump_json()) == summary
    assert summary.true == "stop"
    assert [each.target for each in summary.targets] == ["left", "right", "yield"]
    assert summary.attack_success_rate == found.success
    assert summary.loss_first == pytest.approx(float(found.loss[:, 0].mean()))
    assert summary.mask_pixels == 160
    assert not summary.published
    published = attack(network, images, mask, true=0, targets=[1], settings=RP2Settings(steps=1))
    assert not summary_of(published).published


def test_refused_in_one_line(network, images, mask):
    def refused(match, *, pictures=images, place=mask, **more):
        given = {"true": "stop", "classes": CLASSES, "settings": RP2Settings(steps=1), **more}
        with pytest.raises(BlurnetError, match=match) as refusal:
            attack(network, pictures, place, **given)
        assert "\n" not in str(refusal.value)

    refused("target is 'stop', which the images show", targets="stop")
    refused("target is 2, which the images show", targets=[2])
    refused("'up': no such class; there are: all, none, left, right, stop, yield", targets="up")
    refused("true 'up': no such class; there are: left, right, stop, yield", true="up")
    refused("have no names; give classes=", classes=None)
    refused("true 4: the network has 4 classes, 0…3", true=4)
    refused("target 9: the network has 4 classes", targets=[9])
    refused("a number of targets is at least 1, not 0; .* write \\[0\\]", targets=0)
    refused("at least one is needed", targets=[])
    refused("differ from each other", targets=[1, "right"])
    refused("3 labels for 5 images", true=[0, 1, 2])
    refused("true: labels are int64", true=torch.rand(5))
    refused("3 classes are named, the network has 4", classes=CLASSES[:3])
    refused("class names differ", classes=("a", "a", "b", "stop"))
    refused("goal is untargeted", targets=[0], settings=RP2Settings(goal="untargeted"))
    refused("0 everywhere", place=0 * mask)
    refused("mask", place=torch.ones(3, 32, 32))
    refused("mask", place=torch.ones(16, 16))
    refused("divide uint8 by 255", pictures=(255 * images).byte())
    refused(r"images lie in \[0, 1\]", pictures=2 * images)
    refused("48", pictures=torch.rand(2, 3, 48, 48), place=torch.ones(48, 48))
