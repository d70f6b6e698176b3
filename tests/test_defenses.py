"""Defenses side by side: small runs from data to table and page, and figures by hand."""

import copy
import io
import json

import pytest
import torch
from rich.console import Console

from blurnet import BlurnetError, experiments
from blurnet.data import RP2_CLASSES, load
from blurnet.engine import Records, run
from blurnet.engine.step import Outcome
from blurnet.evaluation.effects import kernel_effects, map_effects
from blurnet.experiments.defense_table import Judged, Plan, PlannedRow
from blurnet.experiments.scenes import held_out_scene
from blurnet.experiments.sources import DataSource
from blurnet.filters import kernel
from blurnet.models import build
from blurnet.report import print_table, write_page

SMALL = (
    "training.epochs=1",
    "seeds=[0, 1]",
    "views=4",
    "attacks={short: {settings: {steps: 2}}, "
    "free: {settings: {steps: 2, goal: untargeted}, others: false}}",
    "other_classes=[yield]",
    "other_views=3",
)
ROWS = """rows=[
  {label: plain, published: {accuracy: 0.9, mean: 0.5, worst: 0.9, l2_dissimilarity: 0.2}},
  {label: "<b>learned", filters: [{size: 3, after: relu1, trainable: true}],
   penalties: [{name: l_infinity, alpha: 0}], alphas: [0, 1.0e-5]},
  {label: fixed, filters: [{size: 5, after: relu1}], warm_start: true, training: {epochs: 2}},
]"""


def small(drawn_folder, *assignments, name="alphas"):
    data = {"data": f"folder:{drawn_folder}", "classes": "stop,stopAhead,yield"}
    return experiments.load(name, [*SMALL, ROWS, *assignments], data)


@pytest.fixture(scope="module")
def finished(drawn_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("defenses")
    return run(small(drawn_folder), folder), folder


def test_rows_hold_what_was_asked(finished):
    results, _ = finished
    names = [(row["label"], row["alpha"]) for row in results["rows"]]
    assert names == [("plain", None), ("<b>learned", 0), ("<b>learned", 1e-5), ("fixed", None)]
    for row in results["rows"]:
        stop, others = row["attacks"]["short"]
        assert [network["seed"] for network in row["networks"]] == [0, 1]
        assert (stop["true_class"], stop["images"], stop["targets_tried"]) == ("stop", 4, 2)
        assert (others["true_class"], others["images"]) == ("yield", 3)
        assert set(stop["targets"]) == {"stopAhead", "yield"}
        mean = sum(each["mean"] for each in stop["networks"]) / 2
        assert stop["mean"]["attack_success_rate"]["value"] == pytest.approx(mean)
        assert set(row["class_accuracy"]) == {"stop", "stopAhead", "yield"}
        assert (row["kernels"] is None) == (row["label"] != "<b>learned")


def test_nothing_is_computed_twice(finished, drawn_folder):
    results, folder = finished

    def on_cell(cell, _place, _total):
        raise AssertionError(cell.title)

    assert run(small(drawn_folder), folder, on_cell) == results


def test_a_warm_start_starts_from_the_undefended_network(finished):
    results, folder = finished
    records = Records(folder)
    plain, fixed = results["rows"][0], results["rows"][3]
    for one, other in zip(plain["networks"], fixed["networks"], strict=True):
        needs = records.description(other["train"])["needs"]
        recipe = records.description(needs["undefended"])["config"]["recipe"]
        assert not recipe["filters"]
        assert needs["undefended"] == one["train"]
        assert records.description(other["train"])["config"]["recipe"]["training"]["epochs"] == 2


def test_table_and_page(finished):
    results, folder = finished
    text = io.StringIO()
    print_table(results, Console(file=text, width=80))
    assert max(map(len, text.getvalue().splitlines())) <= 80
    assert "50/90" not in text.getvalue()
    assert "is left out" in text.getvalue(), "held-out signs are not RP2's photographs"
    assert "short on 4 views of stop, 2 targets, 2 seeds" in text.getvalue()
    page = write_page(folder).read_text()
    assert "<b>learned" not in page
    assert "&lt;b&gt;learned (short) over α" in page
    assert "Mean success, short, yield" not in page, "of bars the page has drawings of its own"
    assert "Objective of short over steps" in page
    assert "Learned kernels" in page
    assert "is left out" in page
    assert "Sticker made for stopAhead" in page
    assert "not recorded" not in page


def test_published_figures_stand_beside_the_attack_they_are_about(finished):
    results, folder = finished
    asked = copy.deepcopy(results)
    asked["settings"]["rp2"] = "somewhere"
    asked["settings"]["attacks"]["short"]["settings"]["steps"] = 300
    (folder / "results.json").write_text(json.dumps(asked))
    page = write_page(folder).read_text()
    (folder / "results.json").write_text(json.dumps(results))
    text = io.StringIO()
    print_table(asked, Console(file=text, width=80))
    assert "50/90" in text.getvalue()
    assert page.count('<td class="published">50.0') == 1, "on the first scene alone"
    asked["settings"]["attacks"]["short"]["settings"]["lam"] = 0.002
    text = io.StringIO()
    print_table(asked, Console(file=text, width=80))
    assert "50/90" not in text.getvalue()


def test_a_run_without_attacks(drawn_folder, tmp_path):
    results = run(small(drawn_folder, "attacks={}", "seeds=[0]"), tmp_path)
    assert all(not row["attacks"] for row in results["rows"])
    text = io.StringIO()
    print_table(results, Console(file=text, width=80))
    assert "test accuracy" in text.getvalue()
    assert "no" in write_page(tmp_path).read_text()


def test_validation_signs_are_training_signs(drawn_folder):
    parts = load(f"folder:{drawn_folder}")
    held = DataSource(f"folder:{drawn_folder}", None, validation=True).load()
    assert len(held.train) + len(held.test) == len(parts.train)
    known = {image.numpy().tobytes() for image in parts.train.images}
    assert {image.numpy().tobytes() for image in held.test.images} <= known
    same, other = (DataSource(f"folder:{drawn_folder}", None, validation=v) for v in (False, True))
    assert same.identity() != other.identity()


def test_a_held_out_scene_is_spread_over_its_class(drawn_folder):
    source = DataSource(f"folder:{drawn_folder}", None)
    scene = held_out_scene(source, "stop", 3)
    signs = source.load().test
    stops = signs.images[signs.labels == signs.classes.index("stop")]
    assert torch.equal(scene.images[0], stops[0])
    assert torch.equal(scene.images[-1], stops[-1])
    assert len(held_out_scene(source, "stop", 100)) == len(stops)
    with pytest.raises(BlurnetError, match="no class 'giraffe'"):
        held_out_scene(source, "giraffe", 3)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seeds=[1, 1]", "seeds: each once"),
        ("seeds=[]", "seeds"),
        ("rows=[{label: a, alphas: [1]}]", "row 'a': alphas are for one penalty, not 0"),
        ("rows=[{label: a, model: vgg}]", "no model 'vgg'"),
        ("rows=[{label: a, training: {epoch: 3}}]", "unknown setting"),
        ("rows=[{label: a, hardening: {name: rain}}]", "no hardening 'rain'"),
        ("rows=[{label: a, filters: [{size: 5, after: conv9}]}]", "no layer 'conv9'"),
        ("other_classes=[giraffe]", "'giraffe' is to be attacked"),
        ("true_class=giraffe", "no class 'giraffe'"),
        ("rp2=missing", "missing: no such folder"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(drawn_folder, assignment, message):
    with pytest.raises(BlurnetError, match=message):
        small(drawn_folder, assignment).expand()


@pytest.mark.parametrize("name", ["alphas", "train-defenses", "fixed-blur", "whitebox"])
def test_shipped_experiments_expand(name):
    assert experiments.load(name).expand().cells


def test_figures_by_hand():
    """Two networks, two targets, two views of class 1: answers, and what they amount to."""

    def cell(key):
        class Named:
            pass

        named = Named()
        named.key = key
        return named

    clean = {"classes": ["a", "b", "c"], "labels": [0, 1, 1, 2], "kernels": None}
    maps = {"maps": {"total_variation": 2.0, "relative_variation": 1.0}}
    attack = {
        "classes": ["a", "b", "c"],
        "true": 1,
        "goal": "targeted",
        "targets": [0, 2],
        "clean": [1, 1],
        "control": [[1, 0]],
        "l2_dissimilarity": [0.1, 0.3],
        "loss_first": 4.0,
        "loss_last": None,
    }
    outcomes = {
        "judge-0": Outcome(clean | maps | {"answers": [0, 1, 1, 1]}),
        "judge-1": Outcome(clean | maps | {"answers": [0, 1, 0, 2]}),
        "attack-0": Outcome(attack | {"attacked": [[0, 0], [1, 2]]}),
        "attack-1": Outcome(attack | {"attacked": [[1, 1], [0, 1]]}),
    }
    networks = tuple(
        Judged(seed, None, cell(f"judge-{seed}"), {"x": (cell(f"attack-{seed}"),)})
        for seed in (0, 1)
    )
    (row,) = Plan((PlannedRow("row", {}, None, None, networks),), "b").rows(outcomes)
    assert row["test_accuracy"] == 0.75
    assert [network["test_accuracy"] for network in row["networks"]] == [0.75, 0.75]
    assert row["called_true_class"]["value"] == 0.25
    assert row["class_accuracy"]["b"] == {
        "value": 0.75,
        "interval": row["class_accuracy"]["b"]["interval"],
        "images": 2,
    }
    (scene,) = row["attacks"]["x"]
    assert scene["mean"]["attack_success_rate"]["value"] == 0.5
    assert scene["mean"]["target_reached_rate"]["value"] == pytest.approx(3 / 8)
    assert scene["worst"]["attack_success_rate"]["value"] == 0.75
    assert scene["worst"]["targets"] == ["a", "c"]
    assert scene["any_target"]["value"] == 0.75
    assert scene["control_success_rate"]["value"] == 0.5
    assert scene["l2_dissimilarity"] == pytest.approx(0.2)


def test_effects_against_known_kernels_and_maps():
    box = kernel_effects(kernel("box", 5)[None])
    identity = torch.zeros(1, 5, 5)
    identity[0, 2, 2] = 1
    assert (box.kernels, box.spread) == (1, pytest.approx(0, abs=1e-6))
    assert box.largest == pytest.approx(1 / 25)
    assert box.low_pass_kernels == 1
    sharp = kernel_effects(identity)
    assert sharp.spread == pytest.approx(24**0.5)
    assert sharp.low_pass_share == pytest.approx(0.5)
    assert sharp.low_pass_kernels == 0

    model, images = build("lisa_cnn", 2, seed=0), torch.rand(4, 3, 32, 32)
    before = map_effects(model, "conv1", images)
    with torch.no_grad():
        model.conv1.weight *= 0.1
        model.conv1.bias *= 0.1
    after = map_effects(model, "conv1", images)
    assert after.total_variation == pytest.approx(0.1 * before.total_variation, rel=1e-4)
    assert after.relative_variation == pytest.approx(before.relative_variation, rel=1e-4)


def test_the_classes_of_rp2_are_all_drawn():
    assert set(RP2_CLASSES) == set(DataSource("synthetic", None).names())


def test_the_network_of_rp2_is_a_row_where_it_is_given(shared_data):
    data = f"folder:{shared_data / 'lisa'}"
    rp2 = str(shared_data / "rp2")
    given = experiments.load("whitebox", (), {"data": data, "rp2": rp2}).expand()
    without = experiments.load("whitebox", (), {"data": data}).expand()
    assert given.planned[0].label == "RP2's own network"
    assert [row.label for row in without.planned] == [row.label for row in given.planned[1:]]
    photographs, *others = given.planned[0].networks[0].attacks["strongest"]
    assert "40 views of stop" in photographs.title
    assert len(others) == 5


def test_a_class_that_is_not_in_the_data_is_said_before_training(drawn_folder):
    wrong = small(drawn_folder, "attacks={}", "true_class=giraffe")
    with pytest.raises(BlurnetError, match="true_class: 'giraffe' is not among the data's classes"):
        wrong.expand()


def test_data_of_classes_that_rp2s_network_lacks_is_said_before_training(shared_data):
    given = {"data": f"folder:{shared_data / 'lisa'}", "rp2": str(shared_data / "rp2")}
    with pytest.raises(BlurnetError, match="not among the network's outputs"):
        experiments.load("whitebox", (), given | {"classes": "all"}).expand()
