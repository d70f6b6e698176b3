"""Networks: their shapes, their seeds, and weights from files."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from blurnet import BlurnetError
from blurnet.models import MODELS, LisaCNN, build, load_weights, read_network


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("classes", [2, 17, 43])
def test_images_in_logits_out(name, classes):
    assert build(name, classes, seed=0)(torch.rand(3, 3, 32, 32)).shape == (3, classes)


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_from_the_seed_alone(name):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = build(name, 4, seed=1).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(5)
    again, other = build(name, 4, seed=1).state_dict(), build(name, 4, seed=2).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_unknown_model_lists_the_choices():
    with pytest.raises(BlurnetError, match=r"'vgg'.*lisa_cnn, lisa_cnn_wide, small_resnet"):
        build("vgg", 3, seed=0)


def test_lisa_cnn_has_the_layers_of_rp2s_weights():
    maps = {}
    model = LisaCNN(18)
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda _m, _i, out, name=name: maps.update({name: out.shape}))
    model(torch.rand(1, 3, 32, 32))
    assert maps["conv1"] == (1, 64, 16, 16)
    assert maps["conv2"] == (1, 128, 6, 6)
    assert maps["conv3"] == (1, 128, 2, 2)


def write(path, model, labels):
    save_file(model.state_dict(), path, {"labels": json.dumps(labels)})


def test_read_network(tmp_path):
    path, model = tmp_path / "net.safetensors", build("lisa_cnn", 2, seed=0)
    write(path, model, ["stop", "yield"])
    network = read_network(path, LisaCNN)
    assert network.classes == ("stop", "yield")
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(network.model(images), model.eval()(images))


def test_files_that_are_no_such_network(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(BlurnetError, match="no such file"):
        read_network(path, LisaCNN)
    write(path, build("small_resnet", 2, seed=0), ["stop", "yield"])
    with pytest.raises(BlurnetError, match=r"another architecture than LisaCNN: .* and \d+ more"):
        read_network(path, LisaCNN)
    write(path, build("lisa_cnn", 3, seed=0), ["stop", "yield"])
    with pytest.raises(BlurnetError, match=r"fc\.weight is \(3, 512\), not \(2, 512\)"):
        read_network(path, LisaCNN)
    for labels in ({}, "stop", [], [1]):
        write(path, build("lisa_cnn", 2, seed=0), labels)
        with pytest.raises(BlurnetError, match="'labels', a JSON list"):
            read_network(path, LisaCNN)
    save_file(build("lisa_cnn", 2, seed=0).state_dict(), path)
    with pytest.raises(BlurnetError, match="'labels', a JSON list"):
        read_network(path, LisaCNN)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was opened",))


@pytest.mark.parametrize(
    "save", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb))]
)
def test_a_pickle_is_never_opened(tmp_path, save):
    path = tmp_path / "net.safetensors"
    save(Bomb(), path)
    with pytest.raises(BlurnetError, match="pickle"):
        read_network(path, LisaCNN)


def test_wrong_weights_change_nothing():
    model = build("lisa_cnn", 2, seed=0)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    weights = dict(build("lisa_cnn", 2, seed=1).state_dict())
    del weights["fc.bias"]
    with pytest.raises(BlurnetError, match=r"here: .*LisaCNN: fc\.bias is missing"):
        load_weights(model, weights, "here")
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_rp2s_own_network_on_its_photographs(shared_data):
    network = read_network(shared_data / "rp2" / "lisa_cnn.safetensors", LisaCNN)
    assert len(network.classes) == 18
    assert network.classes[12] == "speedLimit45"
    assert network.classes[14] == "stop"
