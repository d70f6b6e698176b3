"""A copy of a run's records at another place, such as S3: what is lost here is fetched from it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from blurnet.errors import BlurnetError

from .failures import FailedSteps
from .records import CONFIG, CannotKeep, Records
from .step import OnStep, Step
from .watch import Standing, Watch
from .worker import one_line


class Mirror:
    """A copy of a run's records, at whatever place fsspec knows.

    It has the layout of the run's folder. ``config.json`` is sent last and has the hashes of the
    other files, so that a record is taken from there whole or not at all.

    Args:
        url: such as ``s3://bucket/run``, ``gs://…``, ``sftp://…`` or ``file:///…``.
        records: the run's, on this machine.

    Raises:
        BlurnetError: if fsspec does not know the place, or it cannot be read.

    """

    def __init__(self, url: str, records: Records) -> None:
        fsspec: Any = import_module("fsspec")  # only where there is a mirror
        self._url, self._records = url, records
        with self._errors():
            self._files, root = fsspec.core.url_to_fs(url)
            self._root = f"{root.rstrip('/')}/records"
            found = self._files.glob(f"{self._root}/*/{CONFIG}")
            self._there = {str(path).rsplit("/", 2)[1] for path in found}

    def fetch(self, steps: Iterable[Step[Any]], watch: Watch) -> None:
        """Fetch the records that are there and not here; one that is not sound is left.

        Raises:
            BlurnetError: if the place cannot be read.
            CannotKeep: if the disk does not take a record.

        """
        for key in [step.key for step in steps]:
            if key not in self._there or key in self._records:
                continue
            with self._errors():
                names = [str(path) for path in self._files.ls(f"{self._root}/{key}", detail=False)]
                files = {name.rsplit("/", 1)[1]: self._files.cat_file(name) for name in names}
            try:
                self._records.keep(key, files)
            except CannotKeep:
                raise
            except BlurnetError as error:
                self._there.discard(key)
                watch.said(f"a damaged record in {self._url} is computed again: {error}")

    def send(self, key: str) -> None:
        """Send one record, if it is not there yet.

        Raises:
            BlurnetError: if the place does not take it, or the record is damaged.

        """
        if key in self._there:
            return
        files = self._records.files(key)
        config = files.pop(CONFIG)
        with self._errors():
            self._files.makedirs(f"{self._root}/{key}", exist_ok=True)
            for name, content in [*files.items(), (CONFIG, config)]:
                self._files.pipe_file(f"{self._root}/{key}/{name}", content)
        self._there.add(key)

    def send_all(self, steps: Iterable[Step[Any]]) -> None:
        """Send all records that are here and not there; raises as ``send``."""
        for step in steps:
            if step.key in self._records:
                self.send(step.key)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in one line what went wrong: each file system of fsspec has errors of its own."""
        try:
            yield
        except Exception as error:
            raise BlurnetError(f"--mirror {self._url}: {one_line(error)}") from None


class Mirrored(Watch):
    """Sends each record when its step ends, and tells a display all else."""

    def __init__(self, watch: Watch, mirror: Mirror) -> None:
        self._watch, self._mirror = watch, mirror

    def planned(self, standing: Standing) -> None:
        """Tell the display."""
        self._watch.planned(standing)

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:
        """Tell the display."""
        return self._watch.begun(step, place, total)

    def ended(self, step: Step[Any], seconds: float, error: str | None) -> None:
        """Tell the display; send the record."""
        self._watch.ended(step, seconds, error)
        if error is None:
            try:
                self._mirror.send(step.key)
            except BlurnetError as why:  # tried once more when all else is done
                self._watch.said(str(why))

    def said(self, text: str) -> None:
        """Tell the display."""
        self._watch.said(text)


@contextmanager
def mirrored(
    url: str | None, records: Records, steps: Sequence[Step[Any]], watch: Watch
) -> Iterator[Watch]:
    """Fetch from a mirror what is not here, and send it what the block finishes.

    Args:
        url: of the mirror; None for none.
        records: the run's.
        steps: of the run.
        watch: told how it goes.

    Raises:
        BlurnetError: if the mirror cannot be read, or did not take a record; after all else.

    """
    if url is None:
        yield watch
        return
    mirror = Mirror(url, records)
    mirror.fetch(steps, watch)
    try:
        yield Mirrored(watch, mirror)
    except FailedSteps:
        with suppress(BlurnetError):
            mirror.send_all(steps)
        raise
    mirror.send_all(steps)
