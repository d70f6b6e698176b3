import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from test_data_gtsrb import archive as gtsrb_archive
from test_data_lisa import archive as lisa_archive
from test_data_lisa import row

from blurnet.data import (
    CLASS_SETS,
    READERS,
    check,
    load_images,
    parse_classes,
    parse_spec,
    synthetic,
)
from blurnet.errors import BlurnetError


def lisa_of_two_classes(directory: Path) -> Path:
    frames = [f"vid{video}/f/stop_1.avi_image{image}.png" for video in (0, 1) for image in range(3)]
    rows = [row(frame, tag) for frame in frames for tag in ("stop", "merge")]
    return lisa_archive(directory, *rows)


def folders(directory: Path) -> Path:
    for part in ("train", "test"):
        for label in ("merge", "stop"):
            folder = directory / part / label
            folder.mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (5, 5), (number, 0, 0)).save(folder / f"{number}.png")
    return directory


def gtsrb_with_test_classes(directory: Path) -> Path:
    """Test images of a class that is also in the training part."""
    table = gtsrb_archive(directory) / "Final_Test/Images/GT-final_test.csv"
    table.write_text(table.read_text().replace(";42", ";14"))
    return directory


ARCHIVES: dict[str, tuple[Callable[[Path], Path], tuple[str, str]]] = {
    "folder": (folders, ("stop", "merge")),
    "lisa": (lisa_of_two_classes, ("stop", "merge")),
    "gtsrb": (gtsrb_with_test_classes, ("stop", "speedLimit20")),
}
"""A small archive for each reader, and two classes that it has training and some test images of."""


@pytest.fixture(params=READERS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, tuple[str, str], Path]:
    build, classes = ARCHIVES[request.param]
    return f"{request.param}:{build(tmp_path)}", classes, tmp_path


Source = tuple[str, tuple[str, str], Path]


def test_every_reader_gives_images_of_the_size_and_classes_asked_for(source: Source) -> None:
    spec, classes, _ = source
    for size in (4, 7):
        train, test = load_images(spec, classes=classes, size=size)
        for part in (train, test):
            assert part.classes == classes
            assert part.images.shape[1:] == (3, size, size)
            assert len(part)
        assert set(train.labels.tolist()) == {0, 1}
    assert check(spec).problems == []


def test_every_reader_gives_the_same_twice(source: Source) -> None:
    spec, classes, _ = source
    first, second = (load_images(spec, size=8, classes=classes) for _ in range(2))
    assert [part.fingerprint() for part in first] == [part.fingerprint() for part in second]
    assert (first.train.tracks is None) == (second.train.tracks is None)


def test_every_reader_names_a_broken_picture_and_can_go_on(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    spec, classes, directory = source
    whole = load_images(spec, classes=classes)
    broken = sorted(path for path in directory.rglob("*.p[np][gm]"))[-1]
    broken.write_bytes(broken.read_bytes()[:40])
    problems = check(spec).problems
    assert problems
    assert all(broken.name in str(problem) for problem in problems)
    with pytest.raises(BlurnetError) as caught:
        load_images(spec, classes=classes)
    assert str(problems[0]) in str(caught.value)
    assert "\n" not in str(caught.value)
    with caplog.at_level(logging.WARNING):
        rest = load_images(spec, classes=classes, skip_unreadable=True)
    assert f"{len(problems)} signs that cannot be read" in caplog.text
    assert sum(map(len, rest)) == sum(map(len, whole)) - len(problems)


def test_every_reader_names_a_missing_folder(source: Source) -> None:
    spec, _, directory = source
    kind, _ = parse_spec(spec)
    with pytest.raises(BlurnetError, match=str(directory / "nowhere")):
        load_images(f"{kind}:{directory / 'nowhere'}")


def test_every_reader_lists_the_classes_for_an_unknown_one(source: Source) -> None:
    spec, classes, _ = source
    with pytest.raises(BlurnetError, match=rf"no class 'x' in the data; it has: .*{classes[0]}"):
        load_images(spec, classes=("x",))


def test_many_problems_are_one_line(tmp_path: Path) -> None:
    lisa_archive(tmp_path, *[row(box="9;9;9;9")] * 7, row())
    with pytest.raises(
        BlurnetError, match=r"csv:2: .*csv:3: .*csv:4: .* 4 more, 7 in all"
    ) as caught:
        load_images(f"lisa:{tmp_path}")
    assert "\n" not in str(caught.value)
    assert "csv:5" not in str(caught.value)


def test_the_split_is_for_archives_in_one_piece(tmp_path: Path) -> None:
    tracks = [
        row(f"vid0/f/stop_1.avi_image{n % 3}.png", track=str(n), box=f"{n};0;{n + 4};4")
        for n in range(20)
    ]
    spec = f"lisa:{lisa_archive(tmp_path, *tracks)}"
    block, random = load_images(spec), load_images(spec, split="random", seed=1)
    assert len(block.test) == len(random.test) == 4
    assert block.test.fingerprint() != random.test.fingerprint()
    assert load_images(spec, split="random", seed=1).test.fingerprint() == random.test.fingerprint()
    assert load_images(spec, split="random", seed=2).test.fingerprint() != random.test.fingerprint()
    with pytest.raises(BlurnetError, match="split 'blocks': there are: block, random"):
        load_images("synthetic", split="blocks")


def test_a_class_without_training_images_is_an_error_unless_left_out(tmp_path: Path) -> None:
    folders(tmp_path)
    (tmp_path / "train/merge").rename(tmp_path / "test/yield")
    spec = f"folder:{tmp_path}"
    with pytest.raises(BlurnetError, match="no training images of merge, yield; leave"):
        load_images(spec)
    assert load_images(spec, classes=("stop",)).train.counts() == {"stop": 3}


def test_no_test_images_at_all_are_an_error(tmp_path: Path) -> None:
    folders(tmp_path)
    (tmp_path / "test/merge").rename(tmp_path / "train/yield")
    with pytest.raises(BlurnetError, match="no test images of any of the classes"):
        load_images(f"folder:{tmp_path}", classes=("merge",))
    assert load_images(f"folder:{tmp_path}").test.counts()["merge"] == 0


def test_synthetic_signs_are_drawn_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(synthetic.load, train_per_class=2, test_per_class=1)
    monkeypatch.setattr(synthetic, "load", few)
    train, test = load_images("synthetic", classes=("stop", "yield"), seed=3)
    assert train.classes == test.classes == ("stop", "yield")
    assert (
        train.fingerprint()
        != load_images("synthetic", classes=("stop", "yield")).train.fingerprint()
    )
    assert check("synthetic").problems == []


def test_of_synthetic_signs_the_classes_asked_for_are_drawn() -> None:
    everything = synthetic.load(train_per_class=1, test_per_class=2)
    two = synthetic.load(classes=("stop", "yield"), train_per_class=1, test_per_class=2)
    assert two.test.fingerprint() == everything.test.subset(("stop", "yield")).fingerprint()


def test_specs_are_parsed() -> None:
    assert parse_spec("synthetic") == ("synthetic", None)
    assert parse_spec("folder:some:where") == ("folder", Path("some:where"))
    assert parse_spec("lisa:~nobody-here/x") == ("lisa", Path("~nobody-here/x"))
    assert parse_spec("lisa:~/lisa") == ("lisa", Path.home() / "lisa")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("coco:x", "no such kind; there are: synthetic, folder:DIR, lisa:DIR, gtsrb:DIR"),
        ("", "no such kind"),
        ("data/lisa", "for example folder:data/signs"),
        ("lisa", "the folder is missing, as in lisa:data/lisa"),
        ("lisa:", "the folder is missing"),
        ("synthetic:x", "takes no folder"),
        ("synthetic:", "takes no folder"),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(spec: str, message: str) -> None:
    with pytest.raises(BlurnetError, match=message):
        load_images(spec)


def test_every_reader_refuses_a_size_below_one_and_a_class_asked_for_twice(
    source: Source,
) -> None:
    spec, classes, _ = source
    with pytest.raises(BlurnetError, match=r"a size is one number of pixels or two .*found 0"):
        check(spec, size=0)
    with pytest.raises(BlurnetError, match="class names differ"):
        load_images(spec, classes=(classes[0], classes[0]))


def test_classes_are_parsed() -> None:
    assert parse_classes("all") is None
    assert parse_classes("rp2") == CLASS_SETS["rp2"]
    assert parse_classes("stop, yield") == ("stop", "yield")
    assert len(CLASS_SETS["rp2"]) == 17
    for text in ("", "stop,,yield", "stop,stop"):
        with pytest.raises(BlurnetError, match=r"classes .*: expected all, rp2"):
            parse_classes(text)


def test_the_real_crops_of_rp2s_classes(shared_data: Path) -> None:
    train, test = load_images(f"folder:{shared_data / 'lisa'}", classes=CLASS_SETS["rp2"])
    assert len(train) + len(test) == 5860
    assert train.classes == CLASS_SETS["rp2"]
    assert torch.equal(train.labels.unique(), torch.arange(17))
