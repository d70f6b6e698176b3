"""The sticker's pixels filled in, by hand and where the harmonic function is known."""

import pytest
import torch
from torch import nn

from blurnet.evaluation import ceiling, inpainted
from blurnet.evaluation.ceiling import fillings


def mask_of(height, width, top, bottom, left, right):
    mask = torch.zeros(height, width)
    mask[top:bottom, left:right] = 1
    return mask


def test_grey_and_mean_by_hand():
    images = torch.rand(2, 3, 6, 5)
    mask = mask_of(6, 5, 1, 3, 2, 5)
    filled = dict(fillings(images, mask))
    inside = mask.bool()
    assert (filled["grey"][:, :, inside] == 0.5).all()
    for image, its_own in zip(images, filled["mean"], strict=True):
        for channel, found in zip(image, its_own, strict=True):
            torch.testing.assert_close(found[inside], channel[~inside].mean().expand(6))
    for name in ("grey", "mean", "inpainted"):
        assert torch.equal(filled[name][:, :, ~inside], images[:, :, ~inside])


def test_a_ramp_is_harmonic_and_comes_back_exactly():
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(9.0), indexing="ij")
    ramp = torch.stack([0.03 * x + 0.02 * y, 0.5 - 0.02 * x, (x - 4) * (y - 5) / 100 + 0.5])[None]
    mask = mask_of(12, 9, 3, 8, 2, 7)
    torch.testing.assert_close(inpainted(ramp * (1 - mask), mask), ramp)


def test_each_filled_pixel_is_the_mean_of_its_neighbours_in_the_image():
    images, mask = torch.rand(2, 1, 8, 8), (torch.rand(2, 8, 8) > 0.5).float()
    mask[0, 0, :3] = 1  # a corner, where two neighbours are missing
    for image, its_own in zip(inpainted(images, mask), mask, strict=True):
        for row, column in its_own.nonzero().tolist():
            around = [
                float(image[0, row + down, column + right])
                for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
                if 0 <= row + down < 8 and 0 <= column + right < 8
            ]
            assert float(image[0, row, column]) == pytest.approx(
                sum(around) / len(around), abs=1e-5
            )


def test_many_images_are_filled_as_one_by_one():
    images, mask = torch.rand(70, 1, 6, 6), mask_of(6, 6, 1, 4, 2, 5)
    together = inpainted(images, mask)
    alone = torch.cat([inpainted(image[None], mask) for image in images])
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(inpainted(images, mask.expand(70, 6, 6)), alone)


def test_a_mask_of_the_whole_image_or_of_nothing():
    images = torch.rand(1, 3, 4, 4)
    for _, filled in fillings(images, torch.ones(4, 4)):
        assert (filled == 0.5).all()
    for _, filled in fillings(images, torch.full((4, 4), 0.5)):
        assert torch.equal(filled, images), "a pixel belongs to the sticker above 0.5"


class Bright(nn.Module):
    """Says 1 where the image's mean is above 0.45."""

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([0 * mean, mean - 0.45], 1)


def test_the_best_of_the_fills():
    images = torch.full((4, 1, 4, 4), 0.4)
    images[:, :, 0] = 0.0
    labels = torch.zeros(4, dtype=torch.int64)
    found = ceiling(Bright(), images, labels, mask_of(4, 4, 0, 3, 0, 4))
    answers = {fill.name: fill.answers for fill in found.fills}
    assert answers == {"grey": (1,) * 4, "mean": (0,) * 4, "inpainted": (0,) * 4}
    assert found.best == "mean"
    assert found.accuracy.value == 1
    assert found.fills[0].accuracy.value == 0
