"""The official archives of the German Traffic Sign Recognition Benchmark.

Stallkamp, Schlipsing, Salmen and Igel 2012, https://benchmark.ini.rub.de.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from blurnet.data.entries import (
    Contents,
    Entry,
    Problem,
    box_of,
    cut,
    one_size,
    read_table,
    whole_number,
)
from blurnet.data.images import Size, subfolders
from blurnet.data.imageset import TrainTest
from blurnet.errors import BlurnetError

CLASSES = (
    "speedLimit20",
    "speedLimit30",
    "speedLimit50",
    "speedLimit60",
    "speedLimit70",
    "speedLimit80",
    "endOfSpeedLimit80",
    "speedLimit100",
    "speedLimit120",
    "noPassing",
    "noPassingTrucks",
    "rightOfWayAtCrossing",
    "priorityRoad",
    "yield",
    "stop",
    "noVehicles",
    "noTrucks",
    "noEntry",
    "danger",
    "curveLeft",
    "curveRight",
    "doubleCurve",
    "bumpyRoad",
    "slipperyRoad",
    "roadNarrowsRight",
    "roadWork",
    "trafficSignals",
    "pedestrians",
    "children",
    "bicycles",
    "ice",
    "wildAnimals",
    "endOfLimits",
    "turnRight",
    "turnLeft",
    "goStraight",
    "goStraightOrRight",
    "goStraightOrLeft",
    "keepRight",
    "keepLeft",
    "roundabout",
    "endOfNoPassing",
    "endOfNoPassingTrucks",
)
"""The names of ClassId 0 to 42."""

FILE, CLASS_ID = "Filename", "ClassId"
BOX = ("Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2")
TRAIN_FOLDERS = ("Final_Training/Images", "Training")
TEST_FOLDER = "Final_Test/Images"
TEST_TABLE = "GT-final_test.csv"
LABELS_HINT = f"; the labels of the test images are in {TEST_TABLE} of GTSRB_Final_Test_GT.zip"


def read(directory: Path, size: Size | None = None, channels: int = 3) -> Contents:
    """Cut the signs out of the training and the test images, by their region of interest.

    All 43 classes are there, by ClassId. Training images of one track share its number; the test
    images have no tracks.

    Args:
        directory: what holds ``Final_Training/Images`` or ``Training``, and ``Final_Test/Images``,
            itself or in its folder ``GTSRB``. ``GT-final_test.csv`` lies beside the test images or
            in a folder above them.
        size: height and width that the signs are resized to.
        channels: 3 for RGB, 1 for luma.

    Returns:
        The signs that can be read, and the rows that cannot.

    Raises:
        BlurnetError: if a folder or a list of signs is missing, or is another file; without a size,
            if the signs are of several.

    """
    train_entries, problems = [], []
    for folder in subfolders(_find(directory, TRAIN_FOLDERS)):
        entries, faults = _read_table(folder / f"GT-{folder.name}.csv", folder)
        train_entries += entries
        problems += faults
    images = _find(directory, (TEST_FOLDER,))
    test_entries, test_problems = _read_table(_test_table(images, directory), images)
    of_one_size = one_size([*train_entries, *test_entries], size)
    train, train_faults, train_sizes = cut(
        train_entries, CLASSES, size=of_one_size, channels=channels
    )
    test, test_faults, test_sizes = cut(test_entries, CLASSES, size=of_one_size, channels=channels)
    faults = [*problems, *train_faults, *test_problems, *test_faults]
    return Contents(TrainTest(train, test), faults, train_sizes + test_sizes)


def _find(directory: Path, folders: tuple[str, ...]) -> Path:
    for folder in folders:
        for found in (directory / folder, directory / "GTSRB" / folder):
            if found.is_dir():
                return found
    raise BlurnetError(
        f"{directory}: no folder {' or '.join(folders)} in it, nor in its folder GTSRB; "
        "unpack the official archives there"
    )


def _test_table(images: Path, directory: Path) -> Path:
    for folder in (images, *images.parents):
        if (folder / TEST_TABLE).is_file():
            return folder / TEST_TABLE
        if folder == directory:
            break
    raise BlurnetError(f"{images}: no {TEST_TABLE} there nor above{LABELS_HINT}")


def _read_table(table: Path, images: Path) -> tuple[list[Entry], list[Problem]]:
    def to_entry(row: Mapping[str, str]) -> Entry:
        class_id = whole_number(row, CLASS_ID)
        if not 0 <= class_id < len(CLASSES):
            raise BlurnetError(f"{CLASS_ID} is {class_id}; GTSRB has 0…{len(CLASSES) - 1}")
        picture = images / row[FILE]
        converted = picture.parent / f"{picture.stem}.png"
        if os.path.exists(converted) and not os.path.exists(picture):
            picture = converted
        track, separator, _ = picture.stem.partition("_")
        return Entry(
            picture, CLASSES[class_id], box_of(row, BOX), track=track if separator else None
        )

    return read_table(table, (FILE, *BOX, CLASS_ID), to_entry, hint=LABELS_HINT)
