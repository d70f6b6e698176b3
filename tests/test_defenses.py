"""Defenses side by side: small runs from data to table and page, and figures by hand."""

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console

from blurnet import BlurnetError, experiments
from blurnet.attacks import RP2Settings
from blurnet.data import RP2_CLASSES, Scene, load_images
from blurnet.defenses import Defense
from blurnet.engine import Outcome, Records
from blurnet.evaluation.effects import MapEffects, kernel_effects, map_effects
from blurnet.evaluation.evidence import Answered
from blurnet.experiments import load_results, run
from blurnet.experiments.defense_rows import PlannedDefense, Trained
from blurnet.experiments.places import Attackable
from blurnet.experiments.plan import Plan
from blurnet.experiments.scenes import held_out_scene
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.values import ControlValues, EvaluateValues, WhiteboxValues
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
  {label: "<b>learned", alphas: [0, 1.0e-5],
   defense: {filters: [{size: 3, after: relu1, trainable: true}],
             penalties: [{name: l_infinity, alpha: 0}]}},
  {label: fixed, defense: {filters: [{size: 5, after: relu1}]}, warm_start: true,
   training: {epochs: 2}},
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
    names = [(row.label, row.alpha) for row in results.rows]
    assert names == [("plain", None), ("<b>learned", 0), ("<b>learned", 1e-5), ("fixed", None)]
    assert (results.kind, results.experiment, results.true_class) == ("defenses", "alphas", "stop")
    for row in results.rows:
        stop, others = row.attacks["short"]
        assert [network.seed for network in row.networks] == [0, 1]
        assert (stop.true_class, stop.images, stop.targets_tried) == ("stop", 4, 2)
        assert (others.true_class, others.images) == ("yield", 3)
        assert set(stop.targets) == {"stopAhead", "yield"}
        mean = sum(each.mean for each in stop.networks) / 2
        assert stop.mean.value == pytest.approx(mean)
        (free,) = row.attacks["free"]
        assert (free.targets_tried, free.reached, free.targets) == (0, None, {})
        assert set(row.class_accuracy) == {"stop", "stopAhead", "yield"}
        assert (row.kernels is None) == (row.label != "<b>learned")
        assert row.warm_start == (row.label == "fixed")
    assert results.rows[1].defense.penalties[0].alpha == 0
    assert results.rows[2].defense.penalties[0].alpha == 1e-5


def test_nothing_is_computed_twice(finished, drawn_folder):
    results, folder = finished

    def on_begin(step, _place, _total):
        raise AssertionError(step.title)

    assert run(small(drawn_folder), folder, on_begin) == results
    assert load_results(folder) == results


def test_a_warm_start_starts_from_the_undefended_network(finished):
    results, folder = finished
    records = Records(folder)
    plain, fixed = results.rows[0], results.rows[3]
    for one, other in zip(plain.networks, fixed.networks, strict=True):
        recorded = records.recorded(other.train)
        assert recorded.needs["undefended"] == one.train
        recipe = recorded.config["recipe"]
        assert recipe["training"]["epochs"] == 2
        assert "defense" not in records.recorded(one.train).config["recipe"]


def printed(results):
    text = io.StringIO()
    print_table(results, Console(file=text, width=80))
    return text.getvalue()


def test_table_and_page(finished):
    results, folder = finished
    text = printed(results)
    assert max(map(len, text.splitlines())) <= 80
    assert "50/90" not in text
    assert "short on 4 views of stop, 2 targets, 2 of 5 seeds: do not" in " ".join(text.split())
    assert "compare" in text
    page = write_page(folder).read_text()
    assert "<b>learned" not in page
    assert "&lt;b&gt;learned" in page
    assert "Learned kernels" in page


def test_published_figures_stand_beside_the_attack_they_are_about(finished):
    results, _ = finished

    def asked(**changes):
        attack = results.settings.attacks["short"]
        attacks = {"short": attack.model_copy(update={"settings": RP2Settings(**changes)})}
        given = {"rp2": Path("somewhere"), "attacks": attacks}
        settings = results.settings.model_copy(update=given)
        return results.model_copy(update={"settings": settings, "rp2_differs": ()})

    assert "50/90" in printed(asked())
    for other in ({"lam": 0.002}, {"keep": "closest"}, {"start": "zeros"}, {"betas": (0.5, 0.9)}):
        assert "50/90" not in printed(asked(**other)), other


def test_a_run_without_attacks(drawn_folder, tmp_path):
    results = run(small(drawn_folder, "attacks={}", "seeds=[0]"), tmp_path)
    assert all(not row.attacks for row in results.rows)
    assert "test accuracy" in printed(results)
    assert "no" in write_page(tmp_path).read_text()


def test_validation_signs_are_training_signs(drawn_folder):
    parts = load_images(f"folder:{drawn_folder}")
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
        (
            "rows=[{label: a, epochs: [1, 2], training: {epochs: 3}}]",
            "row 'a': give epochs or training.epochs, not both",
        ),
        ("rows=[{label: a, model: vgg}]", "no model 'vgg'"),
        ("rows=[{label: a, training: {epoch: 3}}]", "unknown setting"),
        ("rows=[{label: a, defense: {augmentation: {name: rain}}}]", "no augmentation 'rain'"),
        ("rows=[{label: a, defense: {filters: [{size: 5, after: conv9}]}}]", "no layer 'conv9'"),
        ("rows=[{label: a, filters: [{size: 5}]}]", "unknown setting 'rows.0.filters'"),
        ("layer: conv9", "write key=value"),
        ("layer=conv9", "no layer 'conv9'"),
        ("other_classes=[giraffe]", "'giraffe' is to be attacked"),
        ("true_class=giraffe", "true_class: 'giraffe' is not among the data's classes: stop"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(drawn_folder, assignment, message):
    with pytest.raises(BlurnetError, match=message):
        small(drawn_folder, assignment).expand()


@pytest.mark.parametrize(
    "name", ["alphas", "area", "train-defenses", "fixed-blur", "undertraining", "whitebox"]
)
def test_shipped_experiments_expand(name):
    assert experiments.load(name).expand().steps


def test_each_number_of_epochs_is_a_row_with_trainings_of_its_own(drawn_folder):
    asked = small(drawn_folder, "rows=[{label: plain, epochs: [1, 3]}]", "seeds=[0]").expand()
    trainings = [step for step in asked.steps if step.kind == "train"]
    assert [step.config.recipe.training.epochs for step in trainings] == [1, 3]
    assert [row.epochs for row in asked.planned] == [1, 3]


def test_figures_by_hand():
    """Two networks, two targets, two views of class 1: answers, and what they amount to."""

    class Named:
        def __init__(self, key, kind="train"):
            self.key, self.kind, self.step = key, kind, self

    def evaluated(*answers):
        return EvaluateValues(
            classes=("a", "b", "c"),
            labels=(0, 1, 1, 2),
            answers=answers,
            maps=MapEffects(2.0, 1.0),
            kernels=None,
        )

    def attacked(worst, *rows):
        return WhiteboxValues(
            classes=("a", "b", "c"),
            true=1,
            goal="targeted",
            targets=(0, 2),
            views=("first", "second"),
            clean=Answered(classes=(1, 1), confidence=(0.9, 0.9)),
            attacked=rows,
            control=((1, 0),),
            l2_dissimilarity=(0.1, 0.3),
            loss_first=4.0,
            loss_last=None,
            worst_target=worst,
            worst_confidence=(0.9, 0.9),
        )

    found = {
        "evaluate-0": evaluated(0, 1, 1, 1),
        "evaluate-1": evaluated(0, 1, 0, 2),
        "attack-0": attacked(0, (0, 0), (1, 2)),
        "attack-1": attacked(2, (1, 1), (0, 1)),
        "control": ControlValues(
            classes=("a", "b", "c"),
            true=1,
            clean=(1, 1),
            random=((1, 0), (1, 1)),
            plain={"white": (0, 2), "black": (1, 1)},
            fills={"grey": (1, 0), "mean": (1, 1), "inpainted": (0, 0)},
        ),
    }
    views = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    mask = torch.zeros(8, 8)
    mask[2:4, 2:5] = 1
    scene = Scene(views, mask, "b", ("first", "second"))
    networks = tuple(
        Trained(
            seed,
            Named("n"),
            Named(f"evaluate-{seed}"),
            (Named("control"),),
            {"x": (Named(f"attack-{seed}"),)},
        )
        for seed in (0, 1)
    )
    planned = PlannedDefense(
        "row", "net", Defense(), False, None, None, None, "b", "as", (Attackable(scene),), networks
    )
    (row,) = Plan((planned,), "b", None).rows(lambda step: Outcome(found[step.key], {"mask": mask}))
    assert row.test_accuracy.value == 0.75
    assert [network.test_accuracy for network in row.networks] == [0.75, 0.75]
    assert row.called_true_class.value == 0.25
    assert (row.class_accuracy["b"].value, row.class_accuracy["b"].total) == (0.75, 2)
    (bracket,) = row.brackets
    assert (bracket.accuracy.value, bracket.attacked.value) == (1, 0)
    covered = bracket.covered
    assert (covered.control.value, covered.strongest.value) == (0.25, 1)
    assert (covered.strongest_by, covered.any_sticker.value) == (("white",), 1)
    assert (covered.ceiling.value, covered.fills) == (1, ("mean",))
    assert not covered.well_posed, "random colours cost a quarter"
    (scene,) = row.attacks["x"]
    assert scene.fooled.counts == ("1 2", "1 0")
    assert scene.fooled.shares == ((0.5, 1), (0.5, 0))
    assert (scene.pixels, scene.image_pixels, scene.scene) == (6, 64, "b")
    assert scene.mean.value == 0.5
    assert scene.reached.value == pytest.approx(3 / 8)
    assert scene.worst.value == 0.75
    assert scene.worst_targets == ("a", "c")
    assert scene.any_target.value == 0.75
    assert scene.control.value == 0.5
    assert scene.l2_dissimilarity == pytest.approx(0.2)
    assert (scene.loss_first, scene.loss_last) == (4.0, None)


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
    assert len(others) == 10, "two kinds of place on each of five classes"


def test_a_class_that_is_not_in_the_data_is_said_without_attacks_too(drawn_folder):
    wrong = small(drawn_folder, "attacks={}", "true_class=giraffe")
    with pytest.raises(BlurnetError, match="true_class: 'giraffe' is not among the data's classes"):
        wrong.expand()


def test_a_missing_folder_is_said():
    with pytest.raises(BlurnetError, match="missing: no such folder; --rp2 takes one with"):
        experiments.load("alphas", ["rp2=missing"]).expand()


def test_data_of_classes_that_rp2s_network_lacks_is_said_before_training(shared_data):
    given = {"data": f"folder:{shared_data / 'lisa'}", "rp2": str(shared_data / "rp2")}
    with pytest.raises(BlurnetError, match="not among the network's outputs"):
        experiments.load("whitebox", (), given | {"classes": "all"}).expand()
