"""``blurnet certify``: on a user's own network, exit status, folder, refusals."""

import json
import shutil

import pytest


@pytest.fixture
def at_home(blurnet, own):
    """Run the command in a copy of the user's folder."""
    shutil.copytree(own, blurnet.folder, dirs_exist_ok=True)
    return blurnet


OWN = ("--model", "mynet.py:build", "--weights", "w.safetensors", "--data", "folder:signs")
FEW = ("--images", 6, "--k", 2)


def test_own_network_and_families(at_home):
    given = (
        "certify",
        *OWN,
        *FEW,
        "--family",
        "any:4",
        "--family",
        "mask:±2",
        "--mask",
        "bars.png",
    )
    status, printed, said = at_home(*given, "--out", "mine")
    assert status == 0, said
    assert "Masked: any 4×4" in printed
    assert "Masked: the mask ±2" in printed
    assert "holds  certificates hold" in printed
    file = at_home.folder / "mine/certified.json"
    told = json.loads(file.read_text())
    assert [each["family"] for each in told["certificates"]] == ["any 4×4", "the mask ±2"]
    assert told["accuracy"]["value"] == 1
    assert all(each["broken"] == 0 for each in told["certificates"])
    again = at_home(*given, "--out", "mine", "--json", "--quiet")
    assert json.loads(again[1]) == told
    assert again[2] == ""
    other = at_home("certify", *OWN, *FEW, "--family", "any:5", "--out", "mine")
    assert other[0] == 2
    assert "mine: it holds a certification that was asked otherwise" in other[2]


def test_what_is_demanded_is_the_exit_status(at_home):
    given = ("certify", *OWN, *FEW, "--family", "any:30", "--quiet", "--out", "a")
    status, printed, _ = at_home(*given, "--min-certified", 1)
    assert status == 1
    assert "FAILS  certified against any 30×30" in printed
    assert at_home(*given, "--min-certified", 0, "--replace")[0] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "certify against which stickers? Give --family any:5"),
        (("--family", "some:5"), "no family of stickers 'some:5'; there are: any:5"),
        (("--family", "any:500"), "no such sticker fits images of 64 × 64"),
        (("--family", "mask:2"), "where is the sticker? Give the mask (--mask)"),
        (("--family", "any:5", "--mask", "bars.png"), "--mask has no effect"),
        (("--mask", "two-stage"), "give certify a picture"),
        (("--family", "any:5", "--min-certified", "3"), "a share of the images, in 0…1; found 3"),
    ],
)
def test_refused(at_home, given, said):
    status, _, errors = at_home("certify", *OWN, *FEW, *given, "--out", "no")
    assert status == 2
    assert said in errors
    assert not (at_home.folder / "no").exists()
