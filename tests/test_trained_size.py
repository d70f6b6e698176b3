"""Photographs at the size that a network of blurnet's was trained at, unless another is said."""

import torch
from safetensors.torch import save_file

from blurnet.cli.trained import trained_shape


def test_the_file_says_what_it_was_trained_on(tmp_path):
    file = tmp_path / "network.safetensors"
    save_file({"w": torch.zeros(1)}, file, {"example": "[1, 64, 64]"})
    assert trained_shape(file) == trained_shape(tmp_path) == (1, 64, 64)


def test_files_that_do_not_say(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file({"w": torch.zeros(1)}, file)
    assert trained_shape(file) is None
    save_file({"w": torch.zeros(1)}, file, {"example": '["x"]'})
    assert trained_shape(file) is None
    assert trained_shape(tmp_path / "missing.safetensors") is None
    assert trained_shape(None) is None


def test_a_trained_network_is_evaluated_at_its_size(blurnet, drawn_folder):
    data = f"folder:{drawn_folder}"
    given = ("--data", data, "--model", "small_resnet", "--size", 24, "--epochs", 1, "--out", "net")
    assert blurnet("train", *given)[0] == 0
    found = blurnet(
        "attack", "rp2", "--model-file", "net", "--data", data, "--target", "yield", "--steps", 1
    )
    assert found[0] == 0, found[2]
    assert "photographs at 24 × 24 pixels, as the network was trained" in found[2]


def test_a_trained_network_is_inspected_at_its_size_and_not_replaced(blurnet, drawn_folder):
    given = ("--data", f"folder:{drawn_folder}", "--model", "small_resnet", "--size", 24)
    assert blurnet("train", *given, "--epochs", 1, "--out", "net")[0] == 0
    assert "3 × 24 × 24, as it was trained" in blurnet("inspect", "net")[1]
    before = (blurnet.folder / "net" / "network.safetensors").read_bytes()
    status, _, said = blurnet("train", *given, "--epochs", 2, "--out", "net")
    assert status == 2
    assert "a network that was trained otherwise is there" in said
    assert (blurnet.folder / "net" / "network.safetensors").read_bytes() == before
    assert blurnet("train", *given, "--epochs", 2, "--out", "net", "--replace")[0] == 0
    assert (blurnet.folder / "net" / "network.safetensors").read_bytes() != before
