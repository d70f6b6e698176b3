"""``blurnet harden``: what it puts where, what it costs, what evaluate reads back, refusals."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

import blurnet as library
from blurnet.defenses import defense_of
from blurnet.evaluation.hardened import Hardened

OWN = ("--model", "mynet.py:build", "--weights", "w.safetensors")
SIGNS = ("--data", "folder:signs")


@pytest.fixture
def at_home(blurnet, own):
    """Run the command in a copy of the user's folder."""
    shutil.copytree(own, blurnet.folder, dirs_exist_ok=True)
    return blurnet


def hardened_in(folder):
    return Hardened.model_validate_json((folder / "hardened.json").read_text())


def test_a_fixed_blur_is_put_in_without_training(at_home):
    status, printed, said = at_home(
        "harden", *OWN, *SIGNS, "--blur", "box:3", "--mask", "bars.png", "--out", "hard"
    )
    assert status == 0, said
    folder = at_home.folder / "hard"
    told = hardened_in(folder)
    (blur,) = told.defense.filters
    assert blur.after == "conv1", "the first convolution, found and said"
    assert "blur box 3×3 after conv1" in said
    assert (told.epochs, told.trained_on) == (0, 0)
    assert told.before is not None
    assert told.after is not None
    assert told.before.total == told.after.total == 24
    assert "held-out images are classified rightly; before it was 100.0" in printed
    assert "points" in printed
    assert "hard/report.html" in printed
    assert "blurnet evaluate hard" in printed
    page = (folder / "report.html").read_text()
    assert "clean accuracy says nothing about stickers" in page
    plain, kept = (load_file(at_home.folder / name) for name in ("w.safetensors", folder / FILE))
    assert all(torch.equal(kept[name], tensor) for name, tensor in plain.items())
    net = library.load(folder)
    assert defense_of(net).filters == (blur,)
    assert net.classes == ("merge", "stop", "yield")


FILE = "network.safetensors"


def test_a_defense_that_needs_it_is_trained_and_read_back(at_home):
    given = ("harden", *OWN, *SIGNS, "--blur", "box:3", "--after", "conv1+activation")
    given = (*given, "--occlusion", "--epochs", 1, "--mask", "bars.png", "--out", "hard")
    status, printed, said = at_home(*given, "--json")
    assert status == 0, said
    told = json.loads(printed)
    assert told["defense"]["augmentation"] == {"name": "occlusion"}
    assert told["defense"]["filters"][0]["after"] == "conv1+activation"
    assert (told["epochs"], told["trained_on"], len(told["losses"])) == (1, 120, 1)
    folder = at_home.folder / "hard"
    assert not (folder / "training.safetensors").exists()
    before = (folder / FILE).stat().st_mtime_ns
    assert json.loads(at_home(*given, "--json", "--quiet")[1]) == told
    assert (folder / FILE).stat().st_mtime_ns == before, "not trained again"
    signs = library.load_images("folder:signs")
    answers = library.load(folder)(signs.test.floats).argmax(1)
    assert int((answers == signs.test.labels).sum()) == told["after"]["count"]
    evaluated = at_home("evaluate", "hard", "--suite", "quick", "--images", 3, "--out", "evidence")
    assert evaluated[0] in {0, 1}, evaluated[2]
    assert "as hard was hardened: data folder:signs, mask bars.png" in evaluated[2]
    evidence = library.Evidence.load(at_home.folder / "evidence")
    assert evidence.network == "hard"
    assert "occlusion" in evidence.defense
    assert len(evidence.labels) == 3
    other = at_home(*given[:-1], "hard", "--seed", 1)
    assert other[0] == 2
    assert (
        "hard: it holds a hardened network that was asked otherwise (seed); choose another"
        in other[2]
    )
    into = at_home("evaluate", "hard", "--out", "hard")
    assert into[0] == 2
    assert "hard: it holds a hardened network" in into[2]


def test_a_hardened_network_is_hardened_further(at_home):
    assert at_home("harden", *OWN, *SIGNS, "--blur", "box:3", "--out", "one")[0] == 0
    given = ("harden", "one", *SIGNS, "--blur", "gaussian:3:input", "--out", "two")
    status, _, said = at_home(*given)
    assert status == 0, said
    places = [blur.after for blur in defense_of(library.load(at_home.folder / "two")).filters]
    assert places == ["conv1", "input"]


def test_one_channel(at_home):
    code = (at_home.folder / "mynet.py").read_text().replace("nn.Conv2d(3, 16", "nn.Conv2d(1, 16")
    (at_home.folder / "grey.py").write_text(code)
    given = ("harden", "--model", "grey.py:build", *SIGNS, "--channels", 1, "--blur", "box:3")
    given = (*given, "--occlusion", "--epochs", 1, "--out", "grey")
    status, _, said = at_home(*given)
    assert status == 0, said
    told = hardened_in(at_home.folder / "grey")
    assert not told.weights
    assert told.remembered.channels == 1
    quick = ("--suite", "quick", "--images", 3, "--mask", "octagon")
    status, _, said = at_home("evaluate", "grey", *quick, "--out", "grey-evidence")
    assert status in {0, 1}, said
    assert "1 channel" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*OWN, *SIGNS), "harden with what? Give --blur box:5, --occlusion"),
        ((*OWN, "--blur", "box:5"), "on which data? Give --data folder:DIR, to count what"),
        ((*OWN, *SIGNS, "--blur", "box"), "--blur box: write KERNEL:SIZE"),
        ((*OWN, *SIGNS, "--blur", "box:4"), "a kernel's size is odd"),
        ((*OWN, *SIGNS, "--blur", "box:5:conv9"), "conv9"),
        (
            (*OWN, *SIGNS, "--blur", "box:5:conv1", "--after", "conv2"),
            "--after conv2 has no effect",
        ),
        ((*OWN, *SIGNS, "--blur", "box:5", "--epochs", 3), "--epochs has no effect: a fixed blur"),
        (
            (*OWN, *SIGNS, "--occlusion", "--augmentation", "occlusion"),
            "--occlusion is --augmentation occlusion; give one of the two",
        ),
        ((*OWN, *SIGNS, "--adversarial", "fgsm"), "no adversarial training 'fgsm'; there are: pgd"),
        ((*OWN, *SIGNS, "--blur", "box:5", "--mask", "none.png"), "none.png: no such file"),
        (("--blur", "box:5", *SIGNS), "which network? Give --model SPEC"),
    ],
)
def test_what_makes_no_sense_is_one_line(at_home, arguments, message):
    status, printed, said = at_home("harden", *arguments, "--quiet", "--out", "hard")
    assert status == 2, said
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not printed
    assert not (at_home.folder / "hard").exists()
