"""``blurnet train``: any defence, one command, a file that says what it is."""

import json
import os
import signal
import subprocess
import sys
import time

import torch

from blurnet.data.tensors import read_safetensors
from blurnet.engine import Records
from blurnet.experiments.steps.network import network_of
from blurnet.models import LisaCNN, read_network


def command(signs, out, *more):
    return [
        sys.executable, "-c", "from blurnet.cli.main import main; main()",
        "train", "--data", f"folder:{signs}", "--classes", "all", "--out", str(out), *more,
    ]  # fmt: skip


def test_trains_a_network_and_says_what_it_is(drawn_folder, tmp_path):
    arguments = command(drawn_folder, tmp_path, "--epochs", "2", "--json", "--seed", "3")
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    assert result["test_images"] == 18
    assert result["train_images"] == 54
    assert result["interval"][0] <= result["test_accuracy"] <= result["interval"][1]
    assert result["seconds"] > 0
    network = read_network(tmp_path / "network.safetensors", LisaCNN)
    assert result["checkpoint"] == str(tmp_path / "network.safetensors")
    assert network.classes == ("stop", "stopAhead", "yield")
    metadata = read_safetensors(tmp_path / "network.safetensors")[1]
    assert json.loads(metadata["seed"]) == 3
    assert json.loads(metadata["recipe"])["training"]["epochs"] == 2
    again = subprocess.run(arguments, check=True, capture_output=True, text=True)
    assert not again.stderr, "nothing was trained again"
    assert json.loads(again.stdout)["test_accuracy"] == result["test_accuracy"]


def test_trains_a_defended_network_and_reads_it_back(drawn_folder, tmp_path):
    subprocess.run(
        command(
            drawn_folder, tmp_path, "--epochs", "2", "--quiet",
            "--learned", "random:3:relu1", "--filter", "box:3:input",
            "--penalty", "l_infinity:0.1", "--hardening", "occlusion",
        ),
        check=True,
    )  # fmt: skip
    outcome = Records(tmp_path)[next((tmp_path / "cells").glob("train-*")).name]
    model = network_of(outcome)
    kernels = [p for name, p in model.named_parameters() if "kernel" in name]
    assert [tuple(k.shape) for k in kernels] == [(64, 1, 3, 3)]
    assert torch.equal(kernels[0], outcome.tensors["network.relu1.filter.kernel"])


def test_a_killed_training_goes_on_in_its_cell(drawn_folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    often = "from blurnet.experiments import networks; networks.CHECKPOINT_SECONDS = 0.1; "
    python, flag, code, *arguments = command(drawn_folder, killed, "--epochs", "60", "--quiet")
    with subprocess.Popen([python, flag, often + code, *arguments]) as process:
        while not list(killed.glob("cells/.train-*.working/checkpoint.safetensors")):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / "network.safetensors").exists()
    for folder in (killed, whole):
        subprocess.run(command(drawn_folder, folder, "--epochs", "60", "--quiet"), check=True)
    for name in ("config.json", "result.json", "tensors.safetensors"):
        (first,), (second,) = (
            [f.read_bytes() for f in folder.glob(f"cells/train-*/{name}")]
            for folder in (killed, whole)
        )
        assert first == second, name
    assert not list(killed.glob("cells/.*"))
