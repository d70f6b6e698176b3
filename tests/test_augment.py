"""Augmentation: in range, drawn from its generator alone, and nothing where all amounts are 0."""

from dataclasses import fields

import pytest
import torch

from blurnet import BlurnetError
from blurnet.training import SignAugmentation

NOTHING = {field.name: 0.0 for field in fields(SignAugmentation)}


def images():
    return torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def augmented(seed=0, **amounts):
    return SignAugmentation(**amounts)(images(), torch.Generator().manual_seed(seed))


def test_nothing_changes_nothing():
    torch.testing.assert_close(augmented(**NOTHING), images())


@pytest.mark.parametrize("name", NOTHING)
def test_each_amount_alone_changes_images_and_stays_in_range(name):
    changed = augmented(**NOTHING | {name: 0.4 if name != "rotation" else 20.0})
    assert changed.shape == images().shape
    assert 0 <= changed.min() <= changed.max() <= 1
    assert (changed - images()).abs().amax() > 0.01


def test_the_generator_decides():
    before = images()
    assert torch.equal(augmented(0), augmented(0))
    assert not torch.equal(augmented(0), augmented(1))
    assert torch.equal(images(), before)


def test_never_a_flip():
    left = torch.zeros(64, 3, 32, 32)
    left[..., :8] = 1
    seen = SignAugmentation()(left, torch.Generator().manual_seed(0))
    assert (seen[..., :16].mean(dim=(1, 2, 3)) > seen[..., 16:].mean(dim=(1, 2, 3))).all()


def test_shift_is_a_share_of_the_width():
    dot = torch.zeros(200, 3, 32, 32)
    dot[..., 16, 16] = 1
    seen = SignAugmentation(**NOTHING | {"shift": 0.125})(dot, torch.Generator().manual_seed(0))
    columns = seen[:, 0].sum(1)
    place = (columns * torch.arange(32)).sum(1) / columns.sum(1)
    assert (place - 16).abs().max() < 4.01
    assert (place - 16).abs().max() > 3.5


def test_wrong_amounts():
    with pytest.raises(BlurnetError, match=r"rotation lies in 0…180; found 200"):
        SignAugmentation(rotation=200)
    with pytest.raises(BlurnetError, match="grey lies in"):
        SignAugmentation(grey=float("nan"))


@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels(channels):
    given = torch.rand(4, channels, 24, 24, generator=torch.Generator().manual_seed(0))
    all_at_once = SignAugmentation(10, 0.2, 0.1, 0.1, 0.4, 0.4, 0.4, 0.4, 1, 1)
    changed = all_at_once(given, torch.Generator().manual_seed(0))
    assert changed.shape == given.shape
    assert 0 <= changed.min() <= changed.max() <= 1
