"""The training loop."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.data.signset import SignSet
from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating
from blurnet.penalties import Penalty, penalty_terms

from .checkpoint import Checkpoint

EXPLODED = 1e4
"""A cross-entropy above this is no longer training."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""(images, generator) -> images."""

Harden = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(model, images, labels, generator) -> images that are harder, such as attacked ones."""


class OnStep(Protocol):
    """Told after each step how far the work is."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Take the steps done, the steps in all, and how it goes in a few words."""


@dataclass(frozen=True)
class FitSettings:
    """How to train.

    Args:
        epochs: passes over the training images, at least 1.
        batch_size: images in a step, at least 1.
        lr: the step size at its highest; it falls to 0 along a half cosine.
        optimizer: "adam" (with decoupled weight decay) or "sgd" (Nesterov, momentum 0.9).
        weight_decay: at least 0.
        warmup_epochs: over which the step size rises from 0, at least 0.
        label_smoothing: in [0, 1).
        patience: with validation images: epochs without a better accuracy after which training
            stops; None never stops. The weights of the best epoch are kept either way.

    """

    epochs: int = 10
    batch_size: int = 64
    lr: float = 1e-3
    optimizer: Literal["adam", "sgd"] = "adam"
    weight_decay: float = 0.0
    warmup_epochs: float = 0.0
    label_smoothing: float = 0.0
    patience: int | None = None

    def __post_init__(self) -> None:
        wrong = [
            text
            for bad, text in (
                (self.epochs < 1, f"epochs is at least 1, not {self.epochs}"),
                (self.batch_size < 1, f"batch_size is at least 1, not {self.batch_size}"),
                (not self.lr > 0, f"lr is above 0, not {self.lr}"),
                (self.optimizer not in ("adam", "sgd"), f"no optimizer {self.optimizer!r}"),
                (
                    not self.weight_decay >= 0,
                    f"weight_decay is at least 0, not {self.weight_decay}",
                ),
                (not self.warmup_epochs >= 0, f"warmup is at least 0, not {self.warmup_epochs}"),
                (not 0 <= self.label_smoothing < 1, "label_smoothing is at least 0 and below 1"),
                (self.patience is not None and self.patience < 1, "patience is at least 1"),
            )
            if bad
        ]
        if wrong:
            raise BlurnetError(f"training settings: {'; '.join(wrong)}")

    def lr_after(self, epochs: float, step: float) -> float:
        """Give the step size after a number of epochs, for a step that is this part of an epoch."""
        warm = min(1.0, (epochs + step) / self.warmup_epochs) if self.warmup_epochs else 1.0
        return self.lr * warm * (1 + math.cos(math.pi * epochs / self.epochs)) / 2


@dataclass(frozen=True)
class Epoch:
    """How an epoch went.

    Args:
        loss: the mean cross-entropy of the training images as they were trained on.
        accuracy: the share of them that were classified right, before each step.
        validation_accuracy: of the validation images after the epoch, if there are any.

    """

    loss: float
    accuracy: float
    validation_accuracy: float | None = None


@dataclass
class _State:
    """What changes while a network trains, besides it, its optimiser and the generators."""

    step: int = 0
    seen: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    loss_sum: float = 0.0
    right: int = 0
    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = -1

    def note(self, images_per_second: float) -> str:
        """Say how the epoch goes."""
        return (
            f"loss {self.loss_sum / self.seen:.3f}, accuracy {100 * self.right / self.seen:.1f} %, "
            f"{images_per_second:.0f} images/s"
        )


def fit(
    model: nn.Module,
    signs: SignSet,
    *,
    settings: FitSettings | None = None,
    generator: torch.Generator,
    penalties: Sequence[Penalty] = (),
    augment: Augment | None = None,
    harden: Harden | None = None,
    validation: SignSet | None = None,
    checkpoint: Checkpoint | None = None,
    on_step: OnStep | None = None,
) -> list[Epoch]:
    """Train a network on labelled images: the cross-entropy, and the penalties beside it.

    Args:
        model: images in [0, 1] in, logits out; trained in place, and left in evaluation mode.
        signs: the images to learn from; not changed, each seen once an epoch.
        settings: how to train.
        generator: where all chance is drawn from: the images' order, ``augment``, ``harden``, and
            the seed of the process's generator (dropout), which is put back afterwards.
        penalties: terms that are added to the loss.
        augment: changes each batch of images; first.
        harden: makes each batch harder for the network as it is; second. What it runs the network
            on counts in no penalty.
        validation: images that are never trained on; the weights of the epoch that classified them
            best are kept.
        checkpoint: where to keep the state, and to go on from. A run that goes on ends with the
            same bits as one that was never cut off. An interrupt (Ctrl-C) writes it.
        on_step: called after each step.

    Returns:
        How each epoch went.

    Raises:
        BlurnetError: if there are no images; if the loss explodes or stops being a number, with the
            step, the last checkpoint and what to try; if the checkpoint is another run's.

    """
    settings = settings or FitSettings()
    if not len(signs) or (validation is not None and not len(validation)):
        raise BlurnetError("no images to train on" if not len(signs) else "no validation images")
    optimizer, state = _optimizer(model, settings), _State()
    batches = math.ceil(len(signs) / settings.batch_size)
    speed = _Speed()
    with torch.random.fork_rng(devices=[]), _interrupts() as interrupted:
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        run = _Run(model, optimizer, generator, state)
        if checkpoint is not None:
            _resume(checkpoint, run)
        written = time.monotonic()
        while not _finished(state, settings):
            if not len(state.order):
                state.order = torch.randperm(len(signs), generator=generator)
            model.train()
            for batch in torch.split(state.order, settings.batch_size)[state.step :]:
                images, labels = signs.images[batch].float() / 255, signs.labels[batch]
                if augment is not None:
                    images = augment(images, generator)
                if harden is not None:
                    images = harden(model, images, labels, generator)
                with penalty_terms(model, penalties) as penalty:
                    logits = model(images)
                    loss = F.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
                    optimizer.zero_grad()
                    torch.autograd.backward(loss + penalty())
                epochs_done = len(state.history) + state.step / batches
                value = float(loss.detach())
                _check_loss(value, epochs_done, settings, checkpoint)
                for group in optimizer.param_groups:
                    group["lr"] = settings.lr_after(epochs_done, 1 / batches)
                optimizer.step()
                state.step += 1
                state.seen += len(batch)
                state.loss_sum += value * len(batch)
                state.right += int((logits.argmax(1) == labels).sum())
                if on_step is not None:
                    done = len(state.history) * batches + state.step
                    on_step(done, settings.epochs * batches, state.note(speed(len(batch))))
                now = time.monotonic()
                if checkpoint is not None and (
                    now - written >= checkpoint.seconds or interrupted()
                ):
                    _save(checkpoint, run)
                    written = now
                if interrupted():
                    raise KeyboardInterrupt
            _end_epoch(model, validation, state)
    if state.best:
        model.load_state_dict(state.best)
    model.eval()
    return state.history


class _Run(NamedTuple):
    """All that changes while a network trains."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    state: _State


def _optimizer(model: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    decay = settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), settings.lr, momentum=0.9, nesterov=True, weight_decay=decay
        )
    return torch.optim.AdamW(model.parameters(), settings.lr, weight_decay=decay)


def _finished(state: _State, settings: FitSettings) -> bool:
    since_best = len(state.history) - 1 - state.best_epoch
    tired = settings.patience is not None and state.best and since_best >= settings.patience
    return bool(tired) or len(state.history) >= settings.epochs


def _check_loss(
    loss: float, epochs_done: float, settings: FitSettings, checkpoint: Checkpoint | None
) -> None:
    if math.isfinite(loss) and loss < EXPLODED:
        return
    kept = (
        f"the last checkpoint is {checkpoint.path}"
        if checkpoint is not None and checkpoint.path.exists()
        else "no checkpoint was written"
    )
    raise BlurnetError(
        f"the training loss became {loss:.3g} after {epochs_done:.2f} epochs; try an lr below "
        f"{settings.lr}, or smaller penalties; {kept}"
    )


def _end_epoch(model: nn.Module, validation: SignSet | None, state: _State) -> None:
    accuracy = None if validation is None else _accuracy(model, validation)
    state.history.append(Epoch(state.loss_sum / state.seen, state.right / state.seen, accuracy))
    state.order, state.step, state.seen = state.order[:0], 0, 0
    state.loss_sum, state.right = 0.0, 0
    if accuracy is None:
        return
    before = state.history[state.best_epoch].validation_accuracy if state.best else None
    if before is None or accuracy > before:
        state.best_epoch = len(state.history) - 1
        state.best = {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _accuracy(model: nn.Module, signs: SignSet) -> float:
    right = 0
    with evaluating(model), torch.no_grad():
        for start in range(0, len(signs), 512):
            images = signs.images[start : start + 512].float() / 255
            right += int((model(images).argmax(1) == signs.labels[start : start + 512]).sum())
    return right / len(signs)


def _save(checkpoint: Checkpoint, run: _Run) -> None:
    model, optimizer, generator, state = run
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
    for index, kept in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in kept.items()}
    tensors |= {
        "order": state.order,
        "generator": generator.get_state(),
        "process_generator": torch.random.get_rng_state(),
    }
    values = {
        "step": state.step,
        "seen": state.seen,
        "loss_sum": state.loss_sum,
        "right": state.right,
        "best_epoch": state.best_epoch,
        "history": [asdict(epoch) for epoch in state.history],
    }
    checkpoint.write(tensors, values)


def _resume(checkpoint: Checkpoint, run: _Run) -> None:
    kept = checkpoint.read()
    if kept is None:
        return
    tensors, values = kept
    model, optimizer, generator, state = run
    model.load_state_dict(_within(tensors, "model."))
    state.best = _within(tensors, "best.")
    optimizer_state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _within(tensors, "optimizer.").items():
        index, _, key = name.partition(".")
        optimizer_state.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
    state.order = tensors["order"]
    state.history = [Epoch(**epoch) for epoch in values.pop("history")]
    for name, value in values.items():
        setattr(state, name, value)
    generator.set_state(tensors["generator"])
    torch.random.set_rng_state(tensors["process_generator"])


def _within(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


class _Speed:
    """Images a second since it was made."""

    def __init__(self) -> None:
        self.start, self.images = time.monotonic(), 0

    def __call__(self, images: int) -> float:
        self.images += images
        return self.images / max(time.monotonic() - self.start, 1e-9)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Hold the first Ctrl-C back until a step is whole; a second one ends at once."""
    caught: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(caught)
    finally:
        signal.signal(signal.SIGINT, before)
