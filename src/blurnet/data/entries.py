"""What the readers of labelled pictures share: a list of signs to cut out, and what is wrong."""

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from blurnet.data.images import (
    MAX_PIXELS,
    Box,
    Size,
    picture_size,
    pixels,
    read_picture,
    to_tensor,
)
from blurnet.data.imageset import ImageSet, TrainTest
from blurnet.errors import BlurnetError
from blurnet.files import check_file

LARGE_FILE = 64 * 1024


class Problem(NamedTuple):
    """A sign that cannot be read: the file (and line, from 1) that names it, and why."""

    path: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.reason}"


class Entry(NamedTuple):
    """One sign to cut out of a picture.

    ``box`` None stands for the whole picture. Signs of one class with the same ``track`` are of one
    passing. ``table`` and ``line`` say where the sign is listed, if it is.
    """

    picture: Path
    label: str
    box: Box | None = None
    track: Hashable | None = None
    table: Path | None = None
    line: int | None = None

    @property
    def name(self) -> str:
        """What tables call it: its class and its file, and of several in a picture its line."""
        line = "" if self.box is None or self.line is None else f"-{self.line}"
        return f"{self.label}/{self.picture.stem}{line}"

    def problem(self, error: BlurnetError) -> Problem:
        """Say that this sign cannot be read."""
        path = self.table or self.picture
        return Problem(path, self.line, str(error).removeprefix(f"{path}: "))


class Contents(NamedTuple):
    """What a reader finds.

    Args:
        images: those that can be read, parted where the source is.
        problems: with the others.
        sizes: height and width that the pictures had, and how many had them.

    """

    images: ImageSet | TrainTest
    problems: list[Problem]
    sizes: Counter[Size]


def read_table(
    table: Path,
    columns: Sequence[str],
    to_entry: Callable[[Mapping[str, str]], Entry],
    *,
    hint: str = "",
) -> tuple[list[Entry], list[Problem]]:
    """Read a semicolon-separated list of signs whose first line names the columns.

    Args:
        table: the file.
        columns: the columns that are needed. Capitals, spaces and punctuation in names do not
            count.
        to_entry: makes an entry of a row, by these names; raises BlurnetError for a bad row.
        hint: what the error for a missing column adds.

    Returns:
        The signs in the order of the file, and the rows that are none.

    Raises:
        BlurnetError: if the file is missing, no text, empty, or lacks a column.

    """
    entries, problems = [], []
    check_file(table)
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=";")
            header = next(reader, [])
            places = _places(table, header, columns, hint)
            for cells in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    reason = f"{len(cells)} columns, and the first line has {len(header)}"
                    problems.append(Problem(table, line, reason))
                    continue
                row = {column: cells[place].strip() for column, place in places.items()}
                try:
                    entries.append(to_entry(row)._replace(table=table, line=line))
                except BlurnetError as error:
                    problems.append(Problem(table, line, str(error)))
    except OSError as error:
        raise BlurnetError(f"{table}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BlurnetError(f"{table}: not a semicolon-separated text file: {error}") from None
    return entries, problems


def whole_number(row: Mapping[str, str], column: str) -> int:
    """Read one cell of a row.

    Raises:
        BlurnetError: if it holds no whole number.

    """
    if not re.fullmatch(r"-?[0-9]{1,9}", row[column]):
        raise BlurnetError(f"{column} is {row[column]!r}, not a whole number")
    return int(row[column])


def box_of(row: Mapping[str, str], columns: tuple[str, str, str, str]) -> Box:
    """Read a row's box from the columns of its left, top, right and bottom.

    Raises:
        BlurnetError: if one of them holds no whole number.

    """
    left, top, right, bottom = (whole_number(row, column) for column in columns)
    return left, top, right, bottom


def one_size(entries: Sequence[Entry], size: Size | None) -> Size:
    """Give the size that images are to have: the one asked for, or the one that they all have.

    Raises:
        BlurnetError: if none is asked for and they are of several; the message says of which.

    """
    if size is not None:
        return size
    sizes = (_box_size(entry.box) or picture_size(entry.picture) for entry in entries)
    found = Counter(
        each for each in sizes if each and min(each) > 0 and each[0] * each[1] <= MAX_PIXELS
    )
    if len(found) > 1:
        raise BlurnetError(
            f"pictures of {len(found)} sizes: {sizes_in_words(found)}; say to which size all are "
            "to be resized (--size N; bilinear, antialiased, the aspect ratio not kept)"
        )
    return next(iter(found), (1, 1))


def sizes_in_words(sizes: Counter[Size]) -> str:
    """List the most frequent sizes and how many pictures have them."""
    shown = [f"{pixels(size)} ({count})" for size, count in sizes.most_common(3)]
    return ", ".join(shown) + (f" and {len(sizes) - 3} more" if len(sizes) > 3 else "")


def cut(
    entries: Sequence[Entry], classes: Sequence[str], *, size: Size, channels: int = 3
) -> tuple[ImageSet, list[Problem], Counter[Size]]:
    """Cut signs out of their pictures, each picture decoded once.

    Args:
        entries: the signs, in the order of their source.
        classes: the class names that the labels stand for.
        size: height and width that the signs are resized to.
        channels: 3 for RGB, 1 for luma.

    Returns:
        The signs that can be read, in their order, the problems with the others, and of which
        sizes they were.

    """
    by_picture: defaultdict[Path, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        by_picture[entry.picture].append(place)
    images = _room_for(len(entries), channels, size)

    def cut_picture(path: Path) -> tuple[dict[int, BlurnetError], Counter[Size]]:
        places = by_picture[path]
        sizes: Counter[Size] = Counter()
        try:
            picture = read_picture(path)
        except BlurnetError as error:
            return dict.fromkeys(places, error), sizes
        errors = {}
        for place in places:
            box = entries[place].box
            try:
                images[place] = to_tensor(picture, size=size, box=box, channels=channels)
                sizes[_box_size(box) or (picture.height, picture.width)] += 1
            except BlurnetError as error:
                errors[place] = error
        return errors, sizes

    errors: dict[int, BlurnetError] = {}
    sizes: Counter[Size] = Counter()
    with ThreadPoolExecutor(_workers(by_picture)) as pool:
        for found, of in pool.map(cut_picture, by_picture):
            errors.update(found)
            sizes += of
    problems = [entries[place].problem(errors[place]) for place in sorted(errors)]
    kept = [place for place in range(len(entries)) if place not in errors]
    label = {name: index for index, name in enumerate(classes)}
    labels = torch.tensor([label[entry.label] for entry in entries], dtype=torch.int64)
    names = tuple(entry.name for entry in entries)
    signs = ImageSet(images, labels, tuple(classes), _tracks(entries), names)
    if errors:
        signs = signs.select(torch.tensor(kept, dtype=torch.int64))
    return signs, problems, sizes


def _room_for(count: int, channels: int, size: Size) -> Tensor:
    needed = count * channels * size[0] * size[1]
    if needed <= memory():
        with suppress(RuntimeError):  # the allocator's
            return torch.empty(count, channels, *size, dtype=torch.uint8)
    raise BlurnetError(
        f"{count} pictures of {pixels(size)} pixels take {needed / 2**30:.1f} GiB, more than there "
        "is; take a smaller size (--size N)"
    )


def memory() -> int:
    """Give the machine's memory, in bytes; more than there is where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**62


def _box_size(box: Box | None) -> Size | None:
    return None if box is None else (box[3] - box[1], box[2] - box[0])


def _places(
    table: Path, header: Sequence[str], columns: Sequence[str], hint: str
) -> dict[str, int]:
    """Find each column's place in a row."""
    names = [_plain(name) for name in header]
    missing = [column for column in columns if _plain(column) not in names]
    if missing:
        raise BlurnetError(
            f"{table}:1: no column {', '.join(map(repr, missing))} among the "
            f"semicolon-separated {', '.join(map(repr, header)) or 'none'}{hint}"
        )
    return {column: names.index(_plain(column)) for column in columns}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _workers(pictures: Iterable[Path]) -> int:
    """Give one thread to small pictures: their decoding mostly holds the interpreter's lock."""
    first = next(iter(pictures), None)
    large = first is not None and os.path.isfile(first) and first.stat().st_size >= LARGE_FILE
    return os.cpu_count() or 1 if large else 1


def _tracks(entries: Sequence[Entry]) -> Tensor | None:
    """Give tracks their numbers, in the order in which they begin."""
    if any(entry.track is None for entry in entries):
        return None
    numbers: dict[tuple[str, Hashable], int] = {}
    return torch.tensor(
        [numbers.setdefault((entry.label, entry.track), len(numbers)) for entry in entries],
        dtype=torch.int64,
    )
