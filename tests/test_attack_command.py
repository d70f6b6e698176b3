"""``blurnet attack rp2``: the contract command, the files it leaves, and what it refuses."""

import json

import pytest
from PIL import Image
from safetensors.torch import load_file

from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import Recipe
from blurnet.experiments.train import train_network

STAR = ("--target", "yield", "--mask", "two-stage:outline=star")


def result_of(finished):
    status, out, err = finished
    assert status == 0, err
    return json.loads(out)


def test_the_contract_command(blurnet, shared_data, tmp_path):
    options = ("--target", "speedLimit45", "--steps", 300, "--seed", 0, "--json", "--quiet")
    folder = tmp_path / "a"
    given = ("--rp2", shared_data / "rp2", "--out", folder)
    result = result_of(blurnet("attack", "rp2", *given, *options))
    assert result["target_reached_rate"] >= 0.9
    assert result["attack_success_rate"] >= 0.9
    assert 0.1 < result["l2_dissimilarity"] < 0.25
    assert result["seconds"] > 0
    with Image.open(folder / "sticker.png") as sticker:
        assert (sticker.mode, sticker.size) == ("RGBA", (32, 32))
    tensors = load_file(folder / "sticker.safetensors")
    assert tensors["noise"].shape == (3, 32, 32)
    assert int((tensors["mask"] > 0.5).sum()) == 30
    assert len(list((folder / "attacked").glob("*.png"))) == 40
    told = json.loads((folder / "attack.json").read_text())
    reached = sum(view["attacked"] == "speedLimit45" for view in told["views"])
    assert reached == told["rates"]["target_reached_rate"]["count"]
    assert len((folder / "loss.csv").read_text().splitlines()) == 301
    for name in ("contact_sheet.png", "loss.png"):
        with Image.open(folder / name) as picture:
            picture.verify()


@pytest.fixture(scope="module")
def network(drawn_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    source = DataSource(f"folder:{drawn_folder}", None)
    recipe = Recipe(
        model="lisa_cnn",
        training={"epochs": 2},
        filters=({"size": 3, "after": "relu1", "trainable": True},),
    )
    return train_network(source, recipe, folder, seed=0)["checkpoint"]


def test_a_trained_network_on_its_data(blurnet, network, drawn_folder):
    given = ("--model-file", network, "--data", f"folder:{drawn_folder}", "--steps", 3, "--json")
    every = result_of(blurnet("attack", "rp2", *given, "--target", "all"))
    assert set(every["targets"]) == {"stopAhead", "yield"}
    assert every["worst"] in every["targets"]
    assert (blurnet.folder / "runs/attack/yield/sticker.png").is_file()
    strong = ("--target", "none", "--placement", "paste", "--scope", "per_image", "--lam", 0)
    free = result_of(blurnet("attack", "rp2", *given, *strong, "--loss", "margin", "--out", "free"))
    assert "target_reached_rate" not in free
    assert free["images"] == 6
    views = ("--view", "rotation:degrees=5", "--view", "brightness:share=0.2", "--draws", 2)
    seen = result_of(blurnet("attack", "rp2", *given, *views, "--target", "yield", "--out", "seen"))
    assert seen["l2_dissimilarity"] is None, "the views change images too"


def test_a_mask_found_in_two_stages(blurnet, network, drawn_folder):
    given = ("--model-file", network, "--data", f"folder:{drawn_folder}", "--target", "yield")
    given = (*given, "--steps", 8, "--seed", 3, "--json")
    two_stage = "two-stage:count=2,area=0.05,outline=octagon"
    result = result_of(blurnet("attack", "rp2", *given, "--mask", two_stage, "--out", "two"))
    boxes = result["mask"]["rectangles"]
    folder = blurnet.folder / "two"
    told = json.loads((folder / "attack.json").read_text())
    assert told["mask"] == result["mask"]
    assert len(boxes) == 2
    with Image.open(folder / "mask.png") as picture:
        white = [(x, y) for x in range(32) for y in range(32) if picture.getpixel((x, y))]
    inside = [
        (x, y)
        for left, top, right, bottom in boxes
        for x in range(left, right)
        for y in range(top, bottom)
    ]
    assert sorted(white) == sorted(inside)
    assert result["mask"]["pixels"] == len(white) <= 51
    assert told["dead_gradient_share"] == result["dead_gradient_share"]
    assert result["loss_first"] > result["loss_last"]
    free = (*given[:4], "--target", "none", "--placement", "paste", *given[6:])
    free = result_of(blurnet("attack", "rp2", *free, "--mask", "two-stage", "--out", "free"))
    assert free["mask"]["pixels"] <= 31


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which network? Give --rp2 DIR"),
        (("--rp2", "nowhere"), "nowhere: no such folder"),
        (("--model-file", "nothing.safetensors"), "nothing.safetensors"),
        (("NETWORK", "--target", "giraffe"), "no target 'giraffe'; there are: all, none, "),
        (("NETWORK", "--target", "stop"), "the target is 'stop', which the scene shows"),
        (("NETWORK", "--placement", "glue"), "no placement 'glue': add, add_straight_through"),
        (("NETWORK", "--norm", "3"), "p is 1, 2 or inf, not 3"),
        (("NETWORK", "--mask", "octagon"), "without --rp2 take two-stage"),
        (("NETWORK", "--mask", "two-stage:4"), "write NAME or NAME:KEY=VALUE"),
        (("NETWORK", "--mask", "two-stage:size=4"), "no size; there are: outline, count, area"),
        (("NETWORK", "--mask", "two-stage:count=1.5"), "count is a whole number, and area a share"),
        (("NETWORK", *STAR), "no outline 'star'; there are: octagon"),
        (("NETWORK", "--view", "rain"), "no view 'rain'; there are: "),
        (("NETWORK", "--view", "rotation:5"), "--view rotation:5: write NAME or NAME:KEY=VALUE"),
        (("NETWORK", "--view", "rotation:degrees=["), "rotation:degrees=[: a value cannot be read"),
        (("NETWORK", "--colors", "none.csv"), "none.csv: no such file"),
        (("NETWORK", "--printability", "1", "--target", "yield"), "needs the printable colours"),
    ],
)
def test_what_makes_no_sense_is_one_line(blurnet, network, arguments, message):
    known = {"NETWORK": ["--model-file", network]}
    given = [part for argument in arguments for part in known.get(argument, [argument])]
    status, _, err = blurnet("attack", "rp2", *given, "--quiet")
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
