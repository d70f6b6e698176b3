"""Transforms: gradients against finite differences, closed forms, chance, names."""

import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from blurnet import BlurnetError
from blurnet.attacks.transforms import (
    TRANSFORMS,
    Warp,
    apply_transforms,
    draw_transforms,
    transform,
)
from blurnet.data import synthetic

STRONG = {
    "perspective": {"displacement": 0.2},
    "rotation": {"degrees": 40},
    "scale": {"share": 0.5},
    "shift": {"share": 0.2},
    "resize": {"height": 5, "width": 3},
    "brightness": {"share": 0.5},
    "contrast": {"share": 0.5},
    "color_cast": {"share": 0.5},
    "blur": {"sigma": 2.0},
    "sensor_noise": {"sigma": 0.1},
    "jpeg": {"lowest": 10, "highest": 90},
}
WARPS = [name for name in TRANSFORMS if issubclass(TRANSFORMS[name], Warp)]
OTHERS = [name for name in TRANSFORMS if name not in WARPS]
EVERY_USE = [*((name, "sticker") for name in WARPS), *((name, "image") for name in TRANSFORMS)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count, channels=3, size=16, seed=1, dtype=torch.float32):
    return torch.rand(count, channels, size, size, generator=generator(seed), dtype=dtype)


def drawn(each, images, seed=0):
    return each.draw(len(images), tuple(images.shape[1:]), generator(seed))


def channels(of):
    return 4 if of == "sticker" else 3


def test_every_transform_is_tested():
    assert STRONG.keys() == TRANSFORMS.keys()


@pytest.mark.parametrize(("name", "of"), [use for use in EVERY_USE if use[0] != "jpeg"])
def test_gradient_is_that_of_finite_differences(name, of):
    each = transform(name, of=of, **STRONG[name])
    # far enough from 0 and 1 that nothing is clipped
    images = 0.4 + 0.15 * pictures(2, channels(of), 6, dtype=torch.float64)
    parameters = drawn(each, images)
    shown = each(images, parameters)
    if of == "image":
        assert 0 < shown.min() <= shown.max() < 1
    assert torch.autograd.gradcheck(lambda x: each(x, parameters), images.requires_grad_())


@pytest.mark.parametrize("name", ["brightness", "contrast", "color_cast", "sensor_noise"])
def test_what_is_clipped_keeps_its_gradient(name):
    each = transform(name, **STRONG[name])
    images = pictures(40).round().requires_grad_()  # black and white
    parameters = drawn(each, images)
    shown = each(images, parameters)
    assert shown.min() == 0
    assert shown.max() == 1
    weights = pictures(40, seed=2)
    (gradient,) = torch.autograd.grad((weights * shown).sum(), images)
    factor = parameters[..., None, None]
    expected = {
        "brightness": lambda: weights * factor,
        "color_cast": lambda: weights * factor,
        "sensor_noise": lambda: weights,
        "contrast": lambda: weights * factor + (1 - factor) * weights.mean((1, 2, 3), keepdim=True),
    }[name]()
    torch.testing.assert_close(gradient, expected)


def test_jpeg_has_the_gradient_of_the_identity():
    images, weights = pictures(3).requires_grad_(), pictures(3, seed=2)
    each = transform("jpeg", **STRONG["jpeg"])
    shown = each(images, drawn(each, images))
    assert not torch.equal(shown, images)
    (gradient,) = torch.autograd.grad((weights * shown).sum(), images)
    assert torch.equal(gradient, weights)


@pytest.mark.parametrize(("name", "of"), EVERY_USE)
def test_images_together_equal_one_by_one_and_stay_images(name, of):
    each = transform(name, of=of, **STRONG[name])
    images = pictures(7, channels(of))
    before, parameters = images.clone(), drawn(each, images)
    assert parameters.dtype == torch.float32
    assert len(parameters) == 7
    together = each(images, parameters)
    alone = [each(images[n : n + 1], parameters[n : n + 1]) for n in range(7)]
    torch.testing.assert_close(together, torch.cat(alone))
    assert torch.equal(images, before)
    assert together.dtype == torch.float32
    assert together.shape[1:] == each.output_shape(tuple(images.shape[1:]))
    assert (name == "resize") == (together.shape != images.shape)
    assert together.shape != images.shape or not torch.allclose(together, images, atol=1e-3)
    if of == "image":
        assert together.min() >= 0
        assert together.max() <= 1


@pytest.mark.parametrize("name", TRANSFORMS)
def test_same_generator_same_parameters(name):
    each, images = transform(name, **STRONG[name]), pictures(5)
    first, again, other = (drawn(each, images, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert name == "resize" or not torch.equal(first, other)
    assert name == "resize" or not torch.equal(first[0], first[1])


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name not in ("resize", "jpeg")])
def test_zero_range_is_the_identity(name):
    images = pictures(4)
    each = transform(name, **dict.fromkeys(STRONG[name], 0))
    torch.testing.assert_close(each(images, drawn(each, images)), images, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_values_are_never_waited_for(name):
    """Meta tensors have no values, so what looks at one, and would hold up a GPU, fails."""
    each, images = transform(name), pictures(2)
    shown = each(images.to("meta"), drawn(each, images).to("meta"))
    assert shown.is_meta


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtype_of_the_images_is_kept(name, dtype):
    each, images = transform(name), pictures(2, dtype=torch.float64)
    parameters = drawn(each, images)
    shown = each(images.to(dtype), parameters)
    assert shown.dtype == dtype
    tolerance = 0.02 if name != "jpeg" else 0.1  # coefficients round another way
    expected = each(images.to(dtype).double(), parameters)
    torch.testing.assert_close(shown.double(), expected, rtol=0, atol=tolerance)


def corner(size=16):
    """A sticker off the centre, with its mask as a fourth channel."""
    stack = torch.zeros(1, 4, size, size)
    stack[:, :, 2:5, 9:12] = torch.tensor([0.2, 0.4, 0.6, 1.0]).view(4, 1, 1)
    return stack


@pytest.mark.parametrize("name", WARPS)
def test_the_mask_goes_with_the_sticker_and_nothing_comes_in_from_outside(name):
    each, stack = transform(name, **STRONG[name]), corner().expand(50, 4, 16, 16)
    moved = each(stack, drawn(each, stack))
    for channel, colour in enumerate((0.2, 0.4, 0.6)):
        torch.testing.assert_close(moved[:, channel], colour * moved[:, 3])
    changed = (moved[:, 3] - stack[:, 3]).abs().amax((1, 2))
    assert (changed > 0.05).float().mean() > 0.9
    ones = torch.ones(50, 4, 16, 16)
    assert each(ones, drawn(each, ones)).amin((1, 2, 3)).min() < 0.5
    as_image = transform(name, of="image", **STRONG[name])
    torch.testing.assert_close(as_image(ones, drawn(each, ones)), ones)


def test_rotation_is_clockwise_about_the_centre():
    stack, each = corner(), transform("rotation", degrees=180)
    turned = each(stack, torch.tensor([[90.0]]))
    torch.testing.assert_close(turned, torch.rot90(stack, -1, (2, 3)), rtol=0, atol=1e-5)


def test_shift_is_in_shares_to_the_right_and_down():
    stack, each = corner(), transform("shift")
    moved = each(stack, torch.tensor([[-2 / 16, 5 / 16]]))
    torch.testing.assert_close(moved, stack.roll((5, -2), (2, 3)), rtol=0, atol=1e-5)


def test_scale_keeps_the_centre_and_multiplies_lengths():
    sides = torch.linspace(-7.5, 7.5, 16)
    ramp = sides.expand(1, 1, 16, 16).clone()
    larger = transform("scale", of="sticker")(ramp, torch.tensor([[1.6]]))
    torch.testing.assert_close(larger, ramp / 1.6, rtol=0, atol=1e-5)


def test_perspective_puts_corners_where_it_says():
    """A homography takes straight lines to straight lines, so an edge's ends say where it is."""
    each, stack = transform("perspective", displacement=0.45), torch.ones(1, 1, 40, 40)
    moves = torch.tensor([[0.25, 0.1, -0.25, 0.1, -0.1, -0.1, 0.1, -0.1]])
    inside = each(stack, moves)[0, 0] > 0.5
    ys, xs = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    xs, ys = (xs + 0.5) / 40, (ys + 0.5) / 40
    left = 0.25 + (ys - 0.1) / 0.8 * (0.1 - 0.25)
    expected = (xs > left) & (xs < 1 - left) & (ys > 0.1) & (ys < 0.9)
    assert (inside != expected).float().mean() < 0.02


def test_amounts_are_of_the_stated_range():
    def amounts(name, **settings):
        return transform(name, **settings).draw(4000, (3, 10, 20), generator())

    for parameters, largest in (
        (amounts("rotation", degrees=7), 7),
        (amounts("shift", share=0.2), 0.2),
        (amounts("perspective", displacement=0.1), 0.1),
        *((amounts(name, share=0.6).log(), math.log(1.6)) for name in ("scale", "brightness")),
        *((amounts(name, share=0.6).log(), math.log(1.6)) for name in ("contrast", "color_cast")),
    ):
        assert 0.99 * largest < parameters.max() <= largest * 1.000001
        assert -0.99 * largest > parameters.min() >= -largest * 1.000001
        assert parameters.mean().abs() < 0.06 * largest
    sigmas = amounts("blur", sigma=3)
    assert 0 <= sigmas.min() < 0.03
    assert 2.97 < sigmas.max() <= 3
    assert float(amounts("sensor_noise", sigma=0.1).std()) == pytest.approx(0.1, rel=0.01)
    assert amounts("jpeg", lowest=70, highest=72).unique().tolist() == [70, 71, 72]
    assert amounts("color_cast").shape == (4000, 3)
    assert amounts("sensor_noise").shape == (4000, 600)


def test_blur_is_a_gaussian_of_its_sigma():
    point = torch.zeros(1, 3, 41, 41)
    point[:, :, 20, 20] = 1
    spread = transform("blur", sigma=4)(point, torch.tensor([[2.5]]))[0, 0]
    steps = torch.arange(-20.0, 21)
    expected = torch.exp(-(steps**2) / (2 * 2.5**2))
    expected = torch.outer(expected, expected)
    torch.testing.assert_close(spread, expected / expected.sum(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (45, 20)])
def test_resize_is_what_pillow_does_to_a_file(size):
    photograph = torch.randint(0, 256, (3, 90, 70), generator=generator(), dtype=torch.uint8)
    small = transform("resize", height=size[0], width=size[1])(
        photograph[None] / 255, torch.empty(1, 0)
    )
    picture = Image.fromarray(photograph.permute(1, 2, 0).numpy())
    expected = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)) / 255
    expected = torch.from_numpy(expected).permute(2, 0, 1).float()
    torch.testing.assert_close(small[0], expected, rtol=0, atol=1.01 / 255)


def test_jpeg_of_grey_images_is_pillows():
    images = synthetic.draw(synthetic.CLASSES[:4], 1, seed=0, size=45).images[:, 1:2]
    shown = transform("jpeg")(images / 255, torch.full((4, 1), 60.0)) * 255
    for image, ours in zip(images, shown, strict=True):
        file = io.BytesIO()
        Image.fromarray(image[0].numpy(), "L").save(file, "JPEG", quality=60)
        assert (ours[0] - torch.from_numpy(np.array(Image.open(file)))).abs().mean() < 0.3
    with pytest.raises(BlurnetError, match="JPEG keeps images of 1 or 3 channels; found 4"):
        transform("jpeg")(torch.rand(1, 4, 8, 8), torch.full((1, 1), 60.0))


@pytest.mark.parametrize("quality", [10, 50, 75, 95, 100])
@pytest.mark.parametrize("shape", [(32, 32), (41, 27)])
def test_jpeg_is_pillows(quality, shape):
    images = synthetic.draw(synthetic.CLASSES[:8], 1, seed=0, size=48).images[:, :, : shape[0]]
    images = images[..., : shape[1]]
    shown = transform("jpeg")(images / 255, torch.full((8, 1), float(quality))) * 255
    for image, ours in zip(images, shown, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
        theirs = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
        assert (ours - theirs).abs().mean() < 0.6  # a coefficient here and there rounds otherwise
        assert (ours - ours.round()).abs().max() < 1e-3
    change = (shown - images).abs().mean()
    assert (change > 7) == (quality == 10)
    assert (change < 1.5) == (quality == 100)


def test_neighbouring_warps_are_one_resampling():
    row = [
        transform("rotation", degrees=180),
        transform("shift", share=0.5),
        transform("rotation", degrees=180),
    ]
    stack = corner()
    # out of the picture and back again, which one after the other would lose
    parameters = [torch.tensor(rows) for rows in ([[30.0]], [[0.0, 0.0]], [[-30.0]])]
    torch.testing.assert_close(apply_transforms(row, stack, parameters), stack, rtol=0, atol=1e-4)
    singly = stack
    for each, values in zip(row, parameters, strict=True):
        singly = each(singly, values)
    assert (singly - stack).abs().max() > 0.05
    parameters = [torch.tensor(rows) for rows in ([[90.0]], [[2 / 16, 0.0]], [[180.0]])]
    singly = stack
    for each, values in zip(row, parameters, strict=True):
        singly = each(singly, values)
    torch.testing.assert_close(apply_transforms(row, stack, parameters), singly, rtol=0, atol=1e-4)


def test_transforms_in_a_row_are_applied_in_their_order():
    names = ["rotation", "blur", "resize", "shift", "scale", "sensor_noise", "jpeg"]
    row = [transform(name, **({"of": "image"} if name in WARPS else {})) for name in names]
    images = pictures(3, size=40)
    parameters = draw_transforms(row, 3, (3, 40, 40), generator(5))
    assert parameters[5].shape == (3, 3 * 32 * 32)
    singly = images
    for place in (0, 1, 2):
        singly = row[place](singly, parameters[place])
    singly = apply_transforms(row[3:5], singly, parameters[3:5])
    for place in (5, 6):
        singly = row[place](singly, parameters[place])
    assert torch.equal(apply_transforms(row, images, parameters), singly)
    assert torch.equal(apply_transforms([], images, []), images)


def test_gradients_go_through_a_whole_row():
    row = [transform(name) for name in OTHERS]
    images = pictures(2, size=40).requires_grad_()
    parameters = draw_transforms(row, 2, (3, 40, 40), generator())
    F.mse_loss(apply_transforms(row, images, parameters), torch.zeros(2, 3, 32, 32)).backward()
    assert images.grad.abs().amax((1, 2, 3)).min() > 0


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "zoom",
            {},
            "no transform 'zoom'; there are: blur, brightness, color_cast, contrast",
        ),
        (
            "rotation",
            {"degree": 3},
            "transform rotation: no setting 'degree'; there are: of, redraw, degrees",
        ),
        ("rotation", {"name": 3}, "no setting 'name'; there are: of, redraw, degrees"),
        ("rotation", {"degrees": 200}, r"Rotation: degrees lies in 0…180; found 200"),
        ("rotation", {"degrees": "ten"}, r"degrees lies in 0…180; found 'ten'"),
        ("blur", {"sigma": float("nan")}, r"GaussianBlur: sigma lies in 0…100; found nan"),
        ("blur", {"of": "sticker"}, "GaussianBlur: of is image, not 'sticker'"),
        ("scale", {"of": "mask"}, "Scale: of is sticker or image, not 'mask'"),
        ("scale", {"redraw": "no"}, "Scale: redraw is true or false, not 'no'"),
        ("jpeg", {"lowest": 80, "highest": 70}, "lowest ≤ highest; found 80 and 70"),
        ("jpeg", {"lowest": 80.5}, "whole numbers"),
        ("jpeg", {"lowest": 0}, r"JPEG: lowest lies in 1…100; found 0"),
        ("resize", {"width": 0}, r"Resize: width lies in 1…10000; found 0"),
        ("resize", {"width": 3.5}, r"Resize: height and width are whole numbers; found 32 and 3.5"),
    ],
)
def test_wrong_settings(name, settings, message):
    with pytest.raises(BlurnetError, match=message):
        transform(name, **settings)


def test_defaults_say_what_they_act_on():
    assert {name: transform(name).of for name in TRANSFORMS} == {
        name: "sticker" if name in WARPS else "image" for name in TRANSFORMS
    }
    assert transform("rotation", degrees=3, redraw=False).redraw is False
