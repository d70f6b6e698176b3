"""What of a run's steps is ready, runs, is done, or failed."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from blurnet.files import sync_disk

from .failures import Failed, FailedSteps, note_failure
from .records import WORTH_WAITING, Records
from .step import OnStep, Step
from .watch import Running, Standing, Watch

SECONDS_BETWEEN_SYNCS = 1.0
"""Records of short steps are on the disk so soon, all at once."""


class Board:
    """The missing steps of a run, each begun only when the steps it needs are done.

    Args:
        missing: the steps, each after what it needs.
        there: how many steps of the plan were recorded before.
        records: where failures are noted.
        standing: what the display reads; kept up here.
        watch: told what begins and ends.

    """

    def __init__(
        self,
        missing: Sequence[Step[Any]],
        there: int,
        records: Records,
        standing: Standing,
        watch: Watch,
    ) -> None:
        self._records, self._standing, self._watch, self._there = records, standing, watch, there
        self._order = {step.key: place for place, step in enumerate(missing)}
        self._steps = list(missing)
        self._unmet = {
            step.key: {need.key for need in step.needs.values() if need.key in self._order}
            for step in missing
        }
        self._readers: dict[str, list[Step[Any]]] = {}
        for step in missing:
            for key in self._unmet[step.key]:
                self._readers.setdefault(key, []).append(step)
        self._ready = [place for place, step in enumerate(missing) if not self._unmet[step.key]]
        self._blocked: set[str] = set()
        self._failed: list[Failed] = []
        self._began = 0
        self._unsynced, self._synced_at = False, time.monotonic()
        standing.waiting = Counter(step.kind for step in missing)

    @property
    def ready(self) -> int:
        """How many steps could begin now."""
        return len(self._ready)

    @property
    def modules(self) -> tuple[str, ...]:
        """Which of blurnet's own modules have the work of the steps."""
        own = __name__.partition(".")[0]
        works = (getattr(step.work, "func", step.work) for step in self._steps)
        named = {str(getattr(work, "__module__", "")) for work in works}
        return tuple(sorted(name for name in named if name.startswith(f"{own}.")))

    def stop(self) -> None:
        """Let no further step begin."""
        self._ready.clear()
        self._unmet.clear()

    def next(self) -> Step[Any] | None:
        """Take the first step that can begin; None if there is none now."""
        return self._steps[heapq.heappop(self._ready)] if self._ready else None

    def begin(self, step: Step[Any]) -> OnStep:
        """Note that a step begins, and give what is told how far it is."""
        self._began += 1
        on_step = self._watch.begun(step, self._began, len(self._steps))
        self._standing.waiting[step.kind] -= 1
        told, self._standing.running[step.key] = _followed(step.kind, on_step)
        return told

    def end(self, step: Step[Any], seconds: float) -> None:
        """Note that a step is recorded: what waited for it can begin."""
        self._standing.running.pop(step.key, None)
        self._standing.done += 1
        self._standing.pace.add(step.kind, seconds)
        self._unsynced |= seconds < WORTH_WAITING
        if time.monotonic() - self._synced_at >= SECONDS_BETWEEN_SYNCS:
            self._sync()
        for reader in self._readers.get(step.key, ()):
            unmet = self._unmet.get(reader.key)
            if unmet is None:
                continue
            unmet.discard(step.key)
            if not unmet and reader.key not in self._blocked:
                heapq.heappush(self._ready, self._order[reader.key])
        self._watch.ended(step, seconds, None)

    def fail(
        self, step: Step[Any], error: str, *, traceback: tuple[str, ...] = (), seconds: float = 0.0
    ) -> None:
        """Note that a step failed: what needs it is not begun."""
        self._standing.running.pop(step.key, None)
        self._standing.failed += 1
        failed = note_failure(self._records, step, error, traceback=traceback, seconds=seconds)
        self._failed.append(failed)
        for reader in self._all_readers(step.key):
            if reader.key not in self._blocked:
                self._blocked.add(reader.key)
                self._standing.waiting[reader.kind] -= 1
        self._watch.ended(step, seconds, error)

    def check(self) -> None:
        """Wait for the disk, and raise what a run with failed steps ends with.

        Raises:
            FailedSteps: if there is one.

        """
        self._sync()
        if self._failed:
            finished = self._there + self._standing.done
            blocked = len(self._blocked)
            raise FailedSteps(self._failed, blocked=blocked, finished=finished)

    def _sync(self) -> None:
        if self._unsynced:
            sync_disk(self._records.folder)
            self._unsynced, self._synced_at = False, time.monotonic()

    def _all_readers(self, key: str) -> Iterable[Step[Any]]:
        seen: dict[str, Step[Any]] = {}
        front = [key]
        while front:
            for reader in self._readers.get(front.pop(), ()):
                if reader.key not in seen:
                    seen[reader.key] = reader
                    front.append(reader.key)
        return seen.values()


def _followed(kind: str, on_step: OnStep) -> tuple[OnStep, Callable[[], Running]]:
    """Give a callback that also remembers how far the step is, and what tells it."""
    began, share = time.monotonic(), 0.0

    def told(done: int, total: int, note: str = "", /) -> None:
        nonlocal share
        share = done / total if total else 0.0
        on_step(done, total, note) if note else on_step(done, total)

    return told, lambda: Running(kind, time.monotonic() - began, share)
