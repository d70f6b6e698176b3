import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blurnet.data.gtsrb import CLASSES, read
from blurnet.errors import BlurnetError

HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
IMAGE = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)


def write(
    folder: Path, table: Path, names: list[str], class_id: int | None, box: str = "2;3;6;7"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(IMAGE).save(folder / name)
    label = "" if class_id is None else f";{class_id}"
    header = HEADER if label else HEADER.removesuffix(";ClassId")
    lines = [header, *(f"{name};10;12;{box}{label}" for name in names)]
    table.write_text("\n".join(lines) + "\n")


def archive(directory: Path, training: str = "Final_Training/Images", suffix: str = "ppm") -> Path:
    for class_id in (14, 0):
        folder = directory / training / f"{class_id:05}"
        names = [f"0000{track}_0000{frame}.{suffix}" for track in (0, 1) for frame in (0, 1)]
        write(folder, folder / f"GT-{class_id:05}.csv", names, class_id)
    images = directory / "Final_Test/Images"
    write(images, images / "GT-final_test.csv", [f"00000.{suffix}", f"00001.{suffix}"], 42)
    return directory


@pytest.mark.parametrize("training", ["Final_Training/Images", "Training"])
@pytest.mark.parametrize("suffix", ["ppm", "png"])
@pytest.mark.parametrize("nesting", ["", "GTSRB"])
def test_both_layouts_are_read(tmp_path: Path, training: str, suffix: str, nesting: str) -> None:
    archive(tmp_path / nesting, training, suffix)
    (train, test), problems, _ = read(tmp_path, (4, 4))
    assert not problems
    assert train.classes == test.classes == CLASSES
    assert train.labels.tolist() == [0, 0, 0, 0, 14, 14, 14, 14]
    assert train.tracks is not None
    assert train.tracks.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert test.labels.tolist() == [42, 42]
    assert test.tracks is None
    cut = torch.from_numpy(IMAGE[3:7, 2:6]).permute(2, 0, 1)
    assert (train.images == cut).all()
    assert (test.images == cut).all()


def test_there_are_43_names() -> None:
    assert len(set(CLASSES)) == 43
    assert (CLASSES[0], CLASSES[14], CLASSES[42]) == (
        "speedLimit20",
        "stop",
        "endOfNoPassingTrucks",
    )


def test_converted_images_are_found_beside_the_official_list(tmp_path: Path) -> None:
    archive(tmp_path, suffix="png")
    for table in tmp_path.rglob("*.csv"):
        table.write_text(table.read_text().replace(".png", ".ppm"))
    (train, test), problems, _ = read(tmp_path, (4, 4))
    assert (len(train), len(test), problems) == (8, 2, [])


@pytest.mark.parametrize("place", ["Final_Test", "."])
def test_the_labels_may_lie_above_the_images(tmp_path: Path, place: str) -> None:
    archive(tmp_path)
    shutil.move(tmp_path / "Final_Test/Images/GT-final_test.csv", tmp_path / place)
    (_, test), _, _ = read(tmp_path, (4, 4))
    assert len(test) == 2


def test_without_labels_the_error_says_where_they_are(tmp_path: Path) -> None:
    images = archive(tmp_path) / "Final_Test/Images"
    write(images, images / "GT-final_test.csv", ["00000.ppm"], None)
    with pytest.raises(BlurnetError, match=r"csv:1: no column 'ClassId'.*GTSRB_Final_Test_GT\.zip"):
        read(tmp_path, (4, 4))
    (images / "GT-final_test.csv").rename(images / "GT-final_test.test.csv")
    with pytest.raises(BlurnetError, match=r"no GT-final_test\.csv .*GTSRB_Final_Test_GT\.zip"):
        read(tmp_path, (4, 4))


def test_bad_rows_are_problems(tmp_path: Path) -> None:
    table = archive(tmp_path) / "Final_Training/Images/00014/GT-00014.csv"
    with table.open("a") as file:
        file.write("00000_00000.ppm;10;12;2;3;6;7;43\n")
        file.write("00000_00000.ppm;10;12;2;3;11;7;14\n")
        file.write("00009_00000.ppm;10;12;2;3;6;7;14\n")
    (train, _), problems, _ = read(tmp_path, (4, 4))
    assert len(train) == 8
    assert {problem.line for problem in problems} == {6, 7, 8}
    assert {problem.path for problem in problems} == {table}
    reasons = " ".join(problem.reason for problem in problems)
    assert "ClassId is 43; GTSRB has 0…42" in reasons
    assert "00009_00000.ppm: no such file" in reasons


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match="no folder Final_Training/Images or Training"):
        read(tmp_path, (4, 4))
    archive(tmp_path)
    shutil.rmtree(tmp_path / "Final_Test")
    with pytest.raises(BlurnetError, match="no folder Final_Test/Images"):
        read(tmp_path, (4, 4))
    (tmp_path / "Final_Training/Images/00014/GT-00014.csv").unlink()
    with pytest.raises(BlurnetError, match=r"GT-00014\.csv: no such file"):
        read(tmp_path, (4, 4))
