"""``import blurnet``: what is there, that it is lazy, and that every example runs."""

import ast
import doctest
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import blurnet
from blurnet.data import synthetic
from blurnet.models import build

CLASSES = ("stop", "stopAhead", "yield")

NAMES = {
    "Blur",
    "BlurnetError",
    "Classifier",
    "Defense",
    "Evidence",
    "FitSettings",
    "PGDSettings",
    "Penalty",
    "RP2Settings",
    "RandomSearchSettings",
    "attack",
    "certify",
    "compare_spectra",
    "evaluate",
    "harden",
    "load",
    "load_images",
    "load_records",
    "load_results",
    "masked",
    "pgd",
    "random_colors",
    "random_search",
    "report",
    "rp2",
    "run",
    "save",
    "train",
}


def bars(size=32):
    mask = torch.zeros(size, size)
    mask[size // 4 : size // 4 + 3, size // 4 : 3 * size // 4] = 1
    mask[-size // 4 - 3 : -size // 4, size // 4 : 3 * size // 4] = 1
    return mask


@pytest.fixture
def there(drawn_folder, tmp_path, monkeypatch):
    """What examples take for granted."""
    shutil.copytree(drawn_folder, tmp_path / "signs")
    monkeypatch.chdir(tmp_path)
    signs = synthetic.draw(CLASSES, 2, seed=1)
    return {
        "blurnet": blurnet,
        "torch": torch,
        "model": build("lisa_cnn", 3, seed=0),
        "images": signs.floats,
        "labels": signs.labels,
        "mask": bars(),
        "classes": CLASSES,
    }


def test_the_names_there_are():
    assert set(blurnet.__all__) == NAMES
    assert list(blurnet.__all__) == sorted(blurnet.__all__)
    assert set(dir(blurnet)) >= NAMES
    with pytest.raises(AttributeError, match="no attribute 'atack'"):
        blurnet.atack  # noqa: B018
    assert blurnet.penalties.total_variation


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(blurnet.__file__).read_text())
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname for each in typed.body for alias in each.names}
    assert seen | {"BlurnetError"} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_has_a_docstring_and_an_example_that_runs(name, there):
    found = blurnet.report.report if name == "report" else getattr(blurnet, name)
    assert inspect.getdoc(found)
    (example,) = doctest.DocTestFinder(recurse=False).find(found, name, globs=there)
    assert example.examples, f"blurnet.{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    said = []
    runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("code", ["import blurnet", "from blurnet.cli.main import main; main()"])
def test_torch_is_not_imported_before_it_is_needed(code):
    program = (
        "import sys, atexit\n"
        "sys.argv = ['blurnet', '--help']\n"
        "atexit.register(lambda: print('TORCH' if 'torch' in sys.modules else 'LIGHT'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("LIGHT")


class Small(nn.Module):
    """A user's own network."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.body = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.head = nn.Linear(16, 3)

    def forward(self, images):
        maps = self.body(self.stem(images).relu()).relu()
        return self.head(maps.mean((2, 3)))


def test_the_snippet_of_the_design(there):
    model, names = Small(), CLASSES
    signs = synthetic.draw(CLASSES, 1, seed=1, size=64)
    images, labels, mask = signs.floats, signs.labels, bars(64)

    net = blurnet.harden(model, blurnet.Blur("box", 5))
    data = blurnet.load_images("folder:signs", size=64)
    blurnet.train(net, data.train, defense=blurnet.Defense(), seed=0)
    found = blurnet.attack(net, images[:1], mask, true="stop", targets="all", seed=0)
    assert 0 <= found.success.low <= found.success.value <= found.success.high <= 1
    assert found.control.total == 1
    evidence = blurnet.evaluate(net, images, labels, mask, classes=names, suite="standard", seed=0)
    assert evidence.passed in (True, False)
    assert evidence.worst.accuracy.total == 3
    assert evidence.certified.value <= evidence.masked.attacked.value
    assert evidence.attacks[0].published
    page = evidence.save("evidence.html").read_text()
    assert "<html" in page
    assert blurnet.Evidence.model_validate_json(evidence.to_json()) == evidence.with_tensors({})
