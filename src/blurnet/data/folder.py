"""Pictures sorted into folders: DIR/train/<class>/*.png and DIR/test/<class>/*.png."""

from pathlib import Path

from blurnet.data.entries import Entry, Problem, cut
from blurnet.data.images import SUFFIXES, image_files, subfolders
from blurnet.data.imageset import TrainTest
from blurnet.errors import BlurnetError


def read(directory: Path, size: int) -> tuple[TrainTest, list[Problem]]:
    """Read ``directory``/train and ``directory``/test, a folder of pictures for each class in both.

    The classes are those of both parts together, sorted; the images of a class are in the natural
    order of their file names. Hidden files, and files that are no pictures by their suffix, are
    passed over.

    Args:
        directory: what holds ``train`` and ``test``.
        size: edge length in pixels that all images are resized to.

    Returns:
        The images that can be read, and the problems with the others.

    Raises:
        BlurnetError: if a folder is missing, or has no class folders.

    """
    parts = [_entries(directory, part) for part in TrainTest._fields]
    classes = sorted({entry.label for entries, _ in parts for entry in entries})
    (train, train_problems), (test, test_problems) = (
        cut(entries, classes, size=size) for entries, _ in parts
    )
    empty = [problem for _, problems in parts for problem in problems]
    return TrainTest(train, test), [*empty, *train_problems, *test_problems]


def _entries(directory: Path, part: str) -> tuple[list[Entry], list[Problem]]:
    """List one part's pictures, and its class folders that hold none."""
    parts = subfolders(directory)
    if directory / part not in parts:
        found = ", ".join(folder.name for folder in parts) or "no folders"
        raise BlurnetError(
            f"{directory}: no folder {part!r}, found {found}; "
            f"pictures are expected as {part}/<class>/*.png"
        )
    folders = subfolders(directory / part)
    if not folders:
        raise BlurnetError(
            f"{directory / part}: no class folders; pictures are expected as <class>/*.png"
        )
    entries, problems = [], []
    for folder in folders:
        files = image_files(folder)
        entries += [Entry(file, folder.name) for file in files]
        if not files:
            reason = f"a class folder without pictures ({', '.join(SUFFIXES)})"
            problems.append(Problem(folder, None, reason))
    return entries, problems
