"""Files written whole: what a kill leaves is the old content or the new, never a part."""

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError


def read_json(path: Path) -> Any:
    """Read a JSON file that blurnet wrote.

    Raises:
        BlurnetError: if it is missing or not JSON; what to do about it is the caller's to say.

    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BlurnetError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise BlurnetError(f"{path}: not the JSON that blurnet wrote") from None


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
