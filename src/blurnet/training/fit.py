"""The training loop."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models.memory import keep_freed_memory
from blurnet.models.modes import evaluating
from blurnet.penalties import Penalty, penalty_terms
from blurnet.training.batches import Batches, Labelled, Source, floats, source_of
from blurnet.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    read_checkpoint,
    refuse_other,
    write_checkpoint,
)
from blurnet.training.resume import State, described, restore, tensors_of
from blurnet.training.settings import FitSettings

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""(images, generator) -> images: float32 in [0, 1], N × C × H × W."""

Harden = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(model, images, labels, generator) -> images: what to train on in the images' place."""

_EXPLODED = 1000
"""A loss so many times the first one (or the loss of guessing, if that is more) has exploded."""


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


def fit(  # noqa: PLR0912, PLR0915 - one loop, to be read from top to bottom
    model: nn.Module,
    signs: Labelled | Batches | Source,
    *,
    settings: FitSettings | None = None,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    validation: Labelled | None = None,
    penalties: Sequence[Penalty] = (),
    augment: Augment | None = None,
    harden: Harden | None = None,
    checkpoints: Checkpoints | None = None,
) -> History:
    """Train a network on labelled images: cross-entropy and penalties.

    Args:
        model: images in [0, 1] in, logits out; trained in place, and left in evaluation mode.
        signs: the images to learn from; not changed, each seen once an epoch. Or batches of images
            (uint8, or float32 in [0, 1]) and labels, with a length, such as a torch DataLoader:
            they come in their own order, so that a training that goes on from a checkpoint is the
            same only if they come in the same order again.
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
    source = source_of(signs, settings.batch_size)
    if validation is not None and not len(validation):
        raise BlurnetError("no validation images")
    if settings.patience is not None and validation is None:
        raise BlurnetError("patience needs validation images, taken from the training part")
    description = described(source, settings, validation, penalties, augment, harden, checkpoints)
    keep_freed_memory()
    device = device_of(model)
    per_epoch = source.per_epoch
    steps = settings.epochs * per_epoch
    state, optimizer = State(), _optimizer(model, settings)
    order, best = torch.arange(0), dict[str, Tensor]()
    pending: Checkpoint | None = None
    kept_step, kept_at = 0, time.monotonic()

    def capture() -> Checkpoint:
        progress = {"steps": steps, "finished": False, **asdict(state)}
        tensors = tensors_of(model, best, optimizer, order, generator)
        return Checkpoint(description, progress, tensors)

    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus), _interrupts(checkpoints is not None) as interrupted:
        seed = int(torch.randint(2**62, (), generator=generator))
        torch.manual_seed(seed)
        if checkpoints is not None and checkpoints.path.exists():
            found = read_checkpoint(checkpoints.path)
            refuse_other(checkpoints.path, found.description, description)
            given = (checkpoints.path, found, model, optimizer, generator)
            state, order, best = restore(*given, images=source.count)
            if found.progress["finished"]:
                model.eval()
                return History(state.losses, state.validation, state.best_epoch)
            kept_step = state.step
        model.train()
        while state.step < steps and not state.stopped:
            at = state.step % per_epoch
            if at == 0:
                order, state.total, state.seen = source.order(generator), 0.0, 0
            for batch, classes in source.batches(order, at):
                images, labels = floats(batch, device), classes.to(device)
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
                limit = _EXPLODED * max(first, math.log(logits.shape[1] + 1))
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
                state.total += value * len(labels)
                state.seen += len(labels)
                if state.step % per_epoch == 0:
                    best = _end_epoch(model, state, validation, settings.patience) or best
                if interrupted() and checkpoints is not None:
                    write_checkpoint(checkpoints.path, capture())
                    raise KeyboardInterrupt
                if checkpoints is not None and _due(checkpoints, state.step - kept_step, kept_at):
                    pending = capture()
                if on_step is not None:
                    on_step(state.step, steps)
                if on_progress is not None:
                    right = float((logits.detach().argmax(1) == labels).float().mean())
                    on_progress(Progress(state.step, steps, len(labels), value, right))
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
    state: State,
    validation: Labelled | None,
    patience: int | None,
) -> dict[str, Tensor]:
    """Close an epoch; give a copy of the weights if they are the best so far on validation."""
    state.losses.append(state.total / state.seen)
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


def _validate(model: nn.Module, validation: Labelled) -> tuple[float, float]:
    device = device_of(model)
    right, loss = 0, 0.0
    with torch.no_grad(), evaluating(model):
        for part in torch.arange(len(validation)).split(512):  # type: ignore[no-untyped-call]
            logits = model(floats(validation.images[part], device))
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
