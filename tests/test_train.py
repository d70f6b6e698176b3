"""``blurnet train``: any network, any defense, one command, a file that says what it is."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from blurnet.data.tensors import read_safetensors
from blurnet.defenses import defense_of, load
from blurnet.engine import Records
from blurnet.experiments.steps.network import network_of
from blurnet.experiments.steps.values import NetworkValues
from blurnet.filters import filters_of
from blurnet.models import LisaCNN, build, read_network

OWN = """
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, classes, channels=3):
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 5, stride=2)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        return {"logits": self.fc(F.relu(self.first(x)).mean((2, 3)))}

def build(num_classes):
    return Net(num_classes)

def grey(num_classes):
    return Net(num_classes, 1)
"""


def arguments(signs, out, *more):
    return ["train", "--data", f"folder:{signs}", "--out", str(out), *more]


def command(signs, out, *more):
    code = "from blurnet.cli.main import main; main()"
    return [sys.executable, "-c", code, *arguments(signs, out, *more)]


def test_trains_a_network_and_says_what_it_is(drawn_folder, tmp_path, blurnet):
    given = arguments(drawn_folder, tmp_path, "--epochs", "2", "--json", "--seed", "3")
    status, printed, _ = blurnet(*given)
    result = json.loads(printed)
    assert status == 0
    accuracy = result["test_accuracy"]
    assert accuracy["total"] == 18
    assert result["train_images"] == 54
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert result["seconds"] > 0
    network = read_network(tmp_path / "network.safetensors", LisaCNN)
    assert result["network"] == str(tmp_path / "network.safetensors")
    assert network.classes == ("stop", "stopAhead", "yield")
    metadata = read_safetensors(tmp_path / "network.safetensors")[1]
    assert json.loads(metadata["seed"]) == 3
    assert json.loads(metadata["recipe"])["training"]["epochs"] == 2
    status, again, progress = blurnet(*given)
    assert (status, progress) == (0, ""), "nothing was trained again"
    assert again == printed


def test_trains_a_defended_network_and_reads_it_back(drawn_folder, tmp_path, blurnet):
    status, printed, _ = blurnet(
        *arguments(
            drawn_folder, tmp_path, "--epochs", "2", "--quiet",
            "--learned", "random:3:relu1", "--blur", "box:3:input",
            "--penalty", "l_infinity:0.1", "--augmentation", "occlusion:share=0.5",
            "--adversarial", "pgd:steps=1",
        )
    )  # fmt: skip
    assert status == 0
    assert "learned from random 3×3 after relu1" in printed
    key = next((tmp_path / "records").glob("train-*")).name
    outcome = Records(tmp_path).read(key, NetworkValues)
    kernels = {name: t for name, t in outcome.tensors.items() if "blur_kernel" in name}
    assert {name: tuple(t.shape) for name, t in kernels.items()} == {
        "relu1.blur_kernel": (64, 1, 3, 3)
    }
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    read = load(tmp_path)
    assert read.classes == ("stop", "stopAhead", "yield")
    assert torch.equal(read(images), network_of(outcome)(images))
    recipe = json.loads(read_safetensors(tmp_path / "network.safetensors")[1]["recipe"])
    assert recipe["defense"]["augmentation"] == {"name": "occlusion", "share": 0.5}
    assert recipe["defense"]["adversarial"] == {"name": "pgd", "steps": 1}


@pytest.mark.parametrize("build_by", ["build", "grey"])
def test_trains_a_users_network_at_its_size(drawn_folder, tmp_path, blurnet, build_by):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    channels = ["--channels", "1"] if build_by == "grey" else []
    status, printed, progress = blurnet(
        *arguments(drawn_folder, tmp_path / "out", "--epochs", "1", "--size", "48", *channels),
        "--model", f"{own}:{build_by}", "--blur", "box:5",
    )  # fmt: skip
    assert status == 0, progress
    assert "blur box 5×5 after first" in printed
    network = load(tmp_path / "out")
    assert [each.place for each in filters_of(network)] == [defense_of(network).filters[0].after]
    assert network(torch.rand(1, 1 if channels else 3, 48, 48)).shape == (1, 3)


def test_own_data_give_the_size_and_weights_the_start(drawn_folder, tmp_path, blurnet):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    weights = {"first.weight": torch.zeros(8, 3, 5, 5), "first.bias": torch.zeros(8)}
    weights |= {"fc.weight": torch.zeros(3, 8), "fc.bias": torch.tensor([0.0, 9.0, 0.0])}
    save_file(weights, tmp_path / "start.safetensors")
    given = (
        *arguments(drawn_folder, tmp_path / "out", "--epochs", "1", "--json", "--quiet"),
        "--model", f"{own}:build", "--weights", tmp_path / "start.safetensors",
        "--set", "training.lr=1.0e-9",
    )  # fmt: skip
    status, printed, said = blurnet(*given)
    assert status == 0, said
    assert json.loads(printed)["test_accuracy"]["value"] == pytest.approx(1 / 3), "all stopAhead"
    key = json.loads(printed)["step"]
    assert Records(tmp_path / "out").read(key, NetworkValues).values.size == 32
    weights["fc.bias"] += 1
    save_file(weights, tmp_path / "start.safetensors")
    assert json.loads(blurnet(*given, "--replace")[1])["step"] != key


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--blur", "box"], "--blur box: write KERNEL:SIZE or KERNEL:SIZE:AFTER"),
        (["--blur", "box:4"], "size is odd"),
        (["--blur", "box:3:relu9"], "no layer 'relu9'"),
        (["--penalty", "l_infinity:much"], "'much' is not a number"),
        (["--penalty", "l_infinity:1"], "no trainable"),
        (["--augmentation", "rain"], "no augmentation 'rain'; there are: double_cutout, gau"),
        (["--augmentation", "occlusion:size=3"], "no setting 'size'; there are: smallest"),
        (["--adversarial", "fgsm"], "no adversarial training 'fgsm'; there are: pgd"),
        (["--model", "vgg"], "no model 'vgg'"),
        (["--model", "missing.py:build"], "missing.py: no such file"),
        (["--size", "64", "--quiet"], "64 × 64"),
        (["--weights", "missing.safetensors"], "missing.safetensors: no such file"),
        (["--set", "colour=red"], "unknown setting 'colour'; there are: model, size"),
        (["--classes", "rp2"], "no class 'addedLane'"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(drawn_folder, blurnet, more, said):
    status, out, err = blurnet(*arguments(drawn_folder, blurnet.folder / "out", *more))
    assert (status, out) == (2, "")
    assert err.startswith("blurnet: ")
    assert err.count("\n") == 1
    assert said in err
    assert not list(blurnet.folder.iterdir())


def test_a_killed_training_goes_on_in_its_step(drawn_folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    often = "from blurnet.experiments.steps import training; training.CHECKPOINT_SECONDS = 0.1; "
    given = ("--epochs", "8", "--quiet")
    python, flag, code, *rest = command(drawn_folder, killed, *given)
    with subprocess.Popen([python, flag, often + code, *rest]) as process:
        while not list(killed.glob("records/.train-*.working/checkpoint.safetensors")):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / "network.safetensors").exists()
    for folder in (killed, whole):
        subprocess.run(command(drawn_folder, folder, *given), check=True)
    for name in ("result.json", "tensors.safetensors"):
        (first,), (second,) = (
            [f.read_bytes() for f in folder.glob(f"records/train-*/{name}")]
            for folder in (killed, whole)
        )
        assert first == second, name
    assert not list(killed.glob("records/.*"))


def test_weights_of_our_own_are_a_start(drawn_folder, tmp_path, blurnet):
    save_file(build("lisa_cnn", 3, seed=9).state_dict(), tmp_path / "start.safetensors")
    given = arguments(drawn_folder, tmp_path / "out", "--epochs", "1", "--json", "--quiet")
    steps = [
        json.loads(blurnet(*given, *more)[1])["step"]
        for more in ((), ("--weights", str(tmp_path / "start.safetensors"), "--replace"))
    ]
    assert steps[0] != steps[1]
