"""The folder that a command fills: claimed by one question, and never by another by accident."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.engine import Computed

ASKED = "asked.json"
CHECKPOINT = "training.safetensors"
RESULTS = {
    "evidence.json": "an evaluation",
    "certified.json": "a certification",
    "hardened.json": "a hardened network",
    "results.json": "a run of an experiment",
    "unfinished.json": "an unfinished run of an experiment",
    "attack.json": "an attack",
    "network.safetensors": "a trained network",
}
"""A file of each command's folder, and what it says is in there."""

_log = logging.getLogger("blurnet")


@contextmanager
def claimed(
    folder: Path, asked: Mapping[str, Any], result: str, *, replace: bool
) -> Iterator[bool]:
    """Hold a folder for one question; it is answered there when the block ends without an error.

    Args:
        folder: made if it does not exist.
        asked: the question, as JSON.
        result: the file of ``RESULTS`` that comes with the answer.
        replace: whether another question's answer may be replaced.

    Yields:
        Whether this very question was answered there already, and the answer is as it was written.

    Raises:
        BlurnetError: if something else is in the folder, or another process is writing there.

    """
    from blurnet.engine import Records
    from blurnet.files import to_json, write_whole

    mark = folder / ASKED
    there = _read(mark)
    hashes = there.pop("files", {})  # None while the work goes on
    same = there == dict(asked)
    complete = same and hashes is not None and (folder / result).is_file()
    damaged = [name for name in hashes if _hash(folder / name) != hashes[name]] if complete else []
    answered = complete and not damaged
    if not same and not replace:
        _refuse_other(folder, there, asked)
    if damaged:
        _log.warning("%s: not what was written there; made again", folder / damaged[0])
    with Records(folder).locked():
        if not answered:
            write_whole(mark, to_json(dict(asked) | {"files": None}))
            (folder / result).unlink(missing_ok=True)
        if not same and replace:
            (folder / CHECKPOINT).unlink(missing_ok=True)
        yield answered
        if not answered:
            files = {file.name: _hash(file) for file in folder.glob("*.safetensors")}
            files = {result: _hash(folder / result), **files}
            files.pop(CHECKPOINT, None)
            write_whole(mark, to_json(dict(asked) | {"files": files}))


def _read(mark: Path) -> dict[str, Any]:
    """Read what was asked; nothing where nothing was, or it cannot be read any more."""
    from blurnet.files import read_json

    try:
        there = read_json(mark)
    except BlurnetError:
        return {}
    return there if isinstance(there, dict) else {}


def _hash(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _refuse_other(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    held = [words for file, words in RESULTS.items() if (folder / file).is_file()]
    if not held:
        return
    differing = (
        [name for name in asked if there.get(name) != asked[name]]
        if there.get("command") == asked.get("command")
        else []
    )
    differs = f" that was asked otherwise ({', '.join(differing)})" if differing else ""
    raise BlurnetError(
        f"{folder}: it holds {held[0]}{differs}; choose another folder with --out, or --replace it"
    )


def computed_now(seconds: float) -> "Computed":
    """Say with what and when something was computed just now."""
    from datetime import UTC, datetime

    from blurnet.engine import Computed, provenance

    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return Computed(by=provenance(), seconds=round(seconds, 3), finished=finished)
