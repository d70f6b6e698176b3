"""What cells found, kept on disk: written once, whole, and never again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
from safetensors.torch import save

from blurnet.data.tensors import read_safetensors
from blurnet.engine.step import Cell, Outcome
from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, read_json, sync_folder, to_json, write_synced


class Records:
    """The records of a run's folder.

    A record is a folder ``cells/<key>`` with ``config.json``, ``result.json`` and, where the cell
    gave tensors, ``tensors.safetensors``. It appears under its name complete or not at all.

    Args:
        folder: the run's folder; made at the first write.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = folder / "cells"

    def __contains__(self, key: str) -> bool:
        return (self.cells / key).is_dir()

    def __getitem__(self, key: str) -> Outcome:
        path = self.cells / key
        tensors = path / "tensors.safetensors"
        try:
            values = read_json(path / "result.json")
            return Outcome(values, read_safetensors(tensors)[0] if tensors.exists() else {})
        except BlurnetError as error:
            raise BlurnetError(f"{error}; remove {path}, and it is computed again") from None

    def description(self, key: str) -> dict[str, Any]:
        """Give the description of the cell that was recorded under ``key``."""
        description: dict[str, Any] = read_json(self.cells / key / "config.json")
        return description

    def write(self, cell: Cell, outcome: Outcome) -> None:
        """Keep what a cell found. A kill at any moment leaves the whole record or none.

        Raises:
            BlurnetError: if the disk does not take it, with the folder and the system's reason.

        """
        temporary = self.cells / f".{cell.key}.partial"
        with disk_errors(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                write_synced(temporary / "config.json", to_json(cell.description))
                write_synced(temporary / "result.json", to_json(outcome.values))
                if outcome.tensors:
                    tensors = {name: t.contiguous() for name, t in outcome.tensors.items()}
                    write_synced(temporary / "tensors.safetensors", save(tensors))
                sync_folder(temporary)
                temporary.rename(self.cells / cell.key)
                sync_folder(self.cells)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def scratch(self, cell: Cell) -> Iterator[Path]:
        """Give a folder to a cell while it works. It goes when the work is recorded.

        Raises:
            BlurnetError: if the disk does not take it.

        """
        folder = self.cells / f".{cell.key}.working"
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
            for partial in self.cells.glob(".*.partial"):
                shutil.rmtree(partial, ignore_errors=True)
            for working in self.cells.glob(".*.working"):
                if working.stem.removeprefix(".") in self:
                    shutil.rmtree(working, ignore_errors=True)
            yield
        finally:
            lock.release()
