"""An evaluation, as it is audited while it is made."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ..evidence import AuditCheck, Control
from ..suite import Suite
from ..suite_attacks import Found, Given
from .audited import SAMPLE, Audited
from .checks import CHECKS, audit

QUICK = "quick"
"""The suite whose audit is quick, too."""

WORK = 150
"""About so many passes of each image of the sample a check costs: for the progress that is shown,
alone."""


def checks_of(
    model: nn.Module,
    suite: Suite,
    given: Given,
    found: Sequence[Found],
    control: Control,
    on_work: Callable[[int], None],
) -> tuple[AuditCheck, ...]:
    """Audit an evaluation.

    Args:
        model: as its caller gave it.
        suite: what was run.
        given: what all attacks were given.
        found: what they found.
        control: random colours.
        on_work: called with the work done, of ``work_of_audit``.

    """
    audited = Audited(
        given.network,
        given.images,
        given.labels,
        given.mask,
        given.clean,
        tuple(found),
        control.success.value,
        given.seed,
        trained=any(module.training for module in model.modules()),
    )
    each = work_of_audit(suite, given.labels) // len(CHECKS)
    return audit(audited, quick=suite.name == QUICK, on_check=lambda done, *_: on_work(each * done))


def work_of_audit(suite: Suite, labels: Tensor) -> int:
    """Say about how many images an audit puts through the network."""
    return 0 if suite.name == QUICK else WORK * min(SAMPLE, len(labels)) * len(CHECKS)
