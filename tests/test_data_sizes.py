"""Any size and number of channels, class folders without parts, photographs of one class."""

import logging
from pathlib import Path

import pytest
import torch
from PIL import Image

from blurnet.data import ImageSet, load_images
from blurnet.data.images import picture_size
from blurnet.errors import BlurnetError

COLOURS = {"merge": (200, 100, 0), "stop": (0, 0, 255)}


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Ten pictures of each of two classes, 6 wide and 4 high, without train and test."""
    for label, colour in COLOURS.items():
        for place in range(10):
            paint(tmp_path / label / f"{place}.png", colour, (6, 4))
    return tmp_path


def test_class_folders_without_parts_are_split_by_block_and_it_is_said(
    classes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "blurnet"):
        train, test = load_images(f"folder:{classes}")
    assert train.shape == test.shape == (3, 4, 6), "the size that all have"
    assert test.names == ("merge/8", "merge/9", "stop/8", "stop/9")
    assert train.counts() == {"merge": 8, "stop": 8}
    assert "has no test part of its own: a fifth of each class" in caplog.text
    assert "resized" not in caplog.text


def test_one_channel_is_luma(classes: Path) -> None:
    _, test = load_images(f"folder:{classes}", channels=1)
    assert test.shape == (1, 4, 6)
    assert test.images.flatten(1)[:, 0].tolist() == [118, 118, 29, 29]
    again = load_images(f"folder:{classes}").test.in_channels(1)
    assert torch.equal(again.images, test.images)
    assert load_images("synthetic", classes=("stop",), size=16, channels=1).test.shape == (
        1,
        16,
        16,
    )
    with pytest.raises(BlurnetError, match=r"1 channel .* or 3 .*, not 4"):
        load_images("synthetic", channels=4)
    with pytest.raises(BlurnetError, match=r"1 channel .* or 3 .*, not 2"):
        load_images(f"folder:{classes}", channels=2)


def test_pictures_of_several_sizes_want_a_size(
    classes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint(classes / "stop/3.png", COLOURS["stop"], (12, 12))
    with pytest.raises(
        BlurnetError, match=r"of 2 sizes: 6 × 4 \(19\), 12 × 12 \(1\); say .*--size N"
    ):
        load_images(f"folder:{classes}")
    with caplog.at_level(logging.INFO, "blurnet"):
        train, _ = load_images(f"folder:{classes}", size=(5, 3))
    assert train.shape == (3, 5, 3)
    assert "resized 20 photographs from 6 × 4 (19), 12 × 12 (1) to 3 × 5 pixels" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, "blurnet"):
        load_images(f"folder:{classes}", size=12)
    assert "resized 19 photographs from 6 × 4 to 12 × 12 pixels" in caplog.text


def test_photographs_of_one_class_are_all_for_testing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        paint(tmp_path / f"{name}.png", (0, 0, 0), (5, 5))
    train, test = load_images(f"folder:{tmp_path}", classes=("stop",))
    assert (len(train), test.names, test.classes) == (0, ("stop/a", "stop/b"), ("stop",))
    for wrong in (None, ("stop", "merge")):
        with pytest.raises(BlurnetError, match=r"without class folders; .* name the one class"):
            load_images(f"folder:{tmp_path}", classes=wrong)


def test_a_turned_picture_is_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg") == (6, 4)
    assert picture_size(tmp_path / "none.jpg") is None


@pytest.fixture
def three() -> ImageSet:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    names = tuple("abcdefg")
    return ImageSet(torch.zeros(7, 1, 2, 2).byte(), labels, ("x", "y", "z"), names=names)


@pytest.mark.parametrize(
    ("count", "names"),
    [(100, "abcdefg"), (5, "adefg"), (4, "adeg"), (3, "aeg"), (1, "a"), (0, "")],
)
def test_a_few_are_taken_evenly_over_the_classes(three: ImageSet, count: int, names: str) -> None:
    assert "".join(three.spread(count).names or ()) == names


def test_labels_are_those_of_a_networks_outputs(three: ImageSet) -> None:
    named = three.labelled_as(("z", "other", "y", "x"))
    assert named.labels.tolist() == [3, 3, 3, 3, 2, 2, 0]
    assert named.names == three.names
    with pytest.raises(BlurnetError, match="images of 'x', 'z', not among the network's outputs: "):
        three.labelled_as(("y",))
    assert three.select(three.labels == 1).labelled_as(("y",)).labels.tolist() == [0, 0]
