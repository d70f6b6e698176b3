"""Saved with what it is, loaded as it was."""

import json

import pytest
import torch
from networks import NETWORKS
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from blurnet.defenses import Blur, Defense, Recipe, defense_of, harden, load, save
from blurnet.errors import BlurnetError
from blurnet.models import Classifier, LisaCNN, build
from blurnet.penalties import Penalty


def images(count=3, size=32):
    return torch.rand(count, 3, size, size)


def metadata(path):
    with safe_open(path, "pt") as file:
        return {name: json.loads(value) for name, value in file.metadata().items()}


class Own(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return {"out": self.fc(self.conv(x).relu().mean((2, 3)))}


def test_everything_that_a_classifier_is_comes_back(tmp_path):
    net = Classifier(
        Own(2),
        mean=(0.1, 0.2, 0.3),
        std=0.5,
        logits="out",
        classes=("stop", "yield"),
        size=(24, 20),
    )
    penalty = Penalty("total_variation", 0.1, ("conv+activation",))
    hardened = harden(net, Blur("gaussian", 5, after="conv+activation"), penalty).eval()
    file = save(hardened, tmp_path / "run" / "hard", seed=3, notes={"at": 64})
    assert file == tmp_path / "run" / "hard" / "network.safetensors"
    assert metadata(file)["notes"] == {"at": 64}
    assert list(load_file(file)) == ["conv.bias", "conv.weight", "fc.bias", "fc.weight"]
    for given in (Own, Own(2)):
        again = load(file.parent, given)
        batch = images()
        torch.testing.assert_close(again(batch), hardened(batch), rtol=0, atol=0)
        assert (again.classes, again.size) == (("stop", "yield"), (24, 20))
        assert defense_of(again) == defense_of(hardened)


def test_weights_load_into_the_plain_network_elsewhere(tmp_path):
    net = harden(build("lisa_cnn", 4, seed=0), Blur("box", 5)).eval()
    file = save(net, tmp_path / "net.safetensors", classes="abcd")
    plain = LisaCNN(4).eval()
    plain.load_state_dict(load_file(file))
    batch = images()
    again = harden(plain, Blur("box", 5))
    torch.testing.assert_close(again(batch), net(batch), rtol=0, atol=0)


def test_blurnets_own_networks_are_built_from_the_file(tmp_path):
    net = harden(build("small_resnet", 3, seed=0), Blur("random", 3, trainable=True), seed=5).eval()
    batch = images()
    recipe = Recipe(model="small_resnet", defense=defense_of(net))
    by_recipe = save(net, tmp_path / "recipe", classes="abc", recipe=recipe)
    by_name = save(net, tmp_path / "name", classes="abc", model="small_resnet", example=[3, 32, 32])
    for file in (by_recipe, by_name):
        torch.testing.assert_close(load(file)(batch), net(batch), rtol=0, atol=0)
    plain = build("lisa_cnn_wide", 2, seed=0).eval()
    unsaid = save(plain, tmp_path / "unsaid", classes="ab")
    torch.testing.assert_close(load(unsaid)(batch), plain(batch), rtol=0, atol=0)
    assert defense_of(load(unsaid)) == Defense()


def test_by_the_name_of_a_users_own_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def build(num_classes=2):\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "                         nn.Flatten(), nn.Linear(4, num_classes))\n"
    )
    from blurnet.models import import_model

    net = harden(import_model("mine.py:build", classes="abc"), Blur("box", 3)).eval()
    batch = images()
    file = save(net, "hard", model="mine.py:build")
    torch.testing.assert_close(load("hard")(batch), net(batch), rtol=0, atol=0)
    torch.testing.assert_close(load(file, "mine.py:build")(batch), net(batch), rtol=0, atol=0)
    with pytest.raises(BlurnetError, match=r"weights are of a hardened network.*blurnet.load"):
        import_model("mine.py:build", weights=file)


def test_rp2s_published_network(shared_data):
    net = load(shared_data / "rp2" / "lisa_cnn.safetensors")
    assert isinstance(net.model, LisaCNN)
    assert net.classes[14] == "stop"


def test_refused_in_one_line(tmp_path):
    own = harden(Own(2), Blur("box", 3))
    file = save(own, tmp_path / "own", classes="ab")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no safetensors")
    wrong = tmp_path / "wrong.safetensors"
    save_file({"x": torch.zeros(1)}, wrong, {"labels": "[1"})
    said = tmp_path / "said.safetensors"
    save_file({"x": torch.zeros(1)}, said, {"defense": '{"filter": []}', "labels": '["a", "b"]'})
    cases = {
        "no such file": lambda: load(tmp_path / "none.safetensors"),
        "not a whole safetensors file": lambda: load(damaged),
        "does not say how its network is built: give it, load(path, model=": lambda: load(file),
        "its defense does not fit this network, a LisaCNN: no layer 'conv'": lambda: load(
            file, LisaCNN
        ),
        "give the network without its filters": lambda: load(file, own),
        "it needs a, b; give a function": lambda: load(wrong, lambda a, b: a),
        "another architecture than Own: conv.weight is missing": lambda: load(wrong, Own(2)),
        "unknown setting 'filter'; there are: filters": lambda: load(said, Own(2)),
        "is JSON: Object of type Tensor": lambda: save(own, tmp_path / "x", note=torch.zeros(1)),
        "cannot write there": lambda: save(own, damaged / "below" / "x.safetensors"),
    }
    for message, call in cases.items():
        with pytest.raises(BlurnetError) as error:
            call()
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_classifier_given_says_what_the_file_does_not(tmp_path):
    net = Classifier(Own(2), logits=lambda output: output["out"], classes="ab").eval()
    file = save(net, tmp_path)
    given = Classifier(Own(2), logits=lambda output: output["out"], classes="xy")
    batch = images()
    loaded = load(file, given)
    torch.testing.assert_close(loaded(batch), net(batch), rtol=0, atol=0)
    assert loaded.classes == ("a", "b")
    assert (given(batch) - net(batch)).abs().max() > 0  # the one given is left as it is


def test_a_module_of_two_names_is_saved_whole(tmp_path):
    build_twice, _ = NETWORKS["used_twice"]
    net = build_twice().eval()
    file = save(net, tmp_path)
    assert {"first.weight", "second.weight"} <= set(load_file(file))
    batch = images()
    torch.testing.assert_close(load(file, build_twice)(batch), net(batch), rtol=0, atol=0)
