"""Files read with bounds, and written whole: a kill leaves the old content or the new."""

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError

MOST_JSON = 256 * 2**20
"""Bytes of a JSON file; the largest that blurnet writes have a few million answers."""

DEEPEST = 100
"""Levels of lists and objects in JSON."""


def check_file(path: Path) -> None:
    """Refuse what is no ordinary file: a pipe would never end, nor some devices.

    Raises:
        BlurnetError: if it is something else, or missing.

    """
    if os.path.isdir(path):
        raise BlurnetError(f"{path}: cannot be read: a folder, where a file was expected")
    if not os.path.isfile(path):
        there = os.path.exists(path)
        raise BlurnetError(f"{path}: {'not an ordinary file' if there else 'no such file'}")


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a file, of at most ``most`` bytes if that is given.

    Raises:
        BlurnetError: if it is missing, no ordinary file, or larger.

    """
    check_file(path)
    try:
        with path.open("rb") as file:
            if most is not None and os.fstat(file.fileno()).st_size > most:
                raise BlurnetError(f"{path}: more than {most} bytes, which no such file has")
            return file.read()
    except OSError as error:
        raise BlurnetError(f"{path}: cannot be read: {error.strerror}") from None


def read_json(path: Path) -> Any:
    """Read a JSON file that blurnet wrote.

    Raises:
        BlurnetError: if it is missing or not JSON; what to do about it is the caller's to say.

    """
    content = read_bytes(path, MOST_JSON)
    try:
        return parse_json(content.decode())
    except ValueError:
        raise BlurnetError(f"{path}: not the JSON that blurnet wrote") from None


def parse_json(text: str) -> Any:
    """Read JSON of at most ``DEEPEST`` levels, whose strings can be written again.

    Raises:
        ValueError: if it is something else.

    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [each for outer in level for each in _inside(outer)]
        if not level:
            break
    else:
        raise ValueError("nested too deeply")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # refuses half of a surrogate pair
    return value


def _inside(outer: Any) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
    return [each for each in values if isinstance(each, dict | list)]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it holds the old content or the new, never a part.

    Raises:
        BlurnetError: if the disk does not take it.

    """
    temporary = path.with_name(f".{path.name}.partial")
    with disk_errors(path):
        try:
            write_synced(temporary, content)
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def to_json(values: Any) -> bytes:
    """Write JSON as blurnet's files have it."""
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's entries."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_disk(folder: Path) -> None:
    """Wait until the disk has all that was written where a folder is: many files at once.

    Where that cannot be, the system writes them within half a minute or so.
    """
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if sys.platform == "linux":
                ctypes.CDLL(None).syncfs(descriptor)
            elif hasattr(os, "sync"):
                os.sync()
        finally:
            os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors in the block into a BlurnetError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise BlurnetError(f"{path}: cannot write there: {error.strerror}") from None
