"""A run's folder: what is refused, replaced and read back; and own networks in YAML."""

import json
import os
import shutil
from pathlib import Path

import pytest

from blurnet import BlurnetError, experiments
from blurnet.defenses import Recipe
from blurnet.engine import FailedSteps, Records, provenance, run_steps
from blurnet.experiments import load, load_results, run
from blurnet.experiments.sources import DataSource, _load
from blurnet.experiments.steps.training import trained
from blurnet.files import read_json

ROWS = "rows=[{label: plain}, {label: filtered, defense: {filters: [{size: 3, after: relu1}]}}]"


def files_in(folder: Path) -> dict[str, int]:
    return {
        str(file.relative_to(folder)): file.stat().st_mtime_ns
        for file in folder.rglob("*")
        if file.is_file() and file.name != ".lock"
    }


def blackbox(artifacts: Path, *assignments: str):
    return load("blackbox", [ROWS, *assignments], {"rp2": str(artifacts)})


def test_results_are_read_back_as_they_were(artifacts, tmp_path):
    found = run(blackbox(artifacts), tmp_path / "out")
    assert load_results(tmp_path / "out") == found
    assert isinstance(found.settings, experiments.Blackbox)
    assert (found.kind, found.experiment) == ("blackbox", "blackbox")
    assert (found.true_class, found.target) == ("stop", "speedLimit45")
    assert found.computed_by == (provenance(),)
    assert read_json(tmp_path / "out" / "results.json")["rows"][1]["filters"][0]["after"] == "relu1"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (["padding=reflect"], "padding is 'zeros' there and 'reflect' here (1 more differences)"),
        (["rows=[{label: plain}]"], "rows is "),
        (["transfer=[same_weights]"], "transfer is "),
    ],
)
def test_other_settings_are_refused_before_anything_is_written(artifacts, tmp_path, other, said):
    out = tmp_path / "out"
    run(blackbox(artifacts), out)
    before = files_in(out)
    with pytest.raises(BlurnetError) as error:
        run(blackbox(artifacts, *other), out)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{out}: holds other results: {said}")
    assert "give --replace to replace them" in str(error.value)
    assert files_in(out) == before


def test_another_experiment_is_refused(artifacts, tmp_path):
    run(blackbox(artifacts), tmp_path)
    other = load("spectra", ["rows=[{label: x}]"], {"rp2": str(artifacts)})
    with pytest.raises(BlurnetError, match="experiment is 'blackbox' there and 'spectra' here"):
        run(other, tmp_path)


def test_replace_uses_the_records_that_are_there(artifacts, tmp_path):
    run(blackbox(artifacts), tmp_path)
    before, begun = files_in(tmp_path), []

    def on_begin(step, place, total):
        begun.append(step.kind)
        return lambda done, total: None

    found = run(blackbox(artifacts, "padding=reflect"), tmp_path, on_begin, replace=True)
    assert sorted(begun) == ["control", "filter", "transfer"]
    assert found.rows[1].filters[0].padding == "reflect"
    kept = {name: at for name, at in files_in(tmp_path).items() if name in before}
    for renewed in ("results.json", "plan.json"):
        del before[renewed], kept[renewed]
    assert kept == before


def test_other_content_under_the_same_settings_is_refused(artifacts, tmp_path):
    run(blackbox(artifacts), tmp_path / "out")
    victims = sorted((artifacts / "victims").iterdir())
    victims[0].write_bytes(victims[1].read_bytes())
    with pytest.raises(BlurnetError, match="the settings are the same, but not the content"):
        run(blackbox(artifacts), tmp_path / "out")


def test_where_the_inputs_lie_makes_no_difference(artifacts, tmp_path):
    found = run(blackbox(artifacts), tmp_path / "out")
    moved = artifacts.rename(tmp_path / "moved")
    before = files_in(tmp_path / "out")
    assert run(blackbox(moved), tmp_path / "out") == found
    assert files_in(tmp_path / "out") == before


def test_a_finished_run_in_a_read_only_folder(artifacts, tmp_path, blurnet, monkeypatch):
    out = tmp_path / "out"
    assert blurnet("run", "blackbox", "--rp2", artifacts, "--out", out)[0] == 0
    before = files_in(out)
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (out, os.W_OK))
    status, printed, progress = blurnet("run", "blackbox", "--rp2", artifacts, "--out", out)
    assert (status, progress) == (0, "")
    assert "5×5 filter on L1 maps" in printed
    assert "not renewed: a read-only folder" in printed
    assert files_in(out) == before


def test_computed_by_comes_from_the_records(artifacts, tmp_path, monkeypatch):
    run(load("blackbox", ["rows=[{label: plain}]"], {"rp2": str(artifacts)}), tmp_path)
    monkeypatch.setattr("blurnet.engine.computed.PACKAGES", ("blurnet",))
    found = run(blackbox(artifacts), tmp_path, replace=True)
    first, second = found.computed_by
    assert "torch" in first.versions
    assert set(second.versions) == {"python", "blurnet"}


def test_a_folder_with_evidence_is_no_place_for_a_run(artifacts, tmp_path):
    (tmp_path / "evidence.json").write_text("{}")
    with pytest.raises(BlurnetError, match="holds the evidence of an evaluation"):
        run(blackbox(artifacts), tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "neither results.json"),
        ({"experiment": "blackbox", "rows": []}, "not results that this version"),
        ({"kind": "blackbox", "experiment": "x"}, "results.json: the setting 'created' is missing"),
    ],
)
def test_what_holds_no_results_is_said(tmp_path, content, said):
    if content is not None:
        (tmp_path / "results.json").write_text(json.dumps(content))
    with pytest.raises(BlurnetError, match=said):
        load_results(tmp_path)


@pytest.mark.parametrize(
    ("name", "changes", "assignments", "setting"),
    [
        ("blackbox", {}, ["true_class=stop"], "true_class"),
        ("blackbox", {}, ["target=yield"], "target"),
        ("blackbox", {"model": "small_resnet"}, [], "model"),
        ("blackbox", {"classes": "all"}, [], "classes"),
        ("blackbox", {"size": 64}, [], "size"),
        ("blackbox", {}, ["training.epochs=3"], "training"),
        ("blackbox", {"data": "synthetic"}, ["target=yield"], "target"),
        ("spectra", {}, ["attack.steps=3"], "attack"),
        ("whitebox", {}, ["views=3"], "views"),
    ],
)
def test_settings_that_rp2_makes_void_are_refused(artifacts, name, changes, assignments, setting):
    with pytest.raises(BlurnetError, match=f"setting {setting}: --rp2 brings its own"):
        load(name, assignments, {"rp2": str(artifacts), **changes})


def test_data_beside_rp2_bring_them_back(artifacts):
    changes = {"rp2": str(artifacts), "data": "synthetic", "model": "small_resnet"}
    assert load("blackbox", ["training.epochs=3"], changes).settings.training.epochs == 3


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("colour=1", "unknown setting 'colour'; there are: kind, rp2, data"),
        ("rows=[{label: a, x: 1}]", "there are in rows.0: label, rp2_network, model"),
        (
            "rows=[{label: a, defense: {filters: [{x: 1}]}}]",
            "there are in rows.0.defense.filters.0: k",
        ),
        (
            "attacks={a: {settings: {}, x: 1}}",
            "unknown setting 'attacks.a.x'; there are in attacks.a: settings",
        ),
        ("attacks={a: {settings: {x: 1}}}", "there are in attacks.a.settings: steps, lam"),
        ("training.x=1", "there are in training: epochs, batch_size"),
        (
            "rows=[{label: a, defense: {augmentation: {name: occlusion, x: 1}}}]",
            "there are: smallest",
        ),
    ],
)
def test_an_unknown_setting_lists_those_that_there_are(assignment, said):
    with pytest.raises(BlurnetError, match=f".*{said}"):
        load("whitebox", [assignment]).expand()


@pytest.fixture
def mine(tmp_path) -> Path:
    text = (Path(experiments.__file__).parent / "blackbox.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def test_a_changed_value_in_a_file_is_refused_beside_rp2(artifacts, mine):
    given = {"rp2": str(artifacts)}
    assert load(str(mine), (), given).name == "mine"
    mine.write_text(mine.read_text().replace("model: lisa_cnn ", "model: small_resnet "))
    assert load(str(mine)).settings.model == "small_resnet"
    with pytest.raises(BlurnetError, match=r"setting model: --rp2 brings its own.*or give --data"):
        load(str(mine), (), given)
    assert load(str(mine), (), given | {"data": "synthetic"}).settings.model == "small_resnet"


NETWORK = """
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        return self.fc(F.relu(self.second(x)).mean((2, 3))),
"""
OWN = """
kind: {kind}
data: folder:{data}
model: net.py:Net
size: 48
training: {{epochs: 1, batch_size: 16}}
views: 3
target: stopAhead
rows:
"""
RUNS = {
    "blackbox": """
  - label: plain
  - label: maps
    defense: {filters: [{size: 3}]}
  - label: input
    defense: {filters: [{size: 3, after: input}]}
attack: {steps: 2}
""",
    "spectra": """
  - label: plain
  - label: learned
    trained: true
    defense: {filters: [{size: 3, trainable: true}], penalties: [{name: l_infinity, alpha: 0.1}]}
  - label: each
    defense: {filters: [{size: 3, after: each layer}]}
attack: {steps: 2}
whitebox: {targets: 1, settings: {steps: 2}}
""",
    "defenses": """
  - label: plain
  - label: learned
    defense: {filters: [{size: 3, trainable: true}], augmentation: {name: occlusion}}
    warm_start: true
attacks: {short: {settings: {steps: 2}}}
other_classes: [yield]
other_views: 2
""",
}


@pytest.mark.parametrize("kind", RUNS)
def test_own_networks_run_in_every_kind(drawn_folder, tmp_path, kind):
    """A network of functional activations that gives a tuple, at 48 px, beside its YAML file."""
    (tmp_path / "net.py").write_text(NETWORK)
    text = OWN.format(kind=kind, data=drawn_folder) + RUNS[kind]
    if kind == "defenses":
        text = text.replace("target: stopAhead\n", "")
    path = tmp_path / "own.yaml"
    path.write_text(text)
    experiment = load(str(path))
    found = run(experiment, tmp_path / "out")
    assert found.experiment == "own"
    assert load_results(tmp_path / "out") == found
    if kind == "blackbox":
        assert [row.label for row in found.rows[:3]] == ["plain", "maps", "input"]
        assert len(found.rows) == 6
        assert found.rows[1].filters[0].after.startswith("first")
        assert found.rows[0].rates.accuracy.total == 3
    if kind == "spectra":
        assert [row.label for row in found.rows[:2]] == ["plain", "learned"]
        assert found.rows[1].kernels is not None
        assert [row.layer for row in found.rows[2:]] == ["first+activation", "second+activation"]
    if kind == "defenses":
        assert found.rows[1].defense.filters[0].after.startswith("first")
        assert found.rows[1].kernels.kernels == 8
        stop, other = found.rows[0].attacks["short"]
        assert (stop.true_class, stop.images, other.true_class) == ("stop", 3, "yield")


def test_images_that_changed_after_the_plan_are_not_trained_on(drawn_folder, tmp_path):
    signs = tmp_path / "signs"
    shutil.copytree(drawn_folder, signs)
    source = DataSource(f"folder:{signs}", None)
    planned = trained(source, Recipe(model="lisa_cnn"), seed=0, called="it")
    pictures = sorted(signs.glob("train/*/*.png"))
    shutil.copy(pictures[0], pictures[1])
    _load.cache_clear()  # as on another machine
    with pytest.raises(FailedSteps, match="not the images that the run began with"):
        run_steps([planned.step], Records(tmp_path / "run"))
