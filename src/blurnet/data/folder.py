"""Pictures sorted into folders: train/<class>/*.png and test/<class>/*.png, or <class>/*.png."""

from pathlib import Path

from blurnet.data.entries import Contents, Entry, Problem, cut, one_size
from blurnet.data.images import SUFFIXES, Size, image_files, subfolders
from blurnet.data.imageset import TrainTest
from blurnet.errors import BlurnetError

LAYOUTS = "train/<class>/*.png and test/<class>/*.png, or <class>/*.png"


def read(directory: Path, size: Size | None = None, channels: int = 3) -> Contents:
    """Read a folder of pictures for each class, in ``train`` and ``test`` or directly.

    The classes are those of both parts together, sorted; the images of a class are in the natural
    order of their file names. Hidden files, and files that are no pictures by their suffix, are
    passed over.

    Args:
        directory: what holds ``train`` and ``test``, or the class folders.
        size: height and width that all images are resized to; None for that which all have.
        channels: 3 for RGB, 1 for luma.

    Returns:
        The images that can be read, in one set if there are no ``train`` and ``test``; and the
        problems with the others.

    Raises:
        BlurnetError: if a folder is missing, has no class folders, or its pictures are of several
            sizes and none is given.

    """
    parts = TrainTest._fields
    names = {folder.name for folder in subfolders(directory)}
    if not names & set(parts) and names:
        entries, problems = _entries(directory)
        of_one_size = one_size(entries, size)
        classes = sorted({entry.label for entry in entries})
        whole, more, sizes = cut(entries, classes, size=of_one_size, channels=channels)
        return Contents(whole, [*problems, *more], sizes)
    for part in parts:
        if part not in names:
            found = ", ".join(sorted(names)) or "no folders"
            raise BlurnetError(
                f"{directory}: no folder {part!r}, found {found}; "
                f"pictures are expected as {LAYOUTS}"
            )
    listed = [_entries(directory / part) for part in parts]
    both = [entry for entries, _ in listed for entry in entries]
    classes = sorted({entry.label for entry in both})
    of_one_size = one_size(both, size)
    (train, train_problems, train_sizes), (test, test_problems, test_sizes) = (
        cut(entries, classes, size=of_one_size, channels=channels) for entries, _ in listed
    )
    empty = [problem for _, problems in listed for problem in problems]
    problems = [*empty, *train_problems, *test_problems]
    return Contents(TrainTest(train, test), problems, train_sizes + test_sizes)


def is_flat(directory: Path) -> bool:
    """Say whether a folder holds pictures themselves, and no folders."""
    return not subfolders(directory) and bool(image_files(directory))


def read_photographs(
    directory: Path, label: str, size: Size | None = None, channels: int = 3
) -> Contents:
    """Read a folder of photographs that all show one class.

    Args:
        directory: what holds the pictures.
        label: their class.
        size: height and width that all are resized to; None for that which all have.
        channels: 3 for RGB, 1 for luma.

    Returns:
        One set, in the natural order of the file names, and the problems with unreadable ones.

    Raises:
        BlurnetError: if there are none, or they are of several sizes and none is given.

    """
    entries = [Entry(file, label) for file in image_files(directory)]
    if not entries:
        raise BlurnetError(f"{directory}: no photographs ({', '.join(SUFFIXES)})")
    photographs, problems, sizes = cut(
        entries, (label,), size=one_size(entries, size), channels=channels
    )
    return Contents(photographs, problems, sizes)


def _entries(directory: Path) -> tuple[list[Entry], list[Problem]]:
    """List the pictures in a folder's class folders, and the class folders that hold none."""
    folders = subfolders(directory)
    if not folders:
        raise BlurnetError(f"{directory}: no class folders; pictures are expected as <class>/*.png")
    entries, problems = [], []
    for folder in folders:
        files = image_files(folder)
        entries += [Entry(file, folder.name) for file in files]
        if not files:
            reason = f"a class folder without pictures ({', '.join(SUFFIXES)})"
            problems.append(Problem(folder, None, reason))
    return entries, problems
