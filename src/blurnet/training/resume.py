"""What a training that was cut off goes on from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter
from torch import Tensor, nn

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models.weights import check_weights, load_weights
from blurnet.penalties import Penalty
from blurnet.training.batches import Labelled, Source
from blurnet.training.checkpoint import Checkpoint, Checkpoints, describe
from blurnet.training.settings import FitSettings

Count = Annotated[int, Field(ge=0)]


@dataclass
class State:
    """What a training knows between two steps, besides weights, optimizer and generators."""

    step: Count = 0
    first_loss: float | None = None
    total: float = 0.0
    seen: Count = 0
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: tuple[float, float] | None = None
    best_epoch: Count = 0
    stopped: bool = False


_STATE = TypeAdapter(State)


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
    device = device_of(model)
    if device.type == "cuda":  # dropout draws there
        tensors["cuda_generator"] = torch.cuda.get_rng_state(device)
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def restore(
    path: Path,
    found: Checkpoint,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    images: int,
) -> tuple[State, Tensor, dict[str, Tensor]]:
    """Put weights, optimizer and generators where they were.

    Args:
        path: the checkpoint's file, for the error's text.
        found: what was read from it.
        model: changed in place, as are the others; only its weights if the training is finished.
        optimizer: of the model.
        generator: of all chance.
        images: how many an epoch goes through; 0 if their order is not ours.

    Returns:
        Where the training was, the epoch's order, and the best weights.

    Raises:
        BlurnetError: if something in it is not what this training would have kept.

    """
    state = state_of(path, found)
    load_weights(model, found.part("model"), path)
    if found.progress["finished"]:
        return state, torch.arange(0), {}
    try:
        order, best = found.tensors["order"], found.part("best")
        if order.dtype != torch.int64 or not torch.equal(order.sort().values, torch.arange(images)):
            raise ValueError("its order is not one of these images")  # noqa: TRY301
        if best:
            check_weights(model, best, path)
        _restore_optimizer(found, optimizer)
        generator.set_state(found.tensors["generator"])
        torch.set_rng_state(found.tensors["process_generator"])
        device, on_gpu = device_of(model), found.tensors.get("cuda_generator")
        if device.type == "cuda" and on_gpu is not None:
            torch.cuda.set_rng_state(on_gpu, device)
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise BlurnetError(
            f"{path}: a damaged checkpoint: {error}; remove it, and the training starts again"
        ) from None
    return state, order, best


def _restore_optimizer(found: Checkpoint, optimizer: torch.optim.Optimizer) -> None:
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in found.part("optimizer").items():
        place, _, key = name.partition(".")
        if tensor.shape not in (torch.Size(), weights[int(place)].shape) or tensor.is_complex():
            raise ValueError(f"optimizer.{name} does not fit the weight that it is of")
        entries.setdefault(int(place), {})[key] = tensor
    if len({frozenset(each) for each in entries.values()}) > 1:
        raise ValueError("its optimizer's entries are not alike")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})


def state_of(path: Path, found: Checkpoint) -> State:
    """Give where the training was.

    Raises:
        BlurnetError: if the checkpoint does not say that.

    """
    told = {name: value for name, value in found.progress.items() if name != "steps"}
    try:
        if type(told.pop("finished")) is not bool:
            raise ValueError("finished is true or false")  # noqa: TRY301
        return _STATE.validate_python(told)
    except (KeyError, ValueError) as error:
        said = " ".join(str(error).split())
        raise BlurnetError(f"{path}: a damaged checkpoint: its progress: {said}") from None
