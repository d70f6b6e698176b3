"""Which classes an attack aims at."""

from collections.abc import Sequence

import torch
from torch import Tensor

from blurnet.errors import BlurnetError

from .inputs import Understood, class_index

ALL, NONE = "all", "none"
"""What stands for every class but the true one, and for no target at all (untargeted)."""

Targets = str | int | Sequence[str | int] | Tensor | None
"""``ALL``; ``NONE`` or None; how many, drawn by the seed; or classes, by name or index."""


def untargeted(targets: Targets, goal: str) -> bool:
    """Say whether an attack has no target: asked for so, or by its settings' goal.

    Raises:
        BlurnetError: if the settings are untargeted and classes to aim at are given.

    """
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
    if not others:
        raise BlurnetError("the network has one class alone; there is nothing to be taken for")
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
