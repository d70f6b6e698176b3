"""Filters: closed forms, composition by hand, and what makes no sense."""

from math import comb, exp

import pytest
import torch
from torch import nn

from blurnet import BlurnetError
from blurnet.filters import (
    KERNELS,
    DepthwiseFilter,
    insert_after,
    insert_before,
    kernel,
    layer_shapes,
)
from blurnet.filters.layer import _PAD_MODE
from blurnet.models import MODELS, build


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("size", [1, 3, 5, 7, 11])
def test_kernel_sums_to_one_and_is_symmetric(name, size):
    weights = kernel(name, size)
    assert weights.shape == (size, size)
    assert weights.dtype == torch.float32
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
    for same in (weights.T, weights.flip(0), weights.flip(1)):
        torch.testing.assert_close(weights, same, rtol=0, atol=0)


def test_box_closed_form():
    torch.testing.assert_close(kernel("box", 3), torch.full((3, 3), 1 / 9))


def test_binomial_closed_form():
    expected = [[comb(4, i) * comb(4, j) / 256 for j in range(5)] for i in range(5)]
    torch.testing.assert_close(kernel("binomial", 5), torch.tensor(expected))


def test_gaussian_closed_form():
    # σ² = (5 − 1) / 4 = 1
    row = [exp(-(x**2) / 2) for x in (-2, -1, 0, 1, 2)]
    expected = [[a * b / sum(row) ** 2 for a in row] for b in row]
    torch.testing.assert_close(kernel("gaussian", 5), torch.tensor(expected))


@pytest.mark.parametrize("size", [0, 2, 4, -1])
def test_kernel_of_even_size_says_what_would_do(size):
    with pytest.raises(BlurnetError, match=rf"odd.*{size} is not; take"):
        kernel("box", size)


def test_unknown_kernel_lists_the_choices():
    with pytest.raises(BlurnetError, match=r"'median'.*binomial, box, gaussian"):
        kernel("median", 3)


@pytest.mark.parametrize("padding", _PAD_MODE)
@pytest.mark.parametrize("name", KERNELS)
def test_filter_of_size_one_changes_nothing(name, padding):
    maps = torch.rand(2, 5, 8, 8)
    assert torch.equal(DepthwiseFilter(kernel(name, 1), padding=padding)(maps), maps)


@pytest.mark.parametrize("padding", _PAD_MODE)
def test_filter_is_a_convolution_of_each_channel(padding):
    maps, weights = torch.rand(2, 3, 6, 7), kernel("binomial", 3)
    padded = nn.functional.pad(maps, (1, 1, 1, 1), mode=_PAD_MODE[padding])
    expected = sum(
        weights[i, j] * padded[:, :, i : i + 6, j : j + 7] for i in range(3) for j in range(3)
    )
    torch.testing.assert_close(DepthwiseFilter(weights, padding=padding)(maps), expected)


@pytest.mark.parametrize("padding", ["reflect", "replicate"])
def test_constant_maps_stay_constant(padding):
    maps = torch.full((1, 2, 9, 9), 0.7)
    torch.testing.assert_close(DepthwiseFilter(kernel("box", 5), padding=padding)(maps), maps)


def test_trainable_filter_has_a_kernel_for_each_channel():
    layer = DepthwiseFilter(kernel("box", 3), channels=4)
    layer(torch.rand(1, 4, 8, 8)).sum().backward()
    assert layer.trainable
    assert layer.kernel.grad is not None
    assert layer.kernel.shape == (4, 1, 3, 3)
    with pytest.raises(BlurnetError, match="kernels for 4 channels; the maps have 3"):
        layer(torch.rand(1, 3, 8, 8))


def test_fixed_filter_has_no_parameters():
    assert not list(DepthwiseFilter(kernel("box", 3)).parameters())


def test_filter_that_makes_no_sense():
    with pytest.raises(BlurnetError, match="odd"):
        DepthwiseFilter(torch.ones(2, 2))
    with pytest.raises(BlurnetError, match="zeros, reflect, replicate"):
        DepthwiseFilter(kernel("box", 3), padding="wrap")  # type: ignore[arg-type]
    with pytest.raises(BlurnetError, match="N × C × H × W; found 2 × 512"):
        DepthwiseFilter(kernel("box", 3))(torch.rand(2, 512))
    with pytest.raises(BlurnetError, match=r"at least 4 × 4 pixels; found 3 × 3.*at most 5"):
        DepthwiseFilter(kernel("box", 7), padding="reflect")(torch.rand(1, 1, 3, 3))


@pytest.mark.parametrize("name", MODELS)
def test_insert_equals_composing_by_hand(name):
    model, images = build(name, 17, seed=0).eval(), torch.rand(3, 3, 32, 32)
    blur = DepthwiseFilter(kernel("box", 5))
    defended = insert_after(model, "relu1", blur, example=images[:1])
    by_hand = build(name, 17, seed=0).eval()
    by_hand.relu1 = nn.Sequential(nn.ReLU(), blur)
    torch.testing.assert_close(defended(images), by_hand(images), rtol=0, atol=0)
    assert not torch.equal(defended(images), model(images))
    before = insert_before(model, blur)
    torch.testing.assert_close(before(images), model(blur(images)), rtol=0, atol=0)


def test_insert_leaves_the_given_network_untouched():
    model = build("lisa_cnn", 17, seed=0)
    modules, state = str(model), {name: t.clone() for name, t in model.state_dict().items()}
    defended = insert_after(model, "conv1", DepthwiseFilter(kernel("box", 3)))
    with torch.no_grad():
        for parameter in defended.parameters():
            parameter.zero_()
    assert str(model) == modules
    assert all(torch.equal(state[name], t) for name, t in model.state_dict().items())


class ReadsItsLayer(nn.Module):
    """A network whose own code looks at its layer, as many published ones do."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.head = nn.ModuleDict({"fc": nn.Linear(4, 2)})

    def forward(self, images):
        maps = self.stem(images.to(self.stem[0].weight.dtype))
        return self.head["fc"](maps.mean((2, 3)))


@pytest.mark.parametrize("layer", ["stem.0", "stem.1", "stem"])
def test_insert_after_a_nested_layer(layer):
    model, images = ReadsItsLayer(), torch.rand(2, 3, 8, 8)
    blur = DepthwiseFilter(kernel("box", 3))
    defended = insert_after(model, layer, blur, example=images)
    maps = model.stem[0](images)
    maps = blur(maps).relu() if layer == "stem.0" else blur(maps.relu())
    torch.testing.assert_close(defended(images), model.head["fc"](maps.mean((2, 3))))


def test_insert_twice_after_one_layer():
    model, images = ReadsItsLayer(), torch.rand(2, 3, 8, 8)
    blur = DepthwiseFilter(kernel("box", 3), padding="reflect")
    twice = insert_after(insert_after(model, "stem", blur), "stem", blur)
    torch.testing.assert_close(
        twice(images), model.head["fc"](blur(blur(model.stem(images))).mean((2, 3)))
    )


def test_insert_that_makes_no_sense_says_what_would():
    model, example = build("lisa_cnn", 17, seed=0), torch.rand(1, 3, 32, 32)
    blur = DepthwiseFilter(kernel("box", 5), padding="reflect")
    with pytest.raises(BlurnetError, match=r"no layer 'conv9'.*conv1, relu1, conv2.*fc"):
        insert_after(model, "conv9", blur)
    with pytest.raises(BlurnetError, match=r"'fc' is 1 × 17;.*: conv1, .*relu3$"):
        insert_after(model, "fc", blur, example=example)
    with pytest.raises(BlurnetError, match="after layer 'relu3': a 5×5 filter with reflect"):
        insert_after(model, "relu3", blur, example=example)


def test_layer_shapes_leave_the_network_as_it_was():
    model = build("small_resnet", 5, seed=0).train()
    model.norm1.eval()
    statistics = model.block1.norm1.running_mean.clone()
    shapes = layer_shapes(model, torch.rand(2, 3, 32, 32))
    assert shapes["conv1"] == (2, 32, 32, 32)
    assert shapes["block2.shortcut.0"] == (2, 64, 8, 8)
    assert shapes["fc"] == (2, 5)
    assert model.training
    assert not model.norm1.training
    assert torch.equal(model.block1.norm1.running_mean, statistics)
    assert not any(layer._forward_hooks for layer in model.modules())
    with pytest.raises(BlurnetError, match="does not take images of 4 × 32 × 32"):
        layer_shapes(model, torch.rand(2, 4, 32, 32))
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())
