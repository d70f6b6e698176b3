"""``blurnet inspect``: what a user reads before hardening a network of their own."""

import json
from pathlib import Path

import pytest
import torch
from networks import NETWORKS

from blurnet.defenses import Blur, harden, save
from blurnet.models import build

FILES = Path(__file__).parent / "networks"


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_nobody_has_seen(blurnet, name):
    status, out, err = blurnet("inspect", f"{FILES / name}.py:build")
    assert status == 0, err
    assert not err
    assert max(map(len, out.splitlines())) <= 80
    channels, *_ = NETWORKS[name][1]
    assert out.startswith(f"input   {channels} × ")
    (marked,) = (line for line in out.splitlines() if line.startswith(" →"))
    assert "Conv" in marked
    assert "→ the first convolution, where --blur box:5 goes" in out


def test_a_place_after_a_functional_activation_is_said(blurnet):
    _, out, _ = blurnet("inspect", f"{FILES / 'functional.py'}:build")
    assert "such as conv1+activation: relu()" in out
    assert "1 more with another output than C × H × W cannot be filtered (--all)" in out
    _, out, _ = blurnet("inspect", f"{FILES / 'functional.py'}:build", "--all")
    assert "fc " in out
    assert "cannot be filtered" not in out


def test_json(blurnet):
    spec = f"{FILES / 'residual.py'}:build"
    _, out, _ = blurnet("inspect", spec, "--size", 64, "--classes", "a,b,c", "--json")
    found = json.loads(out)
    assert (found["input"], found["logits"]) == ([3, 64, 64], 3)
    assert found["first_convolution"] == "conv1"
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert layers["layer1.0.relu"]["runs"] == 2
    assert layers["layer1.0.relu"]["shape"] == [1, 8, 8, 8]
    assert layers["bn1"]["followed_by"] == "relu"
    assert not layers["fc"]["filterable"]
    torch.manual_seed(0)
    weights = sum(weight.numel() for weight in NETWORKS["residual"][0](3).parameters())
    assert found["weights"] == weights


def test_a_hardened_network_from_its_folder(blurnet):
    net = harden(build("small_resnet", 3, seed=0), Blur("gaussian", 5))
    save(net, blurnet.folder / "hard", classes="abc")
    status, out, _ = blurnet("inspect", "hard")
    assert status == 0
    assert "blur    gaussian 5×5, after conv1" in out


def test_one_of_blurnets_own(blurnet):
    status, out, _ = blurnet("inspect", "lisa_cnn", "--classes", "rp2")
    assert status == 0
    assert "logits  17" in out


def test_refused_in_one_line(blurnet):
    cases = {
        "no model 'vgg'": ("vgg",),
        "needs num_classes, the number of classes": ("lisa_cnn",),
        "does not take images of 3 × 48 × 48": ("lisa_cnn", "--classes", "rp2", "--size", 48),
        "it takes images of 3 × 32 × 32": ("lisa_cnn", "--classes", "rp2", "--size", 48),
        "of 3 channels": ("lisa_cnn", "--classes", "a,b", "--size", 32, "--channels", 1),
        "--channels goes with --size": (f"{FILES / 'grey.py'}:build", "--channels", 1),
        "nowhere/network.safetensors: no such file": ("nowhere/network.safetensors",),
        "leave these options out": ("nowhere/network.safetensors", "--classes", "a,b"),
        "none.pt: no such file": (f"{FILES / 'grey.py'}:build", "--weights", "none.pt"),
    }
    for message, arguments in cases.items():
        status, out, err = blurnet("inspect", *arguments)
        assert status == 2
        assert message in err
        assert err.count("\n") == 1
        assert not out
