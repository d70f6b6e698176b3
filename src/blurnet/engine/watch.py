"""What is told how a run goes, such as a progress display."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .step import OnStep, Step

OnBegin = Callable[[Step[Any], int, int], OnStep]


@dataclass
class Pace:
    """How long steps take, by kind, and what that says about the time left."""

    _seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, seconds: float) -> None:
        """Take one finished step into account."""
        self._seconds.setdefault(kind, []).append(seconds)

    def mean(self, kind: str) -> float | None:
        """Give the mean seconds of a kind's finished steps; None where there is none."""
        known = self._seconds.get(kind)
        return sum(known) / len(known) if known else None

    def left(
        self, waiting: Mapping[str, int], running: Iterable["Running"], jobs: int
    ) -> "Left | None":
        """Estimate the time left.

        Args:
            waiting: kind → how many steps have not begun.
            running: those that have.
            jobs: how many run side by side.

        Returns:
            None where nothing is known yet. It says "at least" where the duration of some kind is
            not known.

        """
        total, longest, known, unknown = 0.0, 0.0, False, False
        guessed: dict[str, float] = {}
        for each in running:
            whole = each.seconds / each.share if each.share > 0 else self.mean(each.kind)
            if whole is None:
                unknown = True
                continue
            guessed[each.kind] = whole
            known, rest = True, max(0.0, whole - each.seconds)
            total, longest = total + rest, max(longest, rest)
        for kind, count in waiting.items():
            mean = self.mean(kind) if kind in self._seconds else guessed.get(kind)
            if mean is None:
                unknown = True
                continue
            known = True
            total, longest = total + count * mean, max(longest, mean)
        return Left(max(total / jobs, longest), at_least=unknown) if known else None


@dataclass(frozen=True)
class Running:
    """A step that runs: its kind, since how many seconds, and the share of it that is done."""

    kind: str
    seconds: float
    share: float = 0.0


@dataclass(frozen=True)
class Left:
    """The time left; a lower bound where the duration of some kind of step is not known yet."""

    seconds: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'about'} {duration(self.seconds)} left"


@dataclass
class Standing:
    """How a run stands; the run changes it, a display reads it.

    Args:
        total: how many steps were missing when the run began.
        jobs: how many run side by side.
        threads: of each.
        chosen: whether blurnet chose both, because they are fastest here.
        pace: how long steps take.
        waiting: kind → how many steps have not begun.
        running: key → a function that says how far the step is.

    """

    total: int
    jobs: int
    threads: int
    chosen: bool = False
    pace: Pace = field(default_factory=Pace)
    waiting: Counter[str] = field(default_factory=Counter)
    running: dict[str, Callable[[], Running]] = field(default_factory=dict)
    done: int = 0
    failed: int = 0

    def left(self) -> Left | None:
        """Estimate the time left."""
        return self.pace.left(self.waiting, [each() for each in self.running.values()], self.jobs)

    def __str__(self) -> str:
        steps = f"{self.total} step{'s' if self.total > 1 else ''} to do"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        why = "; chosen as the fastest here, --jobs changes it" if self.chosen else ""
        if self.jobs == 1:
            return f"{steps}, one after the other ({threads}{why})"
        return f"{steps}, {self.jobs} side by side ({threads} each{why})"


class Watch:
    """Told how a run goes. This one does nothing; a display overrides what it shows."""

    def planned(self, standing: Standing) -> None:
        """Learn what there is to do. Called once, before the first step, and if there is one."""

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:  # noqa: ARG002
        """Learn that a step begins.

        Args:
            step: which.
            place: how many have begun, with it.
            total: how many there are to do.

        Returns:
            What is told how far the step is.

        """
        return _ignore

    def ended(self, step: Step[Any], seconds: float, error: str | None) -> None:
        """Learn that a step ended, after how many seconds, and the error if it failed."""

    def said(self, text: str) -> None:
        """Learn something in one line, such as a step's warning."""

    def __call__(self, step: Step[Any], place: int, total: int) -> OnStep:
        """Call ``begun``: so a ``Watch`` is an ``OnBegin``."""
        return self.begun(step, place, total)


class _Calls(Watch):
    def __init__(self, on_begin: OnBegin) -> None:
        self._on_begin = on_begin

    def begun(self, step: Step[Any], place: int, total: int) -> OnStep:
        return self._on_begin(step, place, total)


def as_watch(on_begin: OnBegin | None) -> Watch:
    """Give what a run is to tell: a ``Watch`` itself, or one around a plain function."""
    if on_begin is None:
        return Watch()
    return on_begin if isinstance(on_begin, Watch) else _Calls(on_begin)


def duration(seconds: float) -> str:
    """Give a duration in words, such as "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _ignore(_done: int, _total: int, _note: str = "", /) -> None:
    pass
