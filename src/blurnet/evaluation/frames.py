"""Evidence as a table of pandas: a line for each measured number."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blurnet.frames import About, Line, frame_of, measured

from .evidence import AttackFound, Evidence

if TYPE_CHECKING:
    import pandas as pd


def frame(evidence: Evidence) -> "pd.DataFrame":
    """Lay out evidence; see ``Evidence.frame``."""
    return frame_of(_lines(evidence))


def _lines(evidence: Evidence) -> Iterator[Line]:
    about: About = {
        "network": evidence.network,
        "suite": evidence.suite.name,
        "seed": evidence.seed,
    }
    worst = evidence.worst
    yield from measured(about, accuracy=evidence.accuracy, control=evidence.control.success)
    for fill in evidence.ceiling.fills:
        yield from measured({**about, "fill": fill.name}, ceiling=fill.accuracy)
    for found in evidence.attacks:
        yield from _attack({**about, "attack": found.attack.name}, found, evidence.classes)
    yield from measured(about, worst_success=worst.success, worst_accuracy=worst.accuracy)
    for each in evidence.certificates:
        yield from measured(
            {**about, "family": each.family},
            masked_accuracy=each.accuracy,
            certified=each.rate,
            attacked=each.attacked,
        )


def _attack(about: About, found: AttackFound, classes: tuple[str, ...]) -> Iterator[Line]:
    yield from measured(
        about, success=found.success, worst=found.worst, any_target=found.any_target
    )
    for each in found.targets:
        if each.target is not None:
            yield from measured(
                {**about, "target": classes[each.target]},
                success=each.success,
                reached=each.reached,
                l2_dissimilarity=each.l2_dissimilarity,
            )
