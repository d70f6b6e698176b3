"""``unfinished.json``: the rows of a run that has not ended, renewed whenever one more is there."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from blurnet.engine import OnBegin, OnStep, Records, Standing, Step, Watch, in_order
from blurnet.engine.watch import as_watch
from blurnet.errors import BlurnetError
from blurnet.files import to_json, write_whole

from .plan import Plan
from .results import AnyResults

UNFINISHED = "unfinished.json"

Made = dict[tuple[str, ...], Any]
"""Rows, by the keys of their steps."""


class Renewed(Watch):
    """Tells a display how a run goes, and keeps the rows that are there on the disk.

    Args:
        plan: the run's.
        records: of its folder.
        shown: what else is told.
        found: gives the results so far; told of the rows that were made before.
        first: called before the first step.

    """

    def __init__(
        self,
        plan: Plan[Any],
        records: Records,
        shown: OnBegin | None,
        found: Callable[[Made], AnyResults],
        first: Callable[[], None],
    ) -> None:
        self._plan, self._records, self._found, self._first = plan, records, found, first
        self._shown = as_watch(shown)
        self._made: Made = {}
        self._waiting: dict[str, list[set[str]]] = {}

    def planned(self, standing: Standing) -> None:
        """See ``Watch``."""
        self._first()
        for row in self._plan.planned:
            for steps in row.parts.values():
                missing = {step.key for step in in_order(steps)}
                missing = {key for key in missing if key not in self._records}
                for key in missing:
                    self._waiting.setdefault(key, []).append(missing)
        self._renew()
        self._shown.planned(standing)

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:
        """See ``Watch``."""
        return self._shown.begun(step, place, total)

    def ended(self, step: Step[Any], seconds: float, error: str | None) -> None:
        """See ``Watch``."""
        if error is None:
            parts = self._waiting.pop(step.key, ())
            for missing in parts:
                missing.discard(step.key)
            if self._waiting and not all(parts):
                self._renew()
        self._shown.ended(step, seconds, error)

    def said(self, text: str) -> None:
        """See ``Watch``."""
        self._shown.said(text)

    def _renew(self) -> None:
        """Write the rows that are there; where that cannot be, the run itself goes on."""
        with suppress(BlurnetError):
            write_unfinished(self._found(self._made), self._records.folder)


def write_unfinished(results: AnyResults, folder: Path) -> None:
    """Keep what an unfinished run found so far."""
    write_whole(folder / UNFINISHED, to_json(results.model_dump(mode="json")))
