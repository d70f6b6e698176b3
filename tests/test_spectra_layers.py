"""The maps that a network's layers give, and the network left as it was."""

import pytest
import torch
from torch import nn

from blurnet.errors import BlurnetError
from blurnet.filters import DepthwiseFilter, insert_after, kernel
from blurnet.models import build
from blurnet.spectra import (
    INPUT,
    INPUT_CHANNELS,
    layer_maps,
    layer_profiles,
    layer_spectra,
    map_layers,
    power_spectrum,
)


class Twice(nn.Module):
    """Works in place after its first layer, and has layers of every kind."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.relu = nn.ReLU(inplace=True)
        self.unused = nn.Conv2d(3, 2, 1)
        self.fc = nn.Linear(2, 4)

    def forward(self, images):
        return self.fc(self.relu(self.conv(images)).mean((2, 3)))


def test_layer_maps_are_what_the_layers_gave():
    model, images = Twice(), torch.rand(5, 3, 8, 8)
    with torch.no_grad():
        model.conv.bias -= 0.5  # so that some of its maps are below 0
    maps = layer_maps(model, images, ["relu", INPUT, "conv", *INPUT_CHANNELS], piece=2)
    assert list(maps) == ["relu", INPUT, "conv", *INPUT_CHANNELS]
    torch.testing.assert_close(maps["conv"], model.conv(images).detach())
    assert (maps["conv"] < 0).any(), "the layer after it worked in place"
    torch.testing.assert_close(maps["relu"], maps["conv"].relu())
    assert torch.equal(maps[INPUT], images)
    assert torch.equal(torch.cat([maps[name] for name in INPUT_CHANNELS], 1), images)
    assert list(layer_maps(None, images, [INPUT])) == [INPUT]
    spectra = layer_spectra(model, images, ["relu"], window="hann")
    torch.testing.assert_close(spectra["relu"], power_spectrum(maps["relu"], window="hann"))
    frequencies, profiles = layer_profiles(model, images, ["relu"])["relu"]
    assert profiles.shape == (5, 2, len(frequencies))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv9", r"no layer 'conv9'.*: input, input R, input G, input B, conv, relu, unused, fc"),
        ("unused", "layer 'unused' did not run"),
        ("fc", "layer 'fc' is 3 × 4; a spectrum is of maps"),
    ],
)
def test_the_network_is_left_as_it_was(layer, message):
    model = Twice().train()
    model.relu.eval()
    with pytest.raises(BlurnetError, match=message):
        layer_maps(model, torch.rand(3, 3, 8, 8), ["conv", layer])
    with pytest.raises(BlurnetError, match="does not take images of 4 × 8 × 8: it said"):
        layer_maps(model, torch.rand(3, 4, 8, 8), ["conv"])
    layer_maps(model, torch.rand(3, 3, 8, 8), ["conv"])
    assert model.training
    assert not model.relu.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_layers_with_maps_large_enough():
    model = build("lisa_cnn", 17, seed=0)
    assert map_layers(model, torch.rand(1, 3, 32, 32)) == ["conv1", "relu1", "conv2", "relu2"]
    assert map_layers(model, torch.rand(1, 3, 32, 32), 0.15) == ["conv1", "relu1"]
    blurred = insert_after(model, "relu1", DepthwiseFilter(kernel("box", 3)))
    images = torch.rand(2, 3, 32, 32)
    assert map_layers(blurred, images[:1]) == ["conv1", "relu1", "conv2", "relu2"]
    expected = DepthwiseFilter(kernel("box", 3))(layer_maps(model, images, ["relu1"])["relu1"])
    torch.testing.assert_close(layer_maps(blurred, images, ["relu1"])["relu1"], expected)
