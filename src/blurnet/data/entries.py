"""What the readers of labelled pictures share: a list of signs to cut out, and what is wrong."""

import csv
import os
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from blurnet.data.images import Box, read_picture, to_tensor
from blurnet.data.imageset import ImageSet
from blurnet.errors import BlurnetError

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

    def problem(self, error: BlurnetError) -> Problem:
        """Say that this sign cannot be read."""
        path = self.table or self.picture
        return Problem(path, self.line, str(error).removeprefix(f"{path}: "))


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
    except FileNotFoundError:
        raise BlurnetError(f"{table}: no such file") from None
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


def cut(
    entries: Sequence[Entry], classes: Sequence[str], *, size: int
) -> tuple[ImageSet, list[Problem]]:
    """Cut signs out of their pictures, each picture decoded once.

    Args:
        entries: the signs, in the order of their source.
        classes: the class names that the labels stand for.
        size: edge length in pixels that the signs are resized to.

    Returns:
        The signs that can be read, in their order, and the problems with the others.

    Raises:
        BlurnetError: if the size is below 1.

    """
    if size < 1:
        raise BlurnetError(f"images of {size} × {size} pixels; the size is at least 1")
    by_picture: defaultdict[Path, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        by_picture[entry.picture].append(place)
    images = torch.empty(len(entries), 3, size, size, dtype=torch.uint8)

    def cut_picture(path: Path) -> dict[int, BlurnetError]:
        places = by_picture[path]
        try:
            picture = read_picture(path)
        except BlurnetError as error:
            return dict.fromkeys(places, error)
        errors = {}
        for place in places:
            try:
                images[place] = to_tensor(picture, size=size, box=entries[place].box)
            except BlurnetError as error:
                errors[place] = error
        return errors

    errors: dict[int, BlurnetError] = {}
    with ThreadPoolExecutor(_workers(by_picture)) as pool:
        for found in pool.map(cut_picture, by_picture):
            errors.update(found)
    problems = [entries[place].problem(errors[place]) for place in sorted(errors)]
    kept = [place for place in range(len(entries)) if place not in errors]
    label = {name: index for index, name in enumerate(classes)}
    labels = torch.tensor([label[entry.label] for entry in entries], dtype=torch.int64)
    signs = ImageSet(images, labels, tuple(classes), _tracks(entries))
    return signs.select(torch.tensor(kept, dtype=torch.int64)) if errors else signs, problems


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
