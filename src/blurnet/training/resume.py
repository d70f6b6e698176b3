"""What a training that was cut off goes on from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from blurnet.penalties import Penalty
from blurnet.training.batches import Labelled, Source
from blurnet.training.checkpoint import Checkpoint, Checkpoints, describe
from blurnet.training.settings import FitSettings


@dataclass
class State:
    """What a training knows between two steps, besides weights, optimizer and generators."""

    step: int = 0
    first_loss: float | None = None
    total: float = 0.0
    seen: int = 0
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: tuple[float, float] | None = None
    best_epoch: int = 0
    stopped: bool = False


def described(
    source: Source,
    settings: FitSettings,
    validation: Labelled | None,
    penalties: Sequence[Penalty],
    augment: object,
    harden: object,
    checkpoints: Checkpoints | None,
) -> dict[str, Any]:
    """Describe a training by all that its result depends on; a checkpoint is of one of these."""
    if checkpoints is None:
        return {}
    description = {
        **checkpoints.description,
        "settings": asdict(settings),
        "penalties": [asdict(penalty) for penalty in penalties],
        "augment": describe(augment),
        "harden": describe(harden),
        "data": source.fingerprint(),
        "validation": None if validation is None else validation.fingerprint(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(description))
    return plain


def tensors_of(
    model: nn.Module,
    best: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    order: Tensor,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Copy all that a training that is cut off goes on from."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for place, entries in optimizer.state_dict()["state"].items():
        named = {f"optimizer.{place}.{name}": value for name, value in entries.items()}
        tensors |= {name: value for name, value in named.items() if isinstance(value, Tensor)}
    tensors |= {"order": order, "generator": generator.get_state()}
    tensors["process_generator"] = torch.get_rng_state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def restore(
    found: Checkpoint, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Put optimizer and generators where they were; give the epoch's order and the best weights."""
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in found.part("optimizer").items():
        place, _, key = name.partition(".")
        entries.setdefault(int(place), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
    generator.set_state(found.tensors["generator"])
    torch.set_rng_state(found.tensors["process_generator"])
    return found.tensors["order"], found.part("best")


def state_of(found: Checkpoint) -> State:
    """Give where the training was."""
    known = State.__dataclass_fields__
    state = State(**{name: value for name, value in found.progress.items() if name in known})
    if state.best is not None:
        state.best = (state.best[0], state.best[1])  # JSON knows no tuples
    return state
