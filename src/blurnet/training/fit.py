"""The training loop."""

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.data.signset import SignSet
from blurnet.errors import BlurnetError
from blurnet.models import load_weights
from blurnet.models.modes import evaluating
from blurnet.penalties import Penalty, penalty_terms

from .checkpoint import (
    Checkpoint,
    Checkpoints,
    describe,
    read_checkpoint,
    refuse_other,
    write_checkpoint,
)

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""(images, generator) -> images: float32 in [0, 1], N × 3 × H × W."""

Harden = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(model, images, labels, generator) -> images: what to train on in the images' place."""

_EXPLODED = 1000
"""A loss so many times the first one (or the loss of guessing, if that is more) has exploded."""


@dataclass(frozen=True)
class FitSettings:
    """How to train.

    Args:
        epochs: passes over the training images, at least 1.
        batch_size: images in a step, at least 1.
        lr: the optimizer's largest step size; it falls to 0 along a half cosine.
        optimizer: "adam", with decoupled weight decay (AdamW, Loshchilov and Hutter, 1711.05101),
            or "sgd".
        momentum: SGD's, in 0…1.
        weight_decay: at least 0.
        warmup: the share of all steps over which the step size first rises from 0, below 1.
        label_smoothing: the share of each label that is spread over all classes, below 1.
        patience: stop after so many epochs without a better validation; None for never.

    Raises:
        BlurnetError: for a value out of its range.

    """

    epochs: int = 10
    batch_size: int = 64
    lr: float = 1e-3
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: float = 0.0
    label_smoothing: float = 0.0
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0:
            raise BlurnetError(
                "training settings: epochs and batch_size are at least 1 and lr is above 0; found "
                f"{self.epochs}, {self.batch_size} and {self.lr}"
            )
        if self.optimizer not in ("adam", "sgd"):
            raise BlurnetError(f"no optimizer {self.optimizer!r}; there are: adam, sgd")
        if not self.weight_decay >= 0 or (self.patience is not None and self.patience < 1):
            raise BlurnetError(
                "training settings: weight_decay is at least 0 and patience at least 1; found "
                f"{self.weight_decay} and {self.patience}"
            )
        for name in ("momentum", "warmup", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise BlurnetError(
                    f"training settings: {name} is at least 0 and below 1; "
                    f"found {getattr(self, name)}"
                )

    def lr_at(self, step: int, steps: int) -> float:
        """Give the step size of a step, counted from 0, of ``steps``."""
        warm = self.warmup * steps
        if step < warm:
            return self.lr * (step + 1) / (warm + 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@dataclass(frozen=True)
class History:
    """How a training went.

    Args:
        losses: the mean loss of each epoch, penalties included.
        validation: the share of the validation images classified right after each epoch.
        best_epoch: the epoch, from 1, whose weights were kept: the highest accuracy, then the
            lowest loss on the validation images; the last, without them.

    """

    losses: list[float]
    validation: list[float]
    best_epoch: int


@dataclass(frozen=True)
class Progress:
    """Where a training is: steps done and in all, the last step's loss and share right."""

    step: int
    steps: int
    images: int
    loss: float
    accuracy: float


@dataclass
class _State:
    """What a training knows between two steps, besides weights, optimizer and generators."""

    step: int = 0
    first_loss: float | None = None
    total: float = 0.0
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: tuple[float, float] | None = None
    best_epoch: int = 0
    stopped: bool = False


def fit(  # noqa: PLR0912, PLR0915 - one loop, to be read from top to bottom
    model: nn.Module,
    signs: SignSet,
    *,
    settings: FitSettings | None = None,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    validation: SignSet | None = None,
    penalties: Sequence[Penalty] = (),
    augment: Augment | None = None,
    harden: Harden | None = None,
    checkpoints: Checkpoints | None = None,
) -> History:
    """Train a network on labelled images: cross-entropy and penalties.

    Args:
        model: images in [0, 1] in, logits out; trained in place, and left in evaluation mode.
        signs: the images to learn from; not changed, each seen once an epoch.
        settings: how to train.
        generator: where everything random is drawn from: the order of the images, augmentation,
            and the seed of the network's own noise (dropout), for which the process's generator
            is borrowed and given back as it was.
        on_step: called after each step with the steps done and the steps in all.
        on_progress: called after each step with more; see ``Progress``.
        validation: images to choose the epoch by, whose weights the network keeps.
        penalties: what is added to the loss; see ``blurnet.penalties``.
        augment: changes each batch first.
        harden: then puts other images in their place, such as attacked ones; what it runs through
            the network does not count in the penalties.
        checkpoints: where and when to keep checkpoints. If there is one already, of this very
            training, it is gone on from, to the same bits; if it is finished, it is the result.
            Ctrl-C leaves a checkpoint of the moment.

    Returns:
        The losses, and the validation's accuracies.

    Raises:
        BlurnetError: if there are no images; if ``patience`` has no validation; if the loss stops
            being a number or explodes; if the checkpoint is broken or of another training.

    """
    settings = settings or FitSettings()
    if not len(signs) or (validation is not None and not len(validation)):
        raise BlurnetError("no images to train on" if not len(signs) else "no validation images")
    if settings.patience is not None and validation is None:
        raise BlurnetError("patience needs validation images, taken from the training part")
    description = _description(signs, settings, validation, penalties, augment, harden, checkpoints)
    device = next(model.parameters()).device
    per_epoch = math.ceil(len(signs) / settings.batch_size)
    steps = settings.epochs * per_epoch
    state, optimizer = _State(), _optimizer(model, settings)
    order, best = torch.arange(0), dict[str, Tensor]()
    pending: Checkpoint | None = None
    kept_step, kept_at = 0, time.monotonic()

    def capture() -> Checkpoint:
        progress = {"steps": steps, "finished": False, **asdict(state)}
        tensors = _tensors(model, best, optimizer, order, generator)
        return Checkpoint(description, progress, tensors)

    with torch.random.fork_rng(devices=[]), _interrupts(checkpoints is not None) as interrupted:
        seed = int(torch.randint(2**62, (), generator=generator))
        torch.manual_seed(seed)
        if checkpoints is not None and checkpoints.path.exists():
            found = read_checkpoint(checkpoints.path)
            refuse_other(checkpoints.path, found.description, description)
            load_weights(model, found.part("model"), checkpoints.path)
            state = _state(found)
            if found.progress["finished"]:
                model.eval()
                return History(state.losses, state.validation, state.best_epoch)
            order, best = _restore(found, optimizer, generator)
            kept_step = state.step
        model.train()
        while state.step < steps and not state.stopped:
            at = state.step % per_epoch
            if at == 0:
                order = torch.randperm(len(signs), generator=generator)
                state.total = 0.0
            batch = order[at * settings.batch_size : (at + 1) * settings.batch_size]
            images = signs.images[batch].to(device).float().div_(255)
            labels = signs.labels[batch].to(device)
            if augment is not None:
                images = augment(images, generator)
            if harden is not None:
                images = harden(model, images, labels, generator).detach()
            with penalty_terms(model, penalties) as penalty:
                logits = model(images)
                smoothing = settings.label_smoothing
                loss = F.cross_entropy(logits, labels, label_smoothing=smoothing) + penalty()
            value = float(loss.detach())
            first = value if state.first_loss is None else state.first_loss
            limit = _EXPLODED * max(first, math.log(len(signs.classes) + 1))
            if not math.isfinite(value) or value > limit:
                raise _broken(value, state.step, per_epoch, settings, checkpoints, kept_step)
            if pending is not None and checkpoints is not None:
                # only now is it known that the step before it did no harm
                write_checkpoint(checkpoints.path, pending)
                pending, kept_step, kept_at = None, state.step, time.monotonic()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for group in optimizer.param_groups:
                group["lr"] = settings.lr_at(state.step, steps)
            optimizer.step()
            state.step += 1
            state.first_loss = first
            state.total += value * len(batch)
            if state.step % per_epoch == 0:
                best = _end_epoch(model, state, signs, validation, settings.patience) or best
            if interrupted() and checkpoints is not None:
                write_checkpoint(checkpoints.path, capture())
                raise KeyboardInterrupt
            if checkpoints is not None and _due(checkpoints, state.step - kept_step, kept_at):
                pending = capture()
            if on_step is not None:
                on_step(state.step, steps)
            if on_progress is not None:
                right = float((logits.detach().argmax(1) == labels).float().mean())
                on_progress(Progress(state.step, steps, len(batch), value, right))
    if not all(bool(weights.isfinite().all()) for weights in model.parameters()):
        raise _broken(math.nan, state.step - 1, per_epoch, settings, checkpoints, kept_step)
    if best:
        model.load_state_dict(best)
    if checkpoints is not None:
        weights = {f"model.{name}": t.detach().clone() for name, t in model.state_dict().items()}
        progress = {"steps": steps, "finished": True, **asdict(state)}
        write_checkpoint(checkpoints.path, Checkpoint(description, progress, weights))
    model.eval()
    return History(state.losses, state.validation, state.best_epoch)


def _optimizer(model: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    weights = [p for p in model.parameters() if p.requires_grad]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            weights, settings.lr, settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.AdamW(weights, settings.lr, weight_decay=settings.weight_decay, fused=True)


def _end_epoch(
    model: nn.Module,
    state: _State,
    signs: SignSet,
    validation: SignSet | None,
    patience: int | None,
) -> dict[str, Tensor]:
    """Close an epoch; give a copy of the weights if they are the best so far on validation."""
    state.losses.append(state.total / len(signs))
    epoch = len(state.losses)
    if validation is None:
        state.best_epoch = epoch
        return {}
    accuracy, loss = _validate(model, validation)
    state.validation.append(accuracy)
    if state.best is None or (accuracy, -loss) > state.best:
        state.best, state.best_epoch = (accuracy, -loss), epoch
        return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    state.stopped = patience is not None and epoch - state.best_epoch >= patience
    return {}


def _validate(model: nn.Module, validation: SignSet) -> tuple[float, float]:
    device = next(model.parameters()).device
    right, loss = 0, 0.0
    with torch.no_grad(), evaluating(model):
        for part in torch.arange(len(validation)).split(512):  # type: ignore[no-untyped-call]
            logits = model(validation.images[part].to(device).float().div_(255))
            labels = validation.labels[part].to(device)
            right += int((logits.argmax(1) == labels).sum())
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
    return right / len(validation), loss / len(validation)


def _broken(
    value: float,
    step: int,
    per_epoch: int,
    settings: FitSettings,
    checkpoints: Checkpoints | None,
    kept_step: int,
) -> BlurnetError:
    kept = (
        f"the last good checkpoint is {checkpoints.path}, after step {kept_step}"
        if checkpoints is not None and kept_step
        else "no checkpoint was kept"
    )
    return BlurnetError(
        f"at step {step + 1} the training loss became {value:.4g} in epoch "
        f"{step // per_epoch + 1}; try a step size below {settings.lr}, a warmup, or smaller "
        f"weights of the penalties; {kept}"
    )


def _description(
    signs: SignSet,
    settings: FitSettings,
    validation: SignSet | None,
    penalties: Sequence[Penalty],
    augment: Augment | None,
    harden: Harden | None,
    checkpoints: Checkpoints | None,
) -> dict[str, Any]:
    if checkpoints is None:
        return {}
    description = {
        **checkpoints.description,
        "settings": asdict(settings),
        "penalties": [asdict(penalty) for penalty in penalties],
        "augment": describe(augment),
        "harden": describe(harden),
        "data": signs.fingerprint(),
        "validation": None if validation is None else validation.fingerprint(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(description))
    return plain


def _tensors(
    model: nn.Module,
    best: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    order: Tensor,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for place, entries in optimizer.state_dict()["state"].items():
        named = {f"optimizer.{place}.{name}": value for name, value in entries.items()}
        tensors |= {name: value for name, value in named.items() if isinstance(value, Tensor)}
    tensors |= {"order": order, "generator": generator.get_state()}
    tensors["process_generator"] = torch.get_rng_state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _restore(
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


def _state(found: Checkpoint) -> _State:
    known = _State.__dataclass_fields__
    state = _State(**{name: value for name, value in found.progress.items() if name in known})
    if state.best is not None:
        state.best = (state.best[0], state.best[1])  # JSON knows no tuples
    return state


def _due(checkpoints: Checkpoints, steps: int, since: float) -> bool:
    by_steps = checkpoints.every_steps and steps >= checkpoints.every_steps
    by_time = checkpoints.every_seconds and time.monotonic() - since >= checkpoints.every_seconds
    return bool(by_steps or by_time)


@contextmanager
def _interrupts(deferred: bool) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait for the end of the step; a second one does not wait."""
    asked = threading.Event()
    if not deferred or threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
