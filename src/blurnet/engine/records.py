"""What steps found, kept on disk: written once, whole, and never again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import filelock
from pydantic import BaseModel
from safetensors.torch import save

from blurnet.data.tensors import read_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, read_json, sync_folder, to_json, write_synced
from blurnet.settings import Settings, check

from .computed import Computed
from .step import Outcome, Step

ValuesType = TypeVar("ValuesType", bound=BaseModel)


class Recorded(Settings):
    """A record's ``config.json``.

    Args:
        kind: of the step, as are ``version`` and ``title``.
        config: the step's description, without what has its default; see ``canonical``.
        needs: role → the key of a step whose outcome was read.
        computed: when, by what, and how long it took.

    """

    kind: str
    version: int
    title: str
    config: dict[str, Any]
    needs: dict[str, str]
    computed: Computed


class Records:
    """The records of a run's folder.

    A record is a folder ``records/<key>`` with ``config.json``, ``result.json`` and, where the step
    gave tensors, ``tensors.safetensors``. It appears under its name complete or not at all.

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
            return Outcome(typed, read_safetensors(tensors)[0] if tensors.exists() else {})
        except BlurnetError as error:
            raise self._damaged(path, error) from None

    def outcome(self, step: Step[ValuesType]) -> Outcome[ValuesType]:
        """Read what ``step`` found; see ``read``."""
        return self.read(step.key, step.values)

    def recorded(self, key: str) -> Recorded:
        """Read a record's description and how it came about; raises as ``read``."""
        path = self.root / key
        try:
            return check(Recorded, read_json(path / "config.json"))
        except BlurnetError as error:
            raise self._damaged(path, error) from None

    def write(self, step: Step[Any], outcome: Outcome[Any], computed: Computed) -> None:
        """Keep what a step found. A kill at any moment leaves the whole record or none.

        Raises:
            BlurnetError: if the disk does not take it, with the folder and the system's reason.

        """
        temporary = self.root / f".{step.key}.partial"
        description = step.description | {
            "title": step.title,
            "computed": computed.model_dump(mode="json"),
        }
        with disk_errors(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                write_synced(temporary / "config.json", to_json(description))
                values = outcome.values.model_dump(mode="json")
                write_synced(temporary / "result.json", to_json(values))
                if outcome.tensors:
                    tensors = {name: t.contiguous() for name, t in outcome.tensors.items()}
                    write_synced(temporary / "tensors.safetensors", save(tensors))
                sync_folder(temporary)
                temporary.rename(self.root / step.key)
                sync_folder(self.root)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def scratch(self, step: Step[Any]) -> Iterator[Path]:
        """Give a folder to a step while it works. It goes when the work is recorded.

        Raises:
            BlurnetError: if the disk does not take it.

        """
        folder = self.root / f".{step.key}.working"
        with disk_errors(self.folder):
            folder.mkdir(parents=True, exist_ok=True)
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

    def _damaged(self, path: Path, error: BlurnetError) -> BlurnetError:
        if not path.is_dir():
            return BlurnetError(f"{path}: no such record; the run that made it computes it again")
        where = "" if str(path) in str(error) else f" ({path})"
        return BlurnetError(f"{error}{where}; remove {path}, and it is computed again")
