"""All records of a folder, listed: what each is of, and how it came about."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.errors import BlurnetError
from blurnet.frames import load_pandas

from .records import Recorded, Records

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class KeptRecords:
    """The records of a folder.

    Args:
        by_key: a record's key → its description, in the order of keys.

    """

    by_key: Mapping[str, Recorded]

    def __len__(self) -> int:
        return len(self.by_key)

    def frame(self) -> "pd.DataFrame":
        """Lay them out as a table of pandas, a line a record.

        Columns: ``key``, ``kind``, ``version``, ``title``, ``seconds``, ``finished`` (UTC),
        ``threads``, ``cores``, ``machine``, ``system``, ``versions.*``, ``needs.*`` (role → key),
        ``config.*`` (settings, flattened; one that is not there has its default).

        Raises:
            BlurnetError: if pandas is not installed.

        """
        pandas = load_pandas()
        lines = [dict(_line(key, each)) for key, each in self.by_key.items()]
        table: pd.DataFrame = pandas.DataFrame(lines)
        if lines:
            table["finished"] = pandas.to_datetime(table["finished"], utc=True)
        return table


def load_records(folder: str | Path) -> KeptRecords:
    """List the records of a run's folder; their content is not read.

    Args:
        folder: of ``blurnet run``; a run may be at work there.

    Raises:
        BlurnetError: if it has no records, or one has lost its description.

    Examples:
        >>> quick = ["training.epochs=1", "attack.steps=3", "data=folder:signs", "classes=all"]
        >>> results = blurnet.run("blackbox", "runs/b", assignments=quick)
        >>> records = blurnet.load_records("runs/b")
        >>> records.by_key[results.rows[0].step].kind
        'transfer'
        >>> list(records.frame().columns[:4])
        ['key', 'kind', 'version', 'title']

    """
    records = Records(Path(folder))
    try:
        names = sorted(name for name in os.listdir(records.root) if not name.startswith("."))
    except OSError:
        raise BlurnetError(f"{folder}: no records; give a folder of blurnet run (--out)") from None
    return KeptRecords({name: records.recorded(name) for name in names})


def _line(key: str, found: Recorded) -> Iterator[tuple[str, Any]]:
    by = found.computed.by
    yield from (("key", key), ("kind", found.kind), ("version", found.version))
    yield from (("title", found.title), ("seconds", found.computed.seconds))
    yield from (("finished", found.computed.finished), ("threads", by.threads))
    yield from (("cores", by.cores), ("machine", by.machine), ("system", by.system))
    yield from _flat("versions", by.versions)
    yield from _flat("needs", found.needs)
    yield from _flat("config", found.config)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _flat(f"{name}.{inner}", each)
    else:
        yield name, value
