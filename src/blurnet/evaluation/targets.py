"""Which classes an attack aims at."""

from collections.abc import Sequence

import torch
from torch import Tensor

from blurnet.attacks.rp2.objective import Goal
from blurnet.errors import BlurnetError

from .inputs import Understood, class_index

ALL, NONE = "all", "none"
"""What stands for every class but the true one, and for no target at all (untargeted)."""

Targets = str | int | Sequence[str | int] | Tensor | None
"""``ALL``; ``NONE`` or None; how many, drawn by the seed; or classes, by name or index."""


def aims_of(
    labels: Tensor, targets: Targets, network: Understood, goal: Goal, seed: int
) -> tuple[tuple[int, ...] | None, Tensor]:
    """Give the classes aimed at, and what RP2 is told.

    Args:
        labels: each image's class, int64, V.
        targets: see ``chosen_targets``; "none" or None for an untargeted attack.
        network: whose classes they are.
        goal: the settings'; an untargeted one is the same as no targets.
        seed: where a number of targets is drawn from.

    Returns:
        The classes, None if there are none; and RP2's targets, int64: these classes, or the true
        class, or the label of each image (1 × V).

    Raises:
        BlurnetError: as ``chosen_targets``, and for targets beside an untargeted goal.

    """
    if not _untargeted(targets, goal):
        aims = chosen_targets(targets, labels, network, seed)
        return aims, torch.tensor(aims)
    alike = bool((labels == labels[0]).all())
    return None, labels[:1] if alike else labels[None]


def _untargeted(targets: Targets, goal: Goal) -> bool:
    """Say whether an attack has no target: asked for so, or by its settings' goal."""
    none = targets is None or (isinstance(targets, str) and targets == NONE)
    if goal == "untargeted" and not none and not (isinstance(targets, str) and targets == ALL):
        raise BlurnetError(
            f"the settings' goal is untargeted, and the targets are {targets!r}: leave the targets "
            'out, or take goal "targeted"'
        )
    return none or goal == "untargeted"


def chosen_targets(
    targets: Targets, true: Tensor, network: Understood, seed: int
) -> tuple[int, ...]:
    """Give the classes that a targeted attack aims at.

    Args:
        targets: "all" for every class but the true one (with several true classes: every class that
            some image is not of); an int for so many of those, drawn by the seed, all if there are
            not more; one class's name; or several names or indices.
        true: each image's class, int64, N.
        network: whose classes they are.
        seed: where a number of targets is drawn from.

    Raises:
        BlurnetError: if a target is no class, is there twice, or is the class of all images.

    """
    shown = set(true.tolist())
    others = [place for place in range(network.logits) if {place} != shown]
    if isinstance(targets, Tensor):
        targets = targets.reshape(-1).tolist()
    if isinstance(targets, str) and targets == ALL:
        return tuple(others)
    if isinstance(targets, int) and not isinstance(targets, bool):
        return _drawn(targets, others, seed)
    listed = [targets] if isinstance(targets, (str, bool)) else list(targets or ())
    found = [class_index(target, network, "target", (ALL, NONE)) for target in listed]
    if not found:
        raise BlurnetError('targets: at least one is needed; "none" is an untargeted attack')
    if len(set(found)) < len(found):
        raise BlurnetError(f"targets differ from each other; found {list(listed)}")
    for place, written in zip(found, listed, strict=True):
        if place not in others:
            raise BlurnetError(
                f"the target is {written!r}, which the images show; choose another class"
            )
    return tuple(found)


def _drawn(count: int, others: Sequence[int], seed: int) -> tuple[int, ...]:
    """Draw so many of the classes, in their order."""
    if count < 1:
        raise BlurnetError(
            f"a number of targets is at least 1, not {count}; for one class by its index write "
            f"[{count}]"
        )
    if count >= len(others):
        return tuple(others)
    order = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))
    return tuple(sorted(others[place] for place in order[:count].tolist()))
