"""``blurnet spectrum``: its table, its figures, and every mistake one line and exit status 2."""

import inspect
import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file, save_file

from blurnet.cli.spectrum_command import spectrum
from blurnet.data.rp2 import RP2_CLASSES
from blurnet.errors import BlurnetError
from blurnet.experiments.train import read_trained
from blurnet.models import build
from blurnet.report.spectra.spectrum_table import print_shares
from blurnet.spectra import CUTOFF, INPUT, high_frequency_claim, layer_share


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.numpy()).save(path)


@pytest.fixture
def pictures(tmp_path):
    """Three clean pictures, the same with an attack in the mask, the mask, and a network."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(32, 32, dtype=torch.uint8)
    mask[10:14, 8:24] = 255
    for name in ("01", "02", "10"):
        clean = torch.randint(0, 256, (32, 32, 3), generator=generator).to(torch.uint8)
        attacked = torch.where(mask[..., None] > 0, 255 - clean, clean)
        write(tmp_path / "clean" / f"{name}.png", clean)
        write(tmp_path / "attacked" / f"{name}.png", attacked)
    write(tmp_path / "mask.png", mask)
    network = build("lisa_cnn", 17, seed=0).state_dict()
    save_file(network, tmp_path / "net.safetensors", {"labels": json.dumps(RP2_CLASSES)})
    return tmp_path


@pytest.fixture
def artifacts(pictures):
    """The same as a folder in RP2's layout."""
    (pictures / "clean").rename(pictures / "victims")
    (pictures / "masks").mkdir()
    (pictures / "mask.png").rename(pictures / "masks" / "sticker.png")
    (pictures / "net.safetensors").rename(pictures / "lisa_cnn.safetensors")
    save_file(
        {"noise": torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))},
        pictures / "sticker_noise.safetensors",
        {"source_class": "stop", "target": "speedLimit45"},
    )
    return pictures


def tensors(folder):
    from blurnet.data.images import image_files, read_image

    return torch.stack([read_image(path) for path in image_files(folder)]).float() / 255


def test_one_picture_alone(blurnet, pictures):
    picture = pictures / "clean" / "01.png"
    status, printed, progress = blurnet("spectrum", picture)
    assert status == 0
    assert progress == "1/1 spectra of 1 images\n"
    assert "input R" in printed
    files = sorted(path.name for path in (blurnet.folder / "runs/spectrum").iterdir())
    assert files == [
        f"{name}.{suffix}" for name in ("radial-profiles", "spectra-input")
        for suffix in ("png", "svg")
    ]  # fmt: skip


def test_attack_and_control_as_json_are_what_the_functions_say(blurnet, pictures):
    status, printed, progress = blurnet(
        "spectrum", pictures / "clean", "--attacked", pictures / "attacked",
        "--mask", pictures / "mask.png", "--model-file", pictures / "net.safetensors",
        "--layer", "relu1", "--cutoff", "0.3", "--window", "hann",
        "--out", "figures", "--json", "--quiet",
    )  # fmt: skip
    assert (status, progress) == (0, "")
    found = json.loads(printed)
    assert (found["images"], found["controls"], found["window"]) == (3, 10, "hann")
    by_layer = {each["layer"]: each for each in found["layers"]}
    assert list(by_layer) == ["input", "input R", "input G", "input B", "relu1"]
    clean, attacked = tensors(pictures / "clean"), tensors(pictures / "attacked")
    model = read_trained(pictures / "net.safetensors").model
    claim = high_frequency_claim(
        model, clean, attacked, [INPUT, "relu1"], cutoff=0.3, window="hann"
    )
    for layer, expected in claim.items():
        for name in ("clean", "attacked", "attacked_minus_clean", "energy_over_clean"):
            interval = {b: float(x) for b, x in getattr(expected, name)._asdict().items()}
            assert by_layer[layer][name] == pytest.approx(interval)
        for name in ("control", "attacked_minus_control", "control_difference"):
            assert by_layer[layer][name]["low"] < by_layer[layer][name]["high"]
    assert len(found["figures"]) == 6
    for path in found["figures"]:
        file = blurnet.folder / path
        if file.suffix == ".png":
            with Image.open(file) as picture:
                assert min(picture.size) > 400
        else:
            assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_rp2s_folder_and_another_network_in_it(blurnet, artifacts):
    status, printed, _ = blurnet("spectrum", "--rp2", artifacts, "--quiet")
    assert status == 0
    table = printed.split("figures  ")[0]
    assert max(map(len, table.splitlines())) <= 80
    for layer in ("conv1", "relu1", "conv2", "relu2"):
        assert layer in table
        assert (blurnet.folder / "runs/spectrum" / f"spectra-{layer}.png").is_file()
    assert "conv3" not in table
    other = artifacts / "other.safetensors"
    labels = {"labels": json.dumps(RP2_CLASSES)}
    recipe = {
        "model": "small_resnet", "filters": [{"kernel": "box", "size": 3, "after": "relu1"}]
    }  # fmt: skip
    from blurnet.experiments.steps.network import Recipe

    network = Recipe(**recipe).network(17, (3, 32, 32), seed=0)
    save_file(network.state_dict(), other, labels | {"recipe": json.dumps(recipe)})
    status, printed, _ = blurnet(
        "spectrum", "--rp2", artifacts, "--model-file", other, "--layer", "relu1.filter", "-q"
    )
    assert status == 0
    assert "relu1.filter" in printed


def test_pictures_are_resized_for_a_network_alone(blurnet, tmp_path, pictures):
    write(tmp_path / "large.png", torch.full((40, 60, 3), 9, dtype=torch.uint8))
    network = ["--model-file", pictures / "net.safetensors", "--layer", "relu1", "--json", "-q"]
    status, printed, _ = blurnet("spectrum", tmp_path / "large.png", *network)
    assert status == 0
    assert json.loads(printed)["layers"][0]["clean"] == {"mean": None, "low": None, "high": None}
    status, printed, _ = blurnet("spectrum", tmp_path / "large.png")
    assert status == 0
    assert "–" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which images?"),
        (["missing.png"], "missing.png: no such file"),
        (["{0}/empty"], "empty: a folder without pictures"),
        (["{0}/net.safetensors"], "not a picture"),
        (["{0}/clean", "--attacked", "{0}/mask.png"], "3 images and 1 attacked: they are paired"),
        (["{0}/clean", "{0}/small.png"], "small.png: 8 × 9 pixels, and the first image has 32"),
        (["{0}/clean/01.png", "--attacked", "{0}/small.png"], "small.png: 8 × 9 pixels"),
        (["{0}/clean", "--mask", "{0}/mask.png"], "give --attacked too"),
        (
            ["{0}/clean", "--attacked", "{0}/attacked", "--mask", "{0}/small.png"],
            "small.png: 8 × 9 pixels, and the images have 32 × 32",
        ),
        (["{0}/clean", "--attacked", "{0}/attacked", "--mask", "{0}/black.png"], "mask is black"),
        (["{0}/clean", "--layer", "conv1"], "give --model-file or --rp2"),
        (["{0}/clean", "--cutoff", "0.8"], "a cut-off of 0.8 cycles per pixel does not part"),
        (["{0}/clean", "--model-file", "{0}/mask.png"], "not a whole safetensors file"),
        (["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "no"], "no layer 'no'"),
        (["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "fc"], "of maps"),
        (
            ["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "conv3"],
            "does not part the frequencies of maps of 2 × 2 pixels",
        ),
        (["--rp2", "missing"], "missing: no such folder; --rp2 takes one with"),
        (["{0}/clean", "--rp2", "{0}"], "--rp2 brings its own images: leave out IMAGE"),
    ],
)
def test_mistakes(blurnet, pictures, arguments, message):
    (pictures / "empty").mkdir()
    write(pictures / "small.png", torch.zeros(9, 8, dtype=torch.uint8))
    write(pictures / "black.png", torch.zeros(32, 32, dtype=torch.uint8))
    status, out, error = blurnet(
        "spectrum", "-q", *(text.format(pictures) for text in arguments)
    )  # fmt: skip
    assert status == 2
    assert not out
    assert error.startswith("blurnet: ")
    assert error.count("\n") == 1
    assert message in error
    assert not list(blurnet.folder.iterdir()), "something was written"


def test_a_file_where_the_folder_should_be(blurnet, pictures):
    (blurnet.folder / "out").write_text("")
    status, _, error = blurnet("spectrum", pictures / "clean" / "01.png", "--out", "out", "-q")
    assert status == 2
    assert error.startswith("blurnet: out: cannot write there")


@pytest.mark.parametrize("recipe", ["[", "[1]", '{"model": "lisa_cnn", "colour": 1}'])
def test_a_network_whose_recipe_makes_no_sense(pictures, recipe):
    path = pictures / "net.safetensors"
    save_file(load_file(path), path, {"labels": json.dumps(RP2_CLASSES), "recipe": recipe})
    with pytest.raises(BlurnetError, match=r"net.safetensors: the 'recipe' .* is not blurnet's"):
        read_trained(path)


def test_a_trained_network_is_read_with_its_filters(drawn_folder, tmp_path):
    from blurnet.data import load
    from blurnet.engine import Records
    from blurnet.experiments.steps.network import network_of

    subprocess.run(
        [
            sys.executable, "-c", "from blurnet.cli.main import main; main()", "train",
            "--data", f"folder:{drawn_folder}", "--classes", "all", "--out", str(tmp_path),
            "--epochs", "1", "--quiet", "--learned", "random:3:relu1", "--filter", "box:3:input",
        ],
        check=True,
    )  # fmt: skip
    network = read_trained(tmp_path / "network.safetensors")
    outcome = Records(tmp_path)[next((tmp_path / "cells").glob("train-*")).name]
    images = load(f"folder:{drawn_folder}").test.images.float() / 255
    assert network.classes == tuple(outcome.values["classes"])
    with torch.no_grad():
        assert torch.equal(network.model(images), network_of(outcome)(images))


def test_the_words_follow_the_intervals():
    slow = torch.linspace(0, 1, 32).expand(3, 32, 32)
    noise = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    clean = slow + 0.1 * noise
    claims = high_frequency_claim(
        None, clean, slow + 0.5 * noise, [INPUT], controls=[slow + 0.9 * noise]
    )
    console = Console(width=80)
    with console.capture() as captured:
        print_shares(4, {INPUT: vars(claims[INPUT])}, CUTOFF, None, console)
    text = captured.get()
    assert text.count("Attacked against the clean images: higher in input.") == 2
    assert text.count("Attacked against random colours in the same mask: lower in input.") == 2
    assert f"{100 * float(layer_share(clean).mean()):.1f}" in text


def test_the_default_cutoff_is_one():
    assert inspect.signature(spectrum).parameters["cutoff"].default == CUTOFF


def test_help_imports_neither_torch_nor_matplotlib():
    code = """
import sys
from blurnet.cli.main import main
sys.argv = ["blurnet", "spectrum", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {"torch", "matplotlib", "scipy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
