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
from safetensors.torch import save_file

from blurnet.cli.spectrum_command import spectrum
from blurnet.data.rp2 import RP2_CLASSES
from blurnet.defenses import Blur, harden, load, save
from blurnet.models import build
from blurnet.report import print_blocks
from blurnet.report.spectra.measured import layer_spectra, tables_of
from blurnet.spectra import CUTOFF, INPUT, compare_spectra, layer_share, measure_spectra


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
def own(tmp_path):
    """A network of a user's own: one channel, 48 pixels, a functional activation, a dict."""
    (tmp_path / "own.py").write_text("""
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 48 * 48, 3)

    def forward(self, x):
        return {"logits": self.fc(F.relu(self.conv1(x)).flatten(1))}

def build():
    return Net()
""")
    return tmp_path / "own.py"


def tensors(folder):
    from blurnet.data.images import image_files, read_image

    return torch.stack([read_image(path) for path in image_files(folder)]).float() / 255


def test_one_picture_alone(blurnet, pictures):
    picture = pictures / "clean" / "01.png"
    status, printed, progress = blurnet("spectrum", picture)
    assert status == 0
    assert progress == "spectra of 1 image\n"
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
    model = load(pictures / "net.safetensors", "lisa_cnn")
    compared = compare_spectra(model, clean, attacked, [INPUT, "relu1"], cutoff=0.3, window="hann")
    for layer, expected in compared.items():
        for name in ("clean", "attacked", "attacked_minus_clean", "energy_over_clean"):
            assert by_layer[layer][name] == pytest.approx(expected.plain()[name])
        for name in ("control", "attacked_minus_control", "control_difference"):
            assert by_layer[layer][name]["low"] < by_layer[layer][name]["high"]
    assert len(found["figures"]) == 8
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
    network = harden(build("small_resnet", 17, seed=0), Blur("box", 3, "relu1"))
    save(network, artifacts / "other", classes=RP2_CLASSES, model="small_resnet")
    for other in ("other", "other/network.safetensors"):
        other_network = ("--model-file", artifacts / other, "--layer", "relu1")
        status, printed, _ = blurnet("spectrum", "--rp2", artifacts, *other_network, "-q", "--json")
        assert status == 0
        found = json.loads(printed)["layers"][-1]
    images = tensors(artifacts / "victims")
    expected = compare_spectra(network, images, images, ["relu1"])["relu1"].clean
    assert found["layer"] == "relu1"
    assert found["clean"]["mean"] == pytest.approx(float(expected.mean), rel=1e-4)


def test_a_network_of_ones_own_of_another_size_and_one_channel(blurnet, pictures, own):
    arguments = ["--model", f"{own}:build", "--channels", "1", "--json"]
    status, printed, said = blurnet("spectrum", pictures / "clean", *arguments)
    assert status == 0
    assert "blurnet: pictures are resized to 48 × 48 pixels, which the network takes" in said
    found = [each["layer"] for each in json.loads(printed)["layers"]]
    assert found == ["input", "conv1", "conv1+activation"]
    attack = ["--attacked", pictures / "attacked", "--mask", pictures / "mask.png", "--size", "48"]
    status, printed, said = blurnet(
        "spectrum", pictures / "clean", *attack, *arguments, "--layer", "conv1+activation", "-q"
    )
    assert (status, said) == (0, "")
    (_, activation) = json.loads(printed)["layers"]
    assert activation["attacked_minus_control"]["low"] is not None
    assert (blurnet.folder / "runs/spectrum/spectra-conv1-activation.svg").is_file()


def test_a_mask_for_each_picture(blurnet, pictures):
    for name in ("01", "02", "10"):
        mask = torch.zeros(32, 32, dtype=torch.uint8)
        mask[10:14, 8 : 24 if name == "01" else 12] = 255
        write(pictures / "masks" / f"{name}.png", mask)
    attack = ["--attacked", pictures / "attacked", "--mask", pictures / "masks"]
    status, printed, _ = blurnet("spectrum", pictures / "clean", *attack, "--json", "-q")
    assert status == 0
    assert json.loads(printed)["controls"] == 10


def test_pictures_are_resized_for_a_network_alone(blurnet, tmp_path, pictures):
    write(tmp_path / "large.png", torch.full((40, 60, 3), 9, dtype=torch.uint8))
    network = ["--model-file", pictures / "net.safetensors", "--layer", "relu1", "--json"]
    status, printed, said = blurnet("spectrum", tmp_path / "large.png", *network)
    assert status == 0
    assert "resized to 32 × 32 pixels" in said
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
            ["{0}/clean", "--attacked", "{0}/attacked", "--mask", "{0}/empty"],
            "no mask for 01, 02, 10",
        ),
        (["{0}/clean", "--weights", "{0}/net.safetensors"], "--weights is of a network named by"),
        (["{0}/clean", "--model", "no_such"], "no model 'no_such'; there are: "),
        (["{0}/clean", "--attacked", "{0}/attacked", "--mask", "{0}/black.png"], "mask is black"),
        (["{0}/clean", "--layer", "conv1"], "give --model-file, --model or --rp2"),
        (["{0}/clean", "--cutoff", "0.8"], "a cut-off of 0.8 cycles per pixel does not part"),
        (["{0}/clean", "--model-file", "{0}/mask.png"], "not a whole safetensors file"),
        (["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "no"], "no layer 'no'"),
        (["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "fc"], "of maps"),
        (
            ["{0}/clean", "--model-file", "{0}/net.safetensors", "--layer", "conv3"],
            "does not part the frequencies of maps of 2 × 2 pixels",
        ),
        (["--rp2", "{0}", "--size", "48"], "--rp2 brings its own images: leave out --size"),
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


def test_a_trained_network_is_read_with_its_filters(blurnet, drawn_folder, pictures):
    training = ["--epochs", "1", "--learned", "random:3:relu1", "--out", "trained", "-q"]
    data = ["--data", f"folder:{drawn_folder}", "--classes", "all"]
    status, _, _ = blurnet("train", *data, *training)
    assert status == 0
    look = ["--model-file", "trained/network.safetensors", "--layer", "relu1", "--json", "-q"]
    status, printed, _ = blurnet("spectrum", pictures / "clean", *look)
    assert status == 0
    network = load(blurnet.folder / "trained")
    maps = measure_spectra(network, tensors(pictures / "clean"), None, ["relu1"])["relu1"]
    share = json.loads(printed)["layers"][-1]["clean"]["mean"]
    assert share == pytest.approx(float(maps.measured["clean"].share.mean()), rel=1e-5)


def test_the_words_follow_the_intervals():
    slow = torch.linspace(0, 1, 32).expand(3, 32, 32)
    noise = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    clean = slow + 0.1 * noise
    found = measure_spectra(None, clean, slow + 0.5 * noise, [INPUT], controls=[slow + 0.9 * noise])
    console = Console(width=80)
    with console.capture() as captured:
        print_blocks(tables_of({INPUT: layer_spectra(found[INPUT])}, 4, CUTOFF, None), console)
    text = captured.get()
    assert text.count("Attacked against the clean images: higher in input.") == 2
    assert text.count("Attacked against random colours in the mask: lower in input.") == 2
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
