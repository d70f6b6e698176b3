"""``blurnet attack rp2``: the contract command, own networks, files that it leaves, refusals."""

import json
import shutil

import pytest
from PIL import Image
from safetensors.torch import load_file

from blurnet.defenses import Recipe
from blurnet.experiments.sources import DataSource
from blurnet.experiments.train import train_network
from blurnet.settings import check

STAR = ("--target", "yield", "--mask", "two-stage:outline=star")
OWN = ("--model", "mynet.py:build", "--weights", "w.safetensors")


def result_of(finished):
    status, out, err = finished
    assert status == 0, err
    return json.loads(out)


def test_the_contract_command(blurnet, shared_data, tmp_path):
    options = ("--target", "speedLimit45", "--steps", 300, "--seed", 0, "--json", "--quiet")
    folder = tmp_path / "a"
    given = ("--rp2", shared_data / "rp2", "--out", folder)
    told = result_of(blurnet("attack", "rp2", *given, *options))
    result = told["summary"]
    assert result["target_reached_rate"]["count"] == 36
    assert result["attack_success_rate"]["count"] == 36
    assert round(result["l2_dissimilarity"], 4) == 0.2329
    assert not result["published"], "which stickers are kept is not as published"
    assert result["seconds"] > 0
    assert told == json.loads((folder / "attack.json").read_text())
    with Image.open(folder / "sticker.png") as sticker:
        assert (sticker.mode, sticker.size) == ("RGBA", (32, 32))
    tensors = load_file(folder / "sticker.safetensors")
    assert tensors["noise"].shape == (3, 32, 32)
    assert int((tensors["mask"] > 0.5).sum()) == 30
    assert len(list((folder / "attacked").glob("*.png"))) == 40
    assert sum(view["attacked"] == ["speedLimit45"] for view in told["views"]) == 36
    assert len((folder / "loss.csv").read_text().splitlines()) == 301
    for name in ("contact_sheet.png", "loss.png"):
        with Image.open(folder / name) as picture:
            picture.verify()
    page = (folder / "report.html").read_text()
    assert "RP2's own network" in page.replace("&#39;", "'")
    assert "36 of 40 attacked photographs" in page


@pytest.fixture(scope="module")
def network(drawn_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    source = DataSource(f"folder:{drawn_folder}", None)
    content = {
        "model": "lisa_cnn",
        "training": {"epochs": 2},
        "defense": {"filters": [{"size": 3, "after": "relu1", "trainable": True}]},
    }
    return train_network(source, check(Recipe, content), folder, seed=0).network


def test_a_trained_network_on_its_data(blurnet, network, drawn_folder):
    given = ("--model-file", network, "--data", f"folder:{drawn_folder}", "--steps", 3, "--json")
    every = result_of(blurnet("attack", "rp2", *given, "--target", "all"))["summary"]
    assert {each["target"] for each in every["targets"]} == {"stopAhead", "yield"}
    assert every["worst_target"] in {"stopAhead", "yield"}
    assert (blurnet.folder / "runs/attack/yield/sticker.png").is_file()
    page = (blurnet.folder / "runs/attack/report.html").read_text()
    assert "target stopAhead" in page
    strong = ("--target", "none", "--placement", "paste", "--scope", "per_image", "--lam", 0)
    free = ("attack", "rp2", *given, *strong, "--loss", "margin", "--images", 4, "--out", "free")
    free = result_of(blurnet(*free))["summary"]
    assert "target_reached_rate" not in free
    assert free["images"] == 4
    assert len(list((blurnet.folder / "free/stickers").iterdir())) == 4
    views = ("--transform", "rotation:degrees=5", "--transform", "brightness:share=0.2")
    views = (*views, "--draws", 2, "--target", "yield", "--out", "seen")
    seen = result_of(blurnet("attack", "rp2", *given, *views))["summary"]
    assert seen["l2_dissimilarity"] is None, "the transforms change images too"


def test_a_mask_found_in_two_stages(blurnet, network, drawn_folder):
    given = ("--model-file", network, "--data", f"folder:{drawn_folder}", "--target", "yield")
    given = (*given, "--steps", 8, "--seed", 3, "--json")
    two_stage = "two-stage:count=2,area=0.05,outline=octagon"
    told = result_of(blurnet("attack", "rp2", *given, "--mask", two_stage, "--out", "two"))
    boxes, result = told["rectangles"], told["summary"]
    folder = blurnet.folder / "two"
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
    assert result["mask_pixels"] == len(white) <= 51
    assert result["loss_first"] > result["loss_last"]
    free = (*given[:4], "--target", "none", "--placement", "paste", *given[6:])
    free = result_of(blurnet("attack", "rp2", *free, "--mask", "two-stage", "--out", "free"))
    assert free["summary"]["mask_pixels"] <= 31


def test_own_network_photographs_and_masks(blurnet, own):
    shutil.copytree(own, blurnet.folder, dirs_exist_ok=True)
    photographs = ("--photographs", "signs/test/stop", "--true-class", "stop")
    given = ("attack", "rp2", *OWN, "--classes", "merge,stop,yield", *photographs)
    given = (*given, "--images", 3, "--steps", 3)
    told = result_of(blurnet(*given, "--mask", "bars.png", "--target", "yield", "--json"))
    assert told["network"] == "mynet.py:build"
    assert told["summary"]["accuracy"]["value"] == 1
    assert [view["name"] for view in told["views"]] == ["stop/000", "stop/004", "stop/007"]
    folder = blurnet.folder / "runs/attack"
    assert (folder / "attacked/stop-004.png").is_file()
    with Image.open(folder / "sticker.png") as sticker:
        assert sticker.size == (64, 64)
    for place, name in enumerate(("000", "004", "007")):
        mask = Image.new("L", (64, 64))
        mask.paste(255, (10, 10 + 8 * place, 40, 20 + 8 * place))
        (blurnet.folder / "masks").mkdir(exist_ok=True)
        mask.save(blurnet.folder / f"masks/{name}.png")
    status, printed, said = blurnet(*given, "--mask", "masks", "--out", "each")
    assert status == 0, said
    assert "the mean over 2 targets" in printed, "all, where speedLimit45 is unknown"
    assert "each/report.html" in printed
    assert len(list((blurnet.folder / "each/masks").iterdir())) == 3
    again = ("--mask", "bars", "--target", "none", "--placement", "paste", "--out", "each")
    assert blurnet(*given, *again)[0] == 0


def test_photographs_of_another_size_are_refused_in_one_line(blurnet, network, drawn_folder):
    given = ("--model-file", network, "--data", f"folder:{drawn_folder}", "--size", 64, "--quiet")
    status, _, err = blurnet("attack", "rp2", *given)
    assert status == 2
    assert "64" in err
    assert len(err.strip().splitlines()) == 1


def test_rp2_photographs_of_another_size_are_refused_in_one_line(blurnet, artifacts):
    for path in (artifacts / "victims").iterdir():
        Image.new("RGB", (256, 256)).save(path)
    Image.new("L", (256, 256), 255).save(artifacts / "masks/sticker.png")
    status, _, err = blurnet("attack", "rp2", "--rp2", artifacts, "--quiet")
    assert status == 2
    assert "256" in err
    assert len(err.strip().splitlines()) == 1
    assert not list(blurnet.folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which network? Give --model SPEC"),
        (("--rp2", "nowhere"), "nowhere: no such folder"),
        (("--model-file", "nothing.safetensors"), "nothing.safetensors"),
        (("NETWORK", "--target", "giraffe"), "no such class; there are: all, none, "),
        (("NETWORK", "--target", "stop"), "the target is 'stop', which the images show"),
        (("NETWORK", "--placement", "glue"), "no placement 'glue': add, add_straight_through"),
        (("NETWORK", "--norm", "3"), "p is 1, 2 or inf, not 3"),
        (("NETWORK", "--mask", "stripes"), "no such file or folder; or write bars, octagon, quiet"),
        (("NETWORK", "--mask", "two-stage:4"), "write NAME or NAME:KEY=VALUE"),
        (("NETWORK", "--mask", "two-stage:size=4"), "no size; there are: outline, count, area"),
        (("NETWORK", "--mask", "two-stage:count=1.5"), "count is a whole number, and area a share"),
        (("NETWORK", *STAR), "no outline 'star'; there are: octagon"),
        (("NETWORK", "--transform", "rain"), "no transform 'rain'; there are: "),
        (
            ("NETWORK", "--transform", "rotation:angle=3"),
            "rotation: no setting 'angle'; there are: ",
        ),
        (("NETWORK", "--transform", "rotation:5"), "rotation:5: write NAME or NAME:KEY=VALUE"),
        (("NETWORK", "--transform", "rotation:degrees=["), "degrees=[: a value cannot be read"),
        (("NETWORK", "--draws", 2), "--draws has no effect without --transform"),
        (("NETWORK", "--colors", "none.csv"), "--colors has no effect without --printability"),
        (
            ("NETWORK", "--colors", "none.csv", "--printability", 1, "--target", "yield"),
            "none.csv: no such file",
        ),
        (("NETWORK", "--printability", "1", "--target", "yield"), "needs the printable colours"),
        (("NETWORK", "--true-class", "giraffe"), "no class 'giraffe' to draw"),
        (
            ("NETWORK", "--true-class", "merge"),
            "images of 'merge', not among the network's outputs",
        ),
        (("--rp2", ".", "--true-class", "stop"), "--true-class has no effect: --rp2 brings"),
        (("--rp2", ".", "--data", "synthetic"), "--data has no effect: --rp2 brings"),
        (("NETWORK", "--weights", "w.pt"), "--weights has no effect: the network's file holds"),
    ],
)
def test_what_makes_no_sense_is_one_line(blurnet, network, arguments, message):
    known = {"NETWORK": ["--model-file", network]}
    given = [part for argument in arguments for part in known.get(argument, [argument])]
    status, _, err = blurnet("attack", "rp2", *given, "--quiet")
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
