"""How an attack came to its stickers, step by step: what an audit reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blurnet.attacks import StickerResult

from .attacked import Attacked

NAMES = ("loss", "reached", "ended")


@dataclass(frozen=True, eq=False)
class Descent:
    """What each of an attack's R stickers went through.

    Args:
        loss: what the attack lowers, before each step, float, R × steps; not a number once it left
            the sticker alone, because it was done.
        reached: the share of the sticker's images that it had then where it wanted them, likewise.
        ended: the same of the sticker that it gave, float, R.

    """

    loss: Tensor
    reached: Tensor
    ended: Tensor

    def tensors(self, place: int) -> dict[str, Tensor]:
        """Give it as ``Evidence.tensors`` has that of the attack at ``place``."""
        return {f"descent/{place}/{name}": getattr(self, name) for name in NAMES}

    @classmethod
    def within(cls, tensors: Mapping[str, Tensor], place: int) -> "Descent | None":
        """Read it from there; None where none was kept."""
        found = [tensors.get(f"descent/{place}/{name}") for name in NAMES]
        there = [each for each in found if each is not None]
        return cls(*there) if len(there) == len(NAMES) else None


def descent_of(runs: Sequence[Attacked]) -> Descent:
    """Give that of RP2's stickers, those of one run after the other, targets first."""
    each = []
    for found in runs:
        aims = torch.tensor([-1 if aim is None else aim for aim in found.aims])[:, None]
        untargeted = found.goal == "untargeted"
        there = found.answers != found.true if untargeted else found.answers == aims
        ended = there.float()
        if found.settings.scope == "universal":
            ended = ended.mean(1, keepdim=True)
        result = found.result
        each.append((result.losses.flatten(0, 1), result.reached.flatten(0, 1), ended.flatten()))
    return Descent(*(torch.cat(parts) for parts in zip(*each, strict=True)))


def descent_within(found: StickerResult) -> Descent:
    """Give that of an attack within a budget, which lowers the margin and keeps its best."""
    return Descent(found.history, (found.history < 0).float(), found.fooled.float())
