"""A network named on a command line: modules, files, programs, weights, and what is refused."""

import sys

import pytest
import torch
from networks.exported import program
from safetensors.torch import save_file
from torch import nn

from blurnet.errors import BlurnetError
from blurnet.models import Classifier, build, import_model

FILE = """
import helper
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, helper.WIDTH, 3)
        self.fc = nn.Linear(helper.WIDTH, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

def by_default(num_classes=4):
    return Net(num_classes)

def by_place(count, /):
    return Net(count)

def fixed():
    return Net(2)

class Zoo:
    inside = staticmethod(fixed)

def wrapped():
    from blurnet.models import Classifier
    return Classifier(Net(2), mean=0.5, classes=("no", "yes"), size=16)

def too_many(a, b):
    return Net(a)

def wrong():
    return 3

def fails():
    raise ValueError("no such\\nluck")

made = Net(2)
number = 7
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "helper.py").write_text("WIDTH = 6\n")
    path = tmp_path / "nets" / "mynet.py"
    path.write_text(FILE)
    yield path
    sys.modules.pop("helper", None)


def count(net):
    return net(torch.rand(2, 3, 8, 8)).shape[1]


def test_from_a_file(file):
    path = list(sys.path)
    assert count(import_model("nets/mynet.py:fixed")) == 2
    assert count(import_model(f"{file}:Zoo.inside")) == 2
    assert count(import_model("nets/mynet.py:made")) == 2
    assert count(import_model("nets/mynet.py:by_default")) == 4
    assert count(import_model("nets/mynet.py:by_default", classes="abc")) == 3
    assert count(import_model("nets/mynet.py:Net", classes="abc")) == 3
    assert count(import_model("nets/mynet.py:by_place", classes="abc")) == 3
    assert sys.path == path
    assert not import_model("nets/mynet.py:fixed").training


def test_from_a_module_here_and_an_installed_one(file, monkeypatch):
    (file.parent / "__init__.py").write_text("")
    file.write_text(FILE.replace("import helper", "from nets import helper"))
    assert count(import_model("nets.mynet:Net", classes="abcde")) == 5
    net = import_model("blurnet.models:SmallResNet", classes="abc")
    assert type(net.model).__name__ == "SmallResNet"
    for name in [name for name in sys.modules if name.partition(".")[0] == "nets"]:
        monkeypatch.delitem(sys.modules, name)


def test_the_seed_draws_the_weights(file):
    drawn = [import_model("nets/mynet.py:fixed", seed=s).model.fc.weight for s in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    own = import_model("lisa_cnn", classes="abc", seed=4)
    assert torch.equal(own.model.fc.weight, build("lisa_cnn", 3, seed=4).fc.weight)


def test_a_classifier_of_the_users_own(file):
    net = import_model("nets/mynet.py:wrapped")
    assert (net.classes, net.size, float(net.mean)) == (("no", "yes"), (16, 16), 0.5)
    other = import_model("nets/mynet.py:wrapped", std=2, size=8, classes="ab")
    assert (other.classes, other.size, float(other.std)) == (("a", "b"), (8, 8), 2)
    assert not isinstance(other.model, Classifier)


def test_an_exported_program(file, tmp_path):
    exported = program()
    torch.export.save(exported, tmp_path / "net.pt2")
    net = import_model("net.pt2", classes="abcde")
    batch = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(net(batch), exported.module()(batch))
    assert net(batch[:1]).shape == (1, 5)


@pytest.mark.parametrize("kind", ["safetensors", "pt", "lightning", "parallel", "compiled"])
def test_weights(file, tmp_path, kind):
    source = import_model("nets/mynet.py:fixed", seed=9).model.state_dict()
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    if kind == "safetensors":
        save_file(source, path, {"labels": '["no", "yes"]'})
    elif kind == "lightning":
        torch.save({"epoch": 3, "state_dict": source}, path)
    else:
        before = {"pt": "", "parallel": "module.", "compiled": "_orig_mod."}[kind]
        torch.save({before + name: weight for name, weight in source.items()}, path)
    net = import_model("nets/mynet.py:fixed", weights=path)
    assert torch.equal(net.model.fc.weight, source["fc.weight"])
    assert net.classes == (("no", "yes") if kind == "safetensors" else None)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was opened",))


def test_refused_in_one_line(file, tmp_path):
    torch.save({"w": Bomb()}, tmp_path / "bomb.pt")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    torch.save(build("lisa_cnn", 2, seed=0).state_dict(), tmp_path / "other.pt")
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04")
    (tmp_path / "cut.pt2").write_bytes(b"PK\x03\x04")
    (tmp_path / "broken.py").write_text("def build(:")
    mine = "nets/mynet.py:"
    cases = {
        "no model 'vgg'; there are: grey_resnet, lisa_cnn": ("vgg",),
        "lisa_cnn: it needs num_classes, the number of classes: name them": ("lisa_cnn",),
        "nets/other.py: no such file": ("nets/other.py:build",),
        "mynet.py:nothing: no 'nothing' in it; there are: Net, by_default": (f"{mine}nothing",),
        "Zoo.nothing: no 'Zoo.nothing' in it; there are: Net": (f"{mine}Zoo.nothing",),
        "mynet.py:number: a int, not a function or class": (f"{mine}number",),
        "mynet.py:Net: it needs num_classes, the number of classes": (f"{mine}Net",),
        "mynet.py:too_many: it needs a, b; give a function": (f"{mine}too_many",),
        "mynet.py:wrong: a network is an nn.Module or an exported program, not a int": (
            f"{mine}wrong",
        ),
        "mynet.py:fails: it raised ValueError: no such luck": (f"{mine}fails",),
        "broken.py: importing it raised SyntaxError": ("broken.py:build",),
        "no module 'not_installed.nets'": ("not_installed.nets:build",),
        "none.pt2: no such file": ("none.pt2",),
        "cut.pt2: an archive that cannot be read": ("cut.pt2",),
        "none.pt: no such file": (f"{mine}fixed", "none.pt"),
        "bomb.pt: it holds more than tensors": (f"{mine}fixed", "bomb.pt"),
        "list.pt: no state_dict in it; it holds a list": (f"{mine}fixed", "list.pt"),
        "cut.pt: an archive that cannot be read": (f"{mine}fixed", "cut.pt"),
        "other.pt: weights of another architecture than Net": (f"{mine}fixed", "other.pt"),
    }
    for message, (spec, *weights) in cases.items():
        with pytest.raises(BlurnetError) as error:
            import_model(spec, weights=tmp_path / weights[0] if weights else None)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_users_module_is_not_confused_with_another_of_that_name(file, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "mynet.py").write_text(
        "from torch import nn\n"
        "def fixed():\n    return nn.Sequential(nn.Flatten(), nn.Linear(9, 3))\n"
    )
    first = import_model("nets/mynet.py:fixed").model
    second = import_model("elsewhere/mynet.py:fixed").model
    assert isinstance(second, nn.Sequential)
    assert not isinstance(first, nn.Sequential)
