"""Which of a plan's missing steps a run does: all, those that failed, or one alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blurnet.errors import BlurnetError

from .failures import failure_of
from .records import Records
from .step import Step

ONLY, RETRY_FAILED = "--only", "--retry-failed"


@dataclass(frozen=True)
class Chosen:
    """A part of the plan.

    Args:
        only: the key of the one step that is done; "" for all.
        retry_failed: whether only the steps that failed are done, and what waits for them alone.

    """

    only: str = ""
    retry_failed: bool = False

    def check(self, ordered: Sequence[Step[Any]]) -> None:
        """Raise a BlurnetError if both parts are asked for, or the one step is not of the plan."""
        if self.only and self.retry_failed:
            raise BlurnetError(f"{ONLY} and {RETRY_FAILED}: give one of them")
        if self.only and all(step.key != self.only for step in ordered):
            raise BlurnetError(
                f"{ONLY} {self.only}: no step of this run; blurnet status DIR --json lists them"
            )

    def of(
        self, missing: Sequence[Step[Any]], ordered: Sequence[Step[Any]], records: Records
    ) -> list[Step[Any]]:
        """Choose among the missing steps.

        Args:
            missing: the steps without a record, each after what it needs.
            ordered: all of the plan's.
            records: where failures were noted.

        Raises:
            BlurnetError: as ``check``, and if the one step needs another that is missing.

        """
        self.check(ordered)
        lacking = {step.key for step in missing}
        if self.only:
            return self._alone(ordered, lacking)
        if not self.retry_failed:
            return list(missing)
        chosen: dict[str, Step[Any]] = {}
        for step in missing:
            needed = {need.key for need in step.needs.values()} & lacking
            failed = failure_of(records, step.key) is not None
            if (failed or needed) and needed <= chosen.keys():
                chosen[step.key] = step
        return list(chosen.values())

    def _alone(self, ordered: Sequence[Step[Any]], lacking: set[str]) -> list[Step[Any]]:
        step = next(each for each in ordered if each.key == self.only)
        first = [need for need in step.needs.values() if need.key in lacking]
        if first:
            raise BlurnetError(
                f"{ONLY} {self.only}: it needs {first[0].title or first[0].kind}, which is not "
                f"done; first {ONLY} {first[0].key}"
            )
        return [step] if step.key in lacking else []


def without_choice(arguments: Sequence[str]) -> list[str]:
    """Give a command's arguments without those that choose a part of the plan."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument == ONLY:
            skip = not skip
        elif argument != RETRY_FAILED and not argument.startswith(f"{ONLY}="):
            kept.append(argument)
    return kept
