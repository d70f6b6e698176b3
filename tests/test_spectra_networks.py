"""Spectra of networks as others write them, in one pass and in bounded memory."""

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from torch import nn

from blurnet.attacks import random_colors
from blurnet.errors import BlurnetError
from blurnet.filters import DepthwiseFilter, insert_after, kernel
from blurnet.models import Classifier, build
from blurnet.spectra import (
    INPUT,
    activation_layers,
    compare_spectra,
    comparison_of,
    first_layers,
    high_frequency_measures,
    input_channels,
    layer_maps,
    layer_profiles,
    log_magnitude,
    map_layers,
    measure_spectra,
    measures,
)

LAYERS = [
    "conv1",
    "norm",
    "norm+activation",
    "conv2:1",
    "act:1",
    "conv2:2",
    "act:2",
    "conv2:3",
    "conv2+activation",
]


class Hard(nn.Module):
    """Functional and shared activations, a layer with two names, keywords, kept maps, a dict."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.again = self.conv2
        self.act = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(input=x)), inplace=True)
        x = self.act(self.conv2(x))
        x = self.act(self.again(x))
        self.kept = x
        x = F.silu(self.conv2(x)).relu_()
        return {"logits": self.fc(torch.relu(x.mean((2, 3))))}


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def hard():
    torch.manual_seed(0)
    return Hard().train()


def test_functions_and_layers_that_run_twice_have_names(hard):
    images = noise(5, 1, 20, 24)
    assert map_layers(hard, images[:1]) == LAYERS
    assert activation_layers(hard, images[:1]) == ["norm+activation", "act", "conv2+activation"]
    maps = layer_maps(hard, images, [*LAYERS, "act", "again:2"], piece=2)
    assert hard.training
    assert not any(module._forward_hooks for module in hard.modules())
    hard.eval()
    with torch.no_grad():
        first = F.relu(hard.norm(hard.conv1(images)))
        second = F.relu(hard.conv2(first))
        third = F.relu(hard.conv2(second))
        expected = {
            "norm": hard.norm(hard.conv1(images)),
            "norm+activation": first,
            "conv2:1": hard.conv2(first),
            "act:1": second,
            "again:2": hard.conv2(second),
            "act:2": third,
            "act": third,
            "conv2:3": hard.conv2(third),
            "conv2+activation": F.silu(hard.conv2(third)),
        }
    for layer, its_maps in expected.items():
        torch.testing.assert_close(maps[layer], its_maps, msg=layer)


def test_a_compiled_network_and_a_classifier_have_their_networks_layers(hard):
    images = noise(3, 1, 20, 24)
    hard.eval()
    expected = layer_maps(hard, images, ["norm+activation", "conv2:3"])
    compiled = torch.compile(hard, backend="eager")
    compiled(images)
    for model in (compiled, Classifier(hard), Classifier(compiled, mean=0.0, std=1.0)):
        assert map_layers(model, images[:1]) == LAYERS
        found = layer_maps(model, images, list(expected))
        for layer, maps in expected.items():
            torch.testing.assert_close(found[layer], maps)
    resized = Classifier(hard, size=(10, 12))
    assert layer_maps(resized, images, ["conv1"])["conv1"].shape == (3, 4, 10, 12)
    assert layer_maps(resized, images, [INPUT])[INPUT] is images


@pytest.mark.parametrize("place", ["norm", "norm+activation", "act"])
def test_maps_are_those_behind_a_filter(hard, place):
    images, box = noise(2, 1, 20, 24), DepthwiseFilter(kernel("box", 3))
    names = ["norm", "norm+activation", "act:1", "act", "conv2+activation"]
    plain = layer_maps(hard, images, names)
    blurred = insert_after(hard, place, box, example=images)
    assert map_layers(blurred, images[:1]) == LAYERS
    found = layer_maps(blurred, images, names)
    first = {"norm": "norm", "act": "act:1"}.get(place, place)
    for name in names[: names.index(first)]:
        torch.testing.assert_close(found[name], plain[name])
    torch.testing.assert_close(found[first], box(plain[first]))
    assert not torch.allclose(found[first], plain[first])


@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")  # torch's own
def test_an_exported_program_has_its_layers():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 18 * 22, 3))
    images = noise(3, 1, 20, 24)
    program = torch.export.export(model, (images,))
    for exported in (program, program.module()):
        assert map_layers(exported, images) == ["0", "1"]
        assert activation_layers(exported, images) == ["1"]
        found = layer_maps(exported, images, ["1"])["1"]
        torch.testing.assert_close(found, layer_maps(model, images, ["1"])["1"])


@pytest.mark.parametrize(("channels", "names"), [(1, ()), (2, ("input 0", "input 1"))])
def test_channels_are_named_by_their_number(channels, names):
    assert input_channels(channels) == names
    images = noise(2, channels, 8, 8)
    found = layer_maps(None, images, [INPUT, *names])
    assert [tuple(maps.shape) for maps in found.values()] == [
        (2, channels, 8, 8),
        *[(2, 1, 8, 8)] * len(names),
    ]
    with pytest.raises(BlurnetError, match="no layer 'input R' in the network; there are: input"):
        layer_maps(None, images, ["input R"])


def test_what_is_asked_of_a_function_that_does_not_run(hard):
    with pytest.raises(BlurnetError, match=r"layer 'conv1\+activation' did not run"):
        layer_maps(hard, noise(1, 1, 20, 24), ["conv1+activation"])
    with pytest.raises(BlurnetError, match="layer 'act:3' did not run"):
        layer_maps(hard, noise(1, 1, 20, 24), ["act:3"])
    many = nn.Sequential(*[nn.Identity() for _ in range(60)])
    with pytest.raises(BlurnetError, match="and 37 more, which blurnet inspect lists"):
        layer_maps(many, noise(1, 1, 8, 8), ["no"])


def test_without_layers_it_is_the_input_and_the_first_four(hard):
    clean, attacked = noise(3, 1, 20, 24), noise(3, 1, 20, 24, seed=1)
    found = compare_spectra(hard, clean, attacked)
    assert list(found) == [INPUT, *LAYERS[:4]] == first_layers(hard, clean[:1])
    assert list(compare_spectra(None, clean, attacked)) == [INPUT]


@pytest.fixture
def scene():
    model, layers = build("lisa_cnn", 4, seed=0), [INPUT, "input R", "relu1", "relu2"]
    clean, attacked = noise(6, 3, 32, 32), noise(6, 3, 32, 32, seed=1)
    return model, clean, attacked, layers, [noise(6, 3, 32, 32, seed=s) for s in (2, 3, 4)]


def test_pieces_and_iterators_change_nothing(scene, monkeypatch):
    model, clean, attacked, layers, controls = scene
    steps = []
    whole = high_frequency_measures(
        model, clean, attacked, layers, controls=controls, on_step=lambda *now: steps.append(now)
    )
    assert steps == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    monkeypatch.setattr(measures, "PIECE", measures.BYTES * 64 * 16 * 16 * 2)
    steps.clear()
    pieces = high_frequency_measures(
        model,
        clean,
        attacked,
        layers,
        controls=(each for each in controls),
        on_step=lambda *now: steps.append(now),
    )
    assert steps == [(1, 2), (2, 2), (3, 3), (4, 4), (5, 5)]
    for layer, states in whole.items():
        for state, expected in states.items():
            for name, values in vars(expected).items():
                found = getattr(pieces[layer][state], name)
                torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-6, equal_nan=True)


def test_one_pass_gives_what_the_functions_give(scene, monkeypatch):
    model, clean, attacked, layers, controls = scene
    monkeypatch.setattr(measures, "PIECE", measures.BYTES * 64 * 16 * 16 * 4)
    spectra = measure_spectra(model, clean, attacked, layers, controls=controls, maps_shown=5)
    expected = compare_spectra(model, clean, attacked, layers, controls=controls)
    for layer in layers:
        found = spectra[layer]
        assert comparison_of(found.measured).plain() == expected[layer].plain()
        frequencies, profiles = layer_profiles(model, attacked, [layer])[layer]
        assert torch.equal(found.frequencies, frequencies)
        torch.testing.assert_close(found.profiles["attacked"], profiles.mean(1))
        each = [layer_profiles(model, control, [layer])[layer][1].mean(1) for control in controls]
        torch.testing.assert_close(found.profiles["control"], torch.stack(each).mean(0))
        before, after = (layer_maps(model, x, [layer])[layer] for x in (clean, attacked))
        for state, maps in (("clean", before), ("difference", before - after)):
            logs = log_magnitude(maps[:, list(found.shown)], normalised=False)
            torch.testing.assert_close(found.mean[state], logs.mean(0), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.first[state], logs[0], rtol=1e-4, atol=1e-5)
    assert (spectra["relu1"].maps, spectra["relu1"].shown) == (64, (0, 16, 32, 47, 63))
    assert (spectra[INPUT].maps, spectra[INPUT].shown) == (3, (0, 1, 2))
    alone = measure_spectra(model, clean, None, [INPUT])[INPUT]
    assert list(alone.measured) == list(alone.mean) == list(alone.first) == ["clean"]


def test_memory_does_not_grow_with_the_images(monkeypatch):
    from blurnet.models.memory import peak_bytes

    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 3))
    peaks = []
    monkeypatch.setattr(measures, "PIECE", measures.BYTES * 16 * 64 * 64 * 4)
    for count in (8, 24):
        clean = noise(count, 3, 64, 64)
        work = lambda clean=clean: compare_spectra(model, clean, 1 - clean, [INPUT, "1"])  # noqa: E731
        peaks.append(peak_bytes(work) - 2 * clean.nbytes)
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")  # torch's own
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_has_spectra(name):
    build_it, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build_it()
    clean = noise(3, *shape)
    mask = torch.zeros(shape[1:])
    mask[2:5, 2:-2] = 1
    generator = torch.Generator().manual_seed(0)
    control = random_colors(clean, mask, stickers=2, generator=generator)
    kept = clean.clone()
    found = compare_spectra(model, clean, clean * (1 - mask), controls=control)
    assert torch.equal(clean, kept), "a network that works in place"
    assert len(found) > 1
    for layer, comparison in found.items():
        assert 0 <= float(comparison.clean.mean) <= 1, layer
        assert comparison.attacked_minus_control.low.isfinite(), layer
