"""Steps that failed: what is kept of them until they succeed, and the error that ends the run."""

from pathlib import Path

from blurnet.errors import BlurnetError
from blurnet.files import read_json, to_json, write_whole
from blurnet.settings import Settings, check

from .records import Records
from .step import Described

TRACEBACK_LINES = 20


class Failed(Settings):
    """A step's last failure: ``records/.KEY.failed.json``.

    Args:
        kind: of the step.
        title: of the step.
        error: in one line.
        traceback: its last lines; empty where a worker was killed or the error says it all.
        attempts: how many runs tried the step.
        seconds: how long the last attempt took.

    """

    kind: str
    title: str
    error: str
    traceback: tuple[str, ...] = ()
    attempts: int = 1
    seconds: float = 0.0


class FailedSteps(BlurnetError):
    """Some steps of a run failed; all that do not need them are finished and kept.

    The command line ends with status 1, not 2: the call was right, and the same call goes on.

    Args:
        failed: the failures, in the order in which they came.
        blocked: how many steps were not tried, because they need one that failed.
        finished: how many steps of the plan have their record now.

    """

    exit_status = 1

    def __init__(self, failed: list[Failed], *, blocked: int, finished: int) -> None:
        self.failed, self.blocked, self.finished = tuple(failed), blocked, finished
        first = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        waiting = f", {_needing(blocked, len(failed))} not tried" if blocked else ""
        super().__init__(
            f"{len(failed)} step{'s' if len(failed) > 1 else ''} failed{waiting}: "
            f"{first.title or first.kind}: {first.error}{more}; {finished} finished "
            f"step{' is' if finished == 1 else 's are'} kept, and the same call goes on from there"
        )


def note_failure(
    records: Records,
    step: Described,
    error: str,
    *,
    traceback: tuple[str, ...] = (),
    seconds: float = 0.0,
) -> Failed:
    """Keep why a step failed; where the disk does not take it, only give it back."""
    before = failure_of(records, step.key)
    failed = Failed(
        kind=step.kind,
        title=step.title,
        error=error,
        traceback=traceback[-TRACEBACK_LINES:],
        attempts=1 + (before.attempts if before else 0),
        seconds=round(seconds, 3),
    )
    try:
        records.root.mkdir(parents=True, exist_ok=True)
        write_whole(_file(records, step.key), to_json(failed.model_dump(mode="json")))
    except (BlurnetError, OSError):
        pass
    return failed


def failure_of(records: Records, key: str) -> Failed | None:
    """Read why a step failed; None where it did not, or what was kept of it cannot be read."""
    file = _file(records, key)
    if not file.exists():
        return None
    try:
        return check(Failed, read_json(file))
    except BlurnetError:
        return None


def clear_failure(records: Records, key: str) -> None:
    """Forget a failure: the step succeeded."""
    _file(records, key).unlink(missing_ok=True)


def _file(records: Records, key: str) -> Path:
    return records.root / f".{key}.failed.json"


def _needing(blocked: int, failed: int) -> str:
    return f"{blocked} that need{'s' if blocked == 1 else ''} {'it' if failed == 1 else 'them'}"
