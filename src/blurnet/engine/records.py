"""What steps found, kept on disk: written once, whole, and never again."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import filelock
from pydantic import BaseModel, Field
from safetensors.torch import save

from blurnet.data.tensors import read_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import (
    disk_errors,
    parse_json,
    read_bytes,
    read_json,
    sync_folder,
    to_json,
    write_synced,
)
from blurnet.settings import Settings, check

from .computed import Computed
from .step import Described, Outcome, Step, key_of
from .working import worked_on

CONFIG, OTHERS = "config.json", {"result.json", "tensors.safetensors"}
WORTH_WAITING = 1.0
"""Records of steps that took so many seconds are on the disk before the run goes on.

Those of shorter ones are synced together, every second and when the run ends.
"""

ValuesType = TypeVar("ValuesType", bound=BaseModel)


class Recorded(Settings):
    """A record's ``config.json``.

    Args:
        kind: of the step, as are ``version`` and ``title``.
        config: the step's description, without what has its default; see ``canonical``.
        needs: role → the key of a step whose outcome was read.
        computed: when, by what, and how long it took.
        files: name → SHA-256 (hexadecimal) of the record's other files.

    """

    kind: str
    version: int
    title: str
    config: dict[str, Any]
    needs: dict[str, str]
    computed: Computed
    files: dict[str, str] = Field(default_factory=dict)


class CannotKeep(BlurnetError):
    """The disk does not take a record: nothing more can be kept, so no further step begins."""


class Records:
    """The records of a run's folder.

    A record is a folder ``records/<key>`` with ``config.json``, ``result.json`` and, where the step
    gave tensors, ``tensors.safetensors``. It appears under its name complete or not at all. Its
    name is the hash of its description, and the description has the hashes of the other files, so
    that a record that was cut short, edited or exchanged is told from a sound one.

    Args:
        folder: the run's folder; made at the first write.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "records"

    def __contains__(self, key: str) -> bool:
        return (self.root / key).is_dir()

    def read(self, key: str, values: type[ValuesType]) -> Outcome[ValuesType]:
        """Read what a step found.

        Args:
            key: the step's.
            values: the type of its values.

        Raises:
            BlurnetError: if there is no such record, or it is damaged; the message says what to do.

        """
        path = self.root / key
        tensors = path / "tensors.safetensors"
        try:
            typed = check(values, read_json(path / "result.json"))
            found = Outcome(typed, read_safetensors(tensors)[0] if tensors.exists() else {})
            self._sound(key)
        except BlurnetError as error:
            raise self._damaged(path, error) from None
        return found

    def outcome(self, step: Step[ValuesType]) -> Outcome[ValuesType]:
        """Read what ``step`` found; see ``read``."""
        return self.read(step.key, step.values)

    def checked(self, key: str) -> Recorded:
        """Read a record's description, and compare all its files with their hashes.

        Raises:
            BlurnetError: if there is no such record, or it is damaged.

        """
        try:
            return self._sound(key)
        except BlurnetError as error:
            raise self._damaged(self.root / key, error) from None

    def set_aside(self, key: str) -> Path:
        """Rename a damaged record, so that it is computed again; give where it lies now.

        Raises:
            BlurnetError: if the folder cannot be written to.

        """
        aside = self.root / f".{key}.damaged"
        with disk_errors(self.folder):
            shutil.rmtree(aside, ignore_errors=True)
            (self.root / key).rename(aside)
        return aside

    def recorded(self, key: str) -> Recorded:
        """Read a record's description and how it came about; raises as ``read``."""
        path = self.root / key
        try:
            return check(Recorded, read_json(path / "config.json"))
        except BlurnetError as error:
            raise self._damaged(path, error) from None

    def write(self, step: Described, outcome: Outcome[Any], computed: Computed) -> None:
        """Keep what a step found. A kill at any moment leaves the whole record or none.

        So does a power cut, but for a step that took less than ``WORTH_WAITING`` seconds: those of
        the last second may be lost, and a record that the cut left torn is told by its hashes.

        Raises:
            CannotKeep: if the disk does not take it, with the folder and the system's reason.

        """
        files = {"result.json": to_json(outcome.values.model_dump(mode="json"))}
        if outcome.tensors:
            tensors = {name: t.contiguous() for name, t in outcome.tensors.items()}
            files["tensors.safetensors"] = save(tensors)
        description = step.description | {
            "title": step.title,
            "computed": computed.model_dump(mode="json"),
            "files": {name: _hash(content) for name, content in files.items()},
        }
        try:
            synced = computed.seconds >= WORTH_WAITING
            self._write(step.key, {CONFIG: to_json(description), **files}, synced=synced)
        except BlurnetError as error:
            raise CannotKeep(str(error)) from None

    def files(self, key: str) -> dict[str, bytes]:
        """Read a record's files as they are, for another machine; raises as ``checked``."""
        recorded = self.checked(key)
        return {name: (self.root / key / name).read_bytes() for name in (CONFIG, *recorded.files)}

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep a record that another machine made; one that is there already stays.

        Args:
            key: the step's.
            files: the record's, as ``files`` gives them.

        Raises:
            BlurnetError: if they are not this step's record, or not whole.
            CannotKeep: if the disk does not take it.

        """
        recorded = _recorded(key, f"{key}/{CONFIG}", files.get(CONFIG, b""))
        if not recorded.files.keys() <= OTHERS:
            raise BlurnetError(f"{key}/{CONFIG}: names files that no record has")
        for name, expected in recorded.files.items():
            if _hash(files.get(name, b"")) != expected:
                raise BlurnetError(f"{key}/{name}: not what was written there")
        if key in self:
            return
        whole = {name: files[name] for name in (CONFIG, *recorded.files)}
        try:
            self._write(key, whole, synced=recorded.computed.seconds >= WORTH_WAITING)
        except BlurnetError as error:
            raise CannotKeep(str(error)) from None

    def _write(self, key: str, files: Mapping[str, bytes], *, synced: bool) -> None:
        temporary = self.root / f".{key}.partial"
        with disk_errors(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                for name, content in files.items():
                    if synced:
                        write_synced(temporary / name, content)
                    else:
                        (temporary / name).write_bytes(content)
                if synced:
                    sync_folder(temporary)
                temporary.rename(self.root / key)
                if synced:
                    sync_folder(self.root)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    def working(self, key: str) -> Path:
        """Give the folder that a step has while it works."""
        return self.root / f".{key}.working"

    @contextmanager
    def scratch(self, step: Described) -> Iterator[Path]:
        """Give a folder to a step while it works, and hold it. It goes when the work is recorded.

        Raises:
            CannotKeep: if the disk does not take it.
            BlurnetError: if another process works on this step.

        """
        folder = self.working(step.key)
        with ExitStack() as held:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(worked_on(folder))
            except OSError as error:
                raise CannotKeep(f"{self.folder}: cannot write there: {error.strerror}") from None
            yield folder
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's folder, so that no other run writes there.

        Raises:
            BlurnetError: if another process holds it.

        """
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.folder / ".lock", blocking=False)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise BlurnetError(
                    f"{self.folder}: another run is writing there; wait for it, or choose "
                    "another folder"
                ) from None
        try:
            for partial in self.root.glob(".*.partial"):
                shutil.rmtree(partial, ignore_errors=True)
            for working in self.root.glob(".*.working"):
                if working.stem.removeprefix(".") in self:
                    shutil.rmtree(working, ignore_errors=True)
            yield
        finally:
            lock.release()

    def _sound(self, key: str) -> Recorded:
        path = self.root / key
        content = read_bytes(path / CONFIG)
        recorded = _recorded(key, str(path / CONFIG), content)
        for name, expected in recorded.files.items():
            if name not in OTHERS:
                raise BlurnetError(f"{path / CONFIG}: a record has no file {name!r}")
            if _hash(read_bytes(path / name)) != expected:
                raise BlurnetError(f"{path / name}: not what was written there")
        return recorded

    def _damaged(self, path: Path, error: BlurnetError) -> BlurnetError:
        if not path.is_dir():
            return BlurnetError(f"{path}: no such record; the run that made it computes it again")
        where = "" if str(path) in str(error) else f" ({path})"
        return BlurnetError(f"{error}{where}; remove {path}, and it is computed again")


def _recorded(key: str, where: str, content: bytes) -> Recorded:
    """Read the description in a record's ``config.json``; it must be that of this key."""
    try:
        recorded = check(Recorded, parse_json(content.decode()))
    except ValueError:
        raise BlurnetError(f"{where}: not the JSON that blurnet wrote") from None
    if key_of(recorded.kind, recorded.version, recorded.config, recorded.needs) != key:
        raise BlurnetError(f"{where}: not the description of this record")
    return recorded


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
