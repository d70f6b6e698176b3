"""How a sticker meets a photograph: finite differences, what is clipped, what stays."""

import pytest
import torch
from kornia.geometry.transform import warp_perspective

from blurnet.attacks.rp2.placement import free_of, place, place_through, sticker_of
from blurnet.attacks.transforms import transform


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbers(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=generator(seed))


class Doubled:
    """A transform of what it is told, times (1 + parameter)."""

    redraw = False

    def __init__(self, of):
        self.of = of

    def draw(self, count, image_shape, /, generator):
        return torch.rand(count, 1, generator=generator)

    def __call__(self, images, parameters, /):
        return images * (1 + parameters[..., None, None])


@pytest.mark.parametrize("placement", ["add", "add_straight_through", "paste"])
@pytest.mark.parametrize("of", ["sticker", "image"])
def test_gradients(placement, of):
    """Where nothing is clipped, all three are differentiable: against finite differences."""
    images, mask = 0.4 + 0.1 * numbers(2, 3, 4, 4), 0.1 + 0.8 * numbers(4, 4, seed=1)
    row, drawn = [Doubled(of)], [numbers(3, 2, 1, seed=2) / 10]

    def attacked(free):
        sticker = sticker_of(free, placement)
        return place_through(images, sticker, mask, placement, row, drawn)

    free = ((numbers(2, 1, 3, 4, 4, seed=3) - 0.5) / 10).requires_grad_()
    assert attacked(free).shape == (2, 3, 2, 3, 4, 4)
    assert torch.autograd.gradcheck(attacked, free)


@pytest.mark.parametrize("stickers", [1, 2])
def test_gradients_through_warps(stickers):
    images, mask = 0.4 + 0.1 * numbers(2, 3, 6, 6), 0.1 + 0.8 * numbers(6, 6, seed=1)
    row = [
        transform("perspective"),
        transform("rotation", degrees=30),
        transform("scale", of="image"),
    ]
    drawn = [each.draw(4, (3, 6, 6), generator(2)).view(2, 2, -1).double() for each in row]

    def attacked(free):
        return place_through(images, sticker_of(free, "paste"), mask, "paste", row, drawn)

    free = ((numbers(2, stickers, 3, 6, 6, seed=3) - 0.5) / 10).requires_grad_()
    assert torch.autograd.gradcheck(attacked, free, fast_mode=True)


def test_straight_through_lives_where_the_clip_kills():
    images, mask = torch.full((1, 3, 2, 2), 0.8), torch.ones(2, 2)

    def gradient(placement):
        delta = torch.tensor([0.5, -0.9, 0.1])[:, None, None].expand(3, 2, 2).requires_grad_()
        attacked = place(images, mask * delta, mask, placement)
        torch.testing.assert_close(
            attacked[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.9]), rtol=0, atol=1e-7
        )
        assert attacked.max() <= 1
        return torch.autograd.grad(attacked.sum(), delta)[0][:, 0, 0].tolist()

    assert gradient("add") == [0, 0, 1]
    assert gradient("add_straight_through") == [1, 1, 1]


def test_paste_is_opaque_and_stays_in_the_mask():
    images, mask = torch.rand(2, 3, 4, 4, generator=generator()), torch.zeros(4, 4)
    mask[1, 1:3], mask[2, 2] = 1, 0.5
    free = 50 * torch.randn(1, 1, 3, 4, 4, generator=generator(1))
    sticker = sticker_of(free, "paste")
    attacked = place_through(images, sticker, mask, "paste", [], [])[0, 0]
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    assert torch.equal(attacked[:, :, mask == 0], images[:, :, mask == 0])
    assert torch.equal(attacked[0][:, mask == 1], sticker[0, 0][:, mask == 1])
    torch.testing.assert_close(
        attacked[:, :, 2, 2], (images[:, :, 2, 2] + sticker[0, :, :, 2, 2]) / 2
    )


def test_a_transform_of_the_sticker_moves_its_mask_too():
    """x(1 − T(M)) + T(M · s): with everything doubled, M = 0.3 covers 0.6."""
    images, mask = torch.rand(1, 3, 2, 2, generator=generator()), torch.full((2, 2), 0.3)
    sticker = torch.rand(1, 1, 3, 2, 2, generator=generator(1))
    attacked = place_through(
        images, sticker, mask, "paste", [Doubled("sticker")], [torch.ones(1, 1, 1)]
    )
    torch.testing.assert_close(attacked[0, 0, 0], 0.4 * images[0] + 0.6 * sticker[0, 0])


def test_the_free_variable_of_a_sticker():
    sticker = torch.tensor([0.0, 0.25, 0.5, 1.0])
    back = sticker_of(free_of(sticker, "paste"), "paste")
    torch.testing.assert_close(back, torch.tensor([0.001, 0.25, 0.5, 0.999]))
    assert free_of(sticker, "add") is sticker


@pytest.mark.parametrize("placement", ["add", "paste"])
@pytest.mark.parametrize("stickers", [1, 2])
def test_transforms_that_follow_each_other_are_one_resampling(placement, stickers):
    """Against each target, draw and photograph by itself, by the product of the homographies."""
    names = ["perspective", "rotation", "brightness", "scale", "rotation", "shift", "blur"]
    uses = ["sticker", "sticker", "image", "sticker", "image", "image", "image"]
    row = [transform(name, of=use) for name, use in zip(names, uses, strict=True)]
    drawn = [each.draw(6, (3, 12, 12), generator(9)).view(3, 2, -1) for each in row]
    images, mask = 0.3 + 0.4 * numbers(2, 3, 12, 12), 0.1 + 0.8 * numbers(12, 12, seed=1)
    sticker = 0.1 + 0.2 * numbers(4, stickers, 3, 12, 12, seed=2)
    together = place_through(images, sticker, mask, placement, row, drawn)
    assert together.shape == (4, 3, 2, 3, 12, 12)

    def warped(picture, places, at):
        matrix = torch.eye(3, dtype=torch.float64)
        for k in places:
            matrix = row[k].matrix(drawn[k][at][None].double(), 12, 12)[0] @ matrix
        padding = "border" if uses[places[0]] == "image" else "zeros"
        return warp_perspective(picture[None], matrix[None], (12, 12), padding_mode=padding)[0]

    for t in range(4):
        for d in range(3):
            for v in range(2):
                own = sticker[t, v % stickers]
                moved = warped(torch.cat([mask * own, mask[None]]), (0, 1, 3), (d, v))
                seen = images[v] * (1 - moved[3:] if placement == "paste" else 1) + moved[:3]
                seen = (drawn[2][d, v].double() * seen.clamp(0, 1)).clamp(0, 1)
                seen = warped(seen, (4, 5), (d, v))
                expected = row[6](seen[None], drawn[6][d, v][None])[0]
                torch.testing.assert_close(together[t, d, v], expected, rtol=0, atol=1e-6)
