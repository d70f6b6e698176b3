"""Places for stickers, found by greying training images: what is planted there is found."""

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from blurnet import BlurnetError, experiments
from blurnet.cli.main import app
from blurnet.data import load_images
from blurnet.engine import Records, in_order
from blurnet.evaluation import Evidence
from blurnet.evaluation.places import find_place, pixels_of_area
from blurnet.experiments.steps.network import network_of


class Looks(nn.Module):
    """A network that looks at the brightness of one square much, and of another a little."""

    def __init__(self, much, little, bias=4.0):
        super().__init__()
        self.weights = torch.zeros(32, 32)
        top, left = much
        self.weights[top : top + 6, left : left + 6] = 0.08
        top, left = little
        self.weights[top : top + 6, left : left + 6] = 0.02
        self.bias = bias

    def forward(self, images):
        seen = (images.mean(1) * self.weights).sum((1, 2)) - self.bias / 4
        return torch.stack([seen, torch.zeros_like(seen)], 1)


def bright(count=6):
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.8


def test_the_sensitive_place_is_where_the_network_looks_and_the_quiet_one_is_not():
    network, images = Looks((12, 12), (12, 20)), bright()
    labels = torch.zeros(6, dtype=torch.int64)
    sensitive = find_place([network], images, labels, "sensitive", 30)
    quiet = find_place([network], images, labels, "quiet", 30)
    for place in (sensitive, quiet):
        assert int(place.mask.sum()) == 30
        assert place.legible
        assert place.changed == 0
    looked_at = network.weights > 0.05
    assert (sensitive.mask.bool() & looked_at).sum() >= 20
    assert not (quiet.mask.bool() & looked_at).any()
    assert sensitive.confidence_lost > quiet.confidence_lost


def test_a_place_that_hides_the_answer_is_not_sensitive_but_illegible():
    network, images = Looks((12, 12), (12, 20), bias=10.5), bright()
    labels = torch.zeros(6, dtype=torch.int64)
    assert (network(images).argmax(1) == 0).all()
    place = find_place([network], images, labels, "sensitive", 30)
    assert place.legible
    whole = torch.where(network.weights > 0.05, torch.tensor(0.5), images)
    assert (network(whole).argmax(1) == 1).all(), "greying all that it looks at changes answers"


def test_where_nothing_is_legible_the_least_harmful_place_says_so():
    class Brittle(nn.Module):
        def forward(self, images):
            changed = (images == 0.5).float().sum((1, 2, 3))
            return torch.stack([0.5 - changed, torch.zeros_like(changed)], 1)

    labels = torch.zeros(6, dtype=torch.int64)
    place = find_place([Brittle()], bright(), labels, "quiet", 30)
    assert not place.legible
    assert place.changed == 1


def test_several_networks_decide_together():
    one, other = Looks((8, 8), (20, 20)), Looks((18, 18), (4, 12))
    labels = torch.zeros(6, dtype=torch.int64)
    place = find_place([one, other], bright(), labels, "quiet", 30)
    seen = (one.weights > 0.05) | (other.weights > 0.05)
    assert not (place.mask.bool() & seen).any()


def test_areas_and_impossible_places():
    assert pixels_of_area(0.0293, (32, 32)) == 30
    assert pixels_of_area(0.024, (32, 32)) == 25
    with pytest.raises(BlurnetError, match="share of the image"):
        pixels_of_area(0.5, (32, 32))
    with pytest.raises(BlurnetError, match="fit nowhere"):
        find_place([Looks((0, 0), (9, 9))], bright(), torch.zeros(6).long(), "quiet", 1000)
    with pytest.raises(BlurnetError, match="at least one network"):
        find_place([], bright(), torch.zeros(6).long(), "quiet", 30)


def small(data, *more):
    return experiments.load(
        "whitebox",
        [
            "seeds=[0]", "other_classes=[yield]", "other_views=2", "views=2",
            "training.epochs=1", "areas=[0.05]", "rows=[{label: plain}]",
            "attacks={a: {settings: {steps: 1, goal: untargeted, scope: per_image}}}", *more,
        ],
        {"data": f"folder:{data}", "classes": "all"},
    )  # fmt: skip


def test_scenes_of_other_classes_have_places_found_on_training_signs(drawn_folder, tmp_path):
    experiment = small(drawn_folder)
    steps = in_order(experiment.expand().steps)
    places = [step for step in steps if step.kind == "place"]
    assert len(places) == 2, "two kinds"
    undefended = next(step.key for step in steps if step.kind == "train")
    assert all(undefended in {need.key for need in step.needs.values()} for step in places)
    others = [step for step in steps if step.kind == "whitebox" and "place" in step.needs]
    assert len({step.key for step in others}) == 2, "the place is part of the key"
    results = experiments.run(experiment, tmp_path)
    scenes = results.rows[0].attacks["a"]
    assert [scene.scene for scene in scenes] == [
        "stop",
        "yield, quiet place, 51 pixels",
        "yield, sensitive place, 51 pixels",
    ]
    assert [scene.pixels for scene in scenes[1:]] == [51, 51]
    records = Records(tmp_path)
    train = load_images(f"folder:{drawn_folder}").train
    signs = train.select(train.labels == train.classes.index("yield"))
    network = network_of(records.outcome(next(iter(places[0].needs.values()))))
    labels = torch.full((len(signs),), train.classes.index("yield"))
    again = find_place([network], signs.floats, labels, "quiet", 51)
    assert torch.equal(records.outcome(places[0]).tensors["mask"], again.mask), (
        "training signs and the undefended network alone decide"
    )
    assert [bracket.scene for bracket in results.rows[0].brackets] == [s.scene for s in scenes]


def test_the_command_line_finds_places(drawn_folder, tmp_path):
    lisa = ["evaluate", "--model", "blurnet.models:LisaCNN", "--data", f"folder:{drawn_folder}"]
    common = [*lisa, "--quiet", "--suite", "quick", "--images", "3"]
    out = tmp_path / "out"
    CliRunner().invoke(app, [*common, "--mask", "sensitive:area=0.02", "--out", str(out)])
    evidence = Evidence.load(out)
    assert evidence.mask_pixels == 20
    assert evidence.tensors["mask"].shape == (3, 32, 32), "a place for each class"
    for mask, message in (
        ("quiet:size=3", "area alone"),
        ("quiet:area=0.9", "up to 0.25"),
        ("quiet:area=x", "share of the image"),
    ):
        found = CliRunner().invoke(app, [*common, "--mask", mask, "--out", str(tmp_path / "x")])
        assert message in str(found.exception)
