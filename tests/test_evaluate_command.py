"""``blurnet evaluate``: own networks, photographs and masks; exit status; folders; refusals."""

import json
import shutil

import pytest
from PIL import Image

from blurnet import Evidence


@pytest.fixture
def at_home(blurnet, own):
    """Run the command in a copy of the user's folder."""
    shutil.copytree(own, blurnet.folder, dirs_exist_ok=True)
    return blurnet


OWN = ("--model", "mynet.py:build", "--weights", "w.safetensors")
SIGNS = ("--data", "folder:signs")
QUICK = ("--suite", "quick", "--images", 6)


def test_own_network_signs_and_mask(at_home):
    given = ("evaluate", *OWN, *SIGNS, "--mask", "bars.png", *QUICK, "--out", "mine")
    status, printed, said = at_home(*given)
    out = at_home.folder / "mine"
    evidence = Evidence.load(out)
    assert status == (0 if evidence.passed else 1)
    assert evidence.accuracy.value == 1
    assert evidence.classes == ("merge", "stop", "yield")
    assert [evidence.labels.count(label) for label in range(3)] == [2, 2, 2], "spread evenly"
    assert evidence.names[0].startswith("merge/")
    assert evidence.network == "mynet.py:build"
    assert "mine/report.html" in printed
    assert "worst case over attacks" in printed
    assert "the 3 classes of folder:signs, sorted: merge, stop, yield" in said
    assert "6 of 24 test images, spread evenly" in said
    page = (out / "report.html").read_text()
    assert "Evidence on" in page
    before = {file: file.stat().st_mtime_ns for file in out.iterdir() if file.name != ".lock"}
    again = at_home(*given, "--json", "--quiet")
    assert again[0] == status
    assert json.loads(again[1]) == json.loads((out / "evidence.json").read_text())
    assert again[2] == ""
    assert all(file.stat().st_mtime_ns == time for file, time in before.items()), "read, not made"


def test_conditions_are_the_exit_status(at_home):
    given = ("evaluate", *OWN, *SIGNS, "--mask", "bars.png", *QUICK, "--quiet")
    status, printed, _ = at_home(*given, "--out", "a", "--max-success", 0)
    assert status == 1
    assert "FAILS  robust" in printed
    other = at_home(*given, "--out", "a", "--max-success", 1)
    assert other[0] == 2
    assert "a: it holds an evaluation that was asked otherwise (max_success)" in other[2]
    assert not Evidence.load(at_home.folder / "a").passed, "left as it was"
    assert at_home(*given, "--out", "a", "--max-success", 1, "--replace")[0] in {0, 1}
    assert Evidence.load(at_home.folder / "a").suite.max_success == 1


def test_a_mask_for_each_photograph_of_one_class(at_home):
    for place in range(4):
        mask = Image.new("L", (128, 128))
        mask.paste(255, (20 + 8 * place, 20, 60 + 8 * place, 40))
        path = at_home.folder / "masks" / f"{place:03}.jpg"
        path.parent.mkdir(exist_ok=True)
        mask.save(path.with_suffix(".png"))
    photographs = at_home.folder / "photographs"
    photographs.mkdir()
    for place in range(4):
        source = at_home.folder / f"signs/test/stop/{place:03}.png"
        shutil.copy(source, photographs / source.name)
    given = ("evaluate", *OWN, "--classes", "merge,stop,yield", "--photographs", "photographs")
    given = (*given, "--true-class", "stop", "--mask", "masks", *QUICK, "--out", "one")
    status, _, said = at_home(*given)
    assert status in {0, 1}, said
    evidence = Evidence.load(at_home.folder / "one")
    assert set(evidence.labels) == {1}
    assert evidence.tensors["mask"].shape == (4, 64, 64)
    assert evidence.mask_pixels == 20 * 10
    assert "resized the mask from 128 × 128 to 64 × 64 pixels" in said


def test_a_mask_found_in_two_stages(at_home):
    given = ("evaluate", *OWN, *SIGNS, "--mask", "two-stage:count=2,area=0.02", *QUICK)
    assert at_home(*given, "--out", "two")[0] in {0, 1}
    assert 0 < Evidence.load(at_home.folder / "two").mask_pixels <= round(0.02 * 64 * 64)


def test_photographs_are_resized_as_said(at_home):
    big = at_home.folder / "big"
    for sign in sorted((at_home.folder / "signs/test").rglob("*.png")):
        path = big / sign.parent.name / sign.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(sign) as picture:
            picture.resize((100, 90)).save(path)
    given = ("evaluate", *OWN, "--data", "folder:big", "--mask", "bars", *QUICK, "--out", "big-out")
    refused = at_home(*given)
    assert refused[0] == 2
    assert "90" in refused[2]
    status, _, said = at_home(*given, "--size", 64)
    assert status in {0, 1}, said
    assert "resized 24 photographs from 100 × 90 to 64 × 64 pixels" in said
    assert "a fifth of each class is held out for testing" in said


def test_rp2s_own(blurnet, shared_data):
    given = ("evaluate", "--rp2", shared_data / "rp2", *QUICK, "--quiet", "--json")
    status, printed, said = blurnet(*given)
    assert status in {0, 1}, said
    evidence = json.loads(printed)
    assert evidence["accuracy"]["count"] == 6
    assert evidence["mask_pixels"] == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "where may a sticker be?"),
        (("--mask", "bars"), "which network? Give --model SPEC"),
        (("--mask", "bars", *OWN), "which photographs? Give --data folder:DIR"),
        ((*OWN, *SIGNS), "where may a sticker be? Give --mask"),
        (
            (*OWN, *SIGNS, "--mask", "stripes"),
            "--mask stripes: no such file or folder; or write ba",
        ),
        ((*OWN, *SIGNS, "--mask", "black.png"), "black.png: the mask is black"),
        ((*OWN, *SIGNS, "--mask", "signs/test/stop"), "no mask for merge/000, merge/001"),
        ((*OWN, *SIGNS, "--mask", "two-stage:size=4"), "no size; there are: outline, count, area"),
        ((*OWN, *SIGNS, "--mask", "bars", "--suite", "huge"), "no suite 'huge'; there are: standa"),
        ((*OWN, *SIGNS, "--mask", "bars", "--max-success", 20), "--max-success is a share of the"),
        ((*OWN, *SIGNS, "--mask", "bars", "--true-class", "cow"), "no test images of that class"),
        (
            (*OWN, *SIGNS, "--mask", "bars", "--classes", "a,b"),
            "images of 'merge', 'stop', 'yield'",
        ),
        ((*OWN, *SIGNS, "--mask", "bars", "--mean", "red"), "--mean red: write one number"),
        ((*OWN, *SIGNS, "--mask", "bars", "--channels", 1), "channels"),
        ((*OWN, "--photographs", "signs/test/stop", "--mask", "bars"), "Give --true-class NAME"),
        (
            (*OWN, *SIGNS, "--photographs", "p", "--true-class", "stop", "--mask", "bars"),
            "--data has no effect: --photographs is what is looked at",
        ),
        (("--rp2", "signs", "--true-class", "stop"), "--true-class has no effect: --rp2 brings"),
        (("--rp2", "signs", "--size", 32), "--size has no effect: --rp2 brings"),
        (("--rp2", "nowhere"), "nowhere: no such folder; --rp2 takes one with"),
        (
            ("--rp2", "signs", "--weights", "w.safetensors"),
            "--weights has no effect: the network's",
        ),
        (("w.safetensors", *SIGNS, "--mask", "bars"), "does not say how its network is built"),
        (("mine.pt", *SIGNS, "--mask", "bars"), "mine.pt: no such file"),
        (("--model", "mynet.py:make", *SIGNS, "--mask", "bars"), "no 'make' in it; there are: "),
    ],
)
def test_what_makes_no_sense_is_one_line(at_home, arguments, message):
    Image.new("L", (64, 64)).save(at_home.folder / "black.png")
    there = sorted(at_home.folder.rglob("*"))
    status, printed, said = at_home("evaluate", *arguments, "--quiet")
    assert status == 2, said
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not printed
    assert [p for p in sorted(at_home.folder.rglob("*")) if "__pycache__" not in str(p)] == there


def test_a_folder_of_something_else_is_left_alone(at_home):
    given = ("evaluate", *OWN, *SIGNS, "--mask", "bars", *QUICK, "--quiet", "--out", "there")
    there = at_home.folder / "there"
    there.mkdir()
    (there / "results.json").write_text("{}")
    status, _, said = at_home(*given)
    assert status == 2
    assert "there: it holds a run of an experiment; choose another folder" in said
    (there / "results.json").unlink()
    (there / "report.html").write_text("mine")
    status, _, said = at_home(*given)
    assert status == 2
    assert "report.html: not a page of blurnet's" in said
    assert [file.name for file in there.iterdir()] == ["report.html"]
