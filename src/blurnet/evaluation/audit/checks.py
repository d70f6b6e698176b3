"""The checks there are, and an audit by them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..evidence import AuditCheck, Condition
from .audited import Audited, Finding
from .binarisation import binarisation
from .converged import converged
from .dead_gradient import dead_gradient
from .enough_classes import enough_classes
from .gradient_at_start import gradient_at_start
from .gradient_free import gradient_free
from .gradient_there import gradient_there
from .last_iterate import last_iterate
from .less_weight import less_weight
from .logits import logits
from .more_area import more_area
from .more_steps import more_steps
from .no_sticker import no_sticker
from .plain_forward import plain_forward
from .randomised import randomised
from .same_network import same_network
from .saved import saved
from .steady import steady
from .transfer import transfer
from .unbounded import unbounded

CONDITION = "audit"
"""What the condition is called that no check fails."""


@dataclass(frozen=True)
class Check:
    """A check.

    Args:
        run: the check itself.
        about: what it asks, in a few words.
        demands: how what was measured is to stand to the threshold.
        share: whether both are shares, in percent.
        quick: whether a quick audit has it, too.

    """

    run: Callable[[Audited], Finding]
    about: str
    demands: str = "at most"
    share: bool = True
    quick: bool = True


CHECKS = {
    "same network": Check(same_network, "I5: attacked is what is tested", share=False),
    "deterministic": Check(randomised, "the same answer when asked again", share=False),
    "logits": Check(logits, "outputs are no probabilities", "above", share=False),
    "plain forward": Check(plain_forward, "no optimisation inside forward", share=False),
    "gradient": Check(gradient_there, "I1: the gradient is there, and not 0"),
    "gradient at the start": Check(gradient_at_start, "cross-entropy is not saturated"),
    "dead gradient": Check(dead_gradient, "where colours matter, the gradient says so"),
    "steady gradient": Check(steady, "I2: the loss nearby is like the loss here"),
    "last step": Check(last_iterate, "I3: no earlier sticker was better"),
    "converged": Check(converged, "I4: the loss no longer falls"),
    "more steps": Check(more_steps, "success rises with steps"),
    "more area": Check(more_area, "success rises with the sticker's area"),
    "less weight": Check(less_weight, "success rises where size costs nothing"),
    "unbounded": Check(unbounded, "I6: the whole image fools always"),
    "gradient-free": Check(gradient_free, "no search without gradients does better"),
    "transfer": Check(transfer, "no carried-over sticker does better"),
    "enough classes": Check(enough_classes, "for DLR", "at least", share=False),
    "binarisation": Check(binarisation, "finds what is known to exist", "at least", quick=False),
    "no sticker": Check(no_sticker, "a sticker of no strength changes nothing"),
    "saved": Check(saved, "a saved sticker does the same"),
}
"""By name, in the order in which they run."""


def audit(
    audited: Audited,
    *,
    quick: bool = False,
    on_check: Callable[[int, int, str], None] | None = None,
) -> tuple[AuditCheck, ...]:
    """Check whether an evaluation's figures can be trusted.

    The network is left as it was, and so is the process's chance.

    Args:
        audited: the evaluation.
        quick: leave out the checks that cost most.
        on_check: called before each check with how many are done, how many there are, and its name.

    """
    chosen = {name: check for name, check in CHECKS.items() if check.quick or not quick}
    found = []
    for place, (name, check) in enumerate(chosen.items()):
        if on_check is not None:
            on_check(place, len(chosen), name)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(audited.seed)
            finding = check.run(audited)
        found.append(AuditCheck(name=name, **vars(finding)))
    return tuple(found)


def audit_condition(checks: tuple[AuditCheck, ...]) -> tuple[Condition, ...]:
    """Give the condition that no check fails; none where there are no checks."""
    if not checks:
        return ()
    failed = [check for check in checks if check.verdict == "failed"]
    void = sum(check.verdict == "void" for check in checks)
    told = f"{len(checks) - len(failed) - void} checks of the attacks pass"
    told += f", {void} could not tell or do not apply" if void else ""
    if failed:
        struck = list(dict.fromkeys(name for check in failed for name in check.strikes))
        names = ", ".join(check.name for check in failed)
        through = f" and strike through the figures of {', '.join(struck)}" if struck else ""
        told += f"; {len(failed)} fail{'s' if len(failed) == 1 else ''}{through}: {names}"
    return (Condition(name=CONDITION, passed=not failed, sentence=f"{told}."),)
