"""The official archive of the LISA Traffic Sign Dataset: video frames and one list of their signs.

Møgelmose, Trivedi and Moeslund 2012, http://cvrr.ucsd.edu/LISA/lisa-traffic-sign-dataset.html.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from blurnet.data.entries import Contents, Entry, box_of, cut, one_size, read_table
from blurnet.data.images import Size
from blurnet.errors import BlurnetError

TABLE = "allAnnotations.csv"
FILE, TAG = "Filename", "Annotation tag"
BOX = (
    "Upper left corner X",
    "Upper left corner Y",
    "Lower right corner X",
    "Lower right corner Y",
)
VIDEO, TRACK = "Origin file", "Origin track"


def read(directory: Path, size: Size | None = None, channels: int = 3) -> Contents:
    """Cut the signs out of the frames that ``directory``/allAnnotations.csv names.

    The classes are the tags, sorted; the signs keep the order of the file. Tracks are the file's
    own, told apart by video and folder.

    Args:
        directory: what holds allAnnotations.csv; frames are named relative to it.
        size: height and width that the signs are resized to.
        channels: 3 for RGB, 1 for luma.

    Returns:
        The signs that can be read, and the rows that cannot.

    Raises:
        BlurnetError: if allAnnotations.csv is missing or is another file; without a size, if the
            signs are of several.

    """

    def to_entry(row: Mapping[str, str]) -> Entry:
        if not row[TAG]:
            raise BlurnetError(f"{TAG} is empty")
        folder = PurePosixPath(row[FILE]).parent
        return Entry(
            directory / row[FILE],
            row[TAG],
            box_of(row, BOX),
            track=(folder, row[VIDEO], row[TRACK]),
        )

    if not (directory / TABLE).exists() and (directory / "train").is_dir():
        raise BlurnetError(
            f"{directory}: no {TABLE}, which the official archive has, but a folder train: for "
            f"train/<class>/*.png write folder:{directory}"
        )
    entries, problems = read_table(directory / TABLE, (FILE, TAG, *BOX, VIDEO, TRACK), to_entry)
    classes = sorted({entry.label for entry in entries})
    signs, cut_problems, sizes = cut(
        entries, classes, size=one_size(entries, size), channels=channels
    )
    in_order = sorted([*problems, *cut_problems], key=lambda problem: problem.line or 0)
    return Contents(signs, in_order, sizes)
