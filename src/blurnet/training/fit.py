"""The training loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from blurnet.data.signset import SignSet
from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class FitSettings:
    """How to train.

    Args:
        epochs: passes over the training images, at least 1.
        batch_size: images in a step, at least 1.
        lr: Adam's step size at the start; it falls to 0 along a half cosine.

    """

    epochs: int = 10
    batch_size: int = 64
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0:
            raise BlurnetError(
                "training settings: epochs and batch_size are at least 1 and lr is above 0; found "
                f"{self.epochs}, {self.batch_size} and {self.lr}"
            )


def fit(
    model: nn.Module,
    signs: SignSet,
    *,
    settings: FitSettings | None = None,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> list[float]:
    """Train a network on labelled images with the cross-entropy loss.

    Args:
        model: images in [0, 1] in, logits out; trained in place, and left in evaluation mode.
        signs: the images to learn from; not changed, each seen once an epoch.
        settings: how to train.
        generator: where the order of the images is drawn from.
        on_step: called after each step with the steps done and the steps in all.

    Returns:
        The mean loss of each epoch.

    Raises:
        BlurnetError: if there are no images, or the loss stops being a number.

    """
    settings = settings or FitSettings()
    if not len(signs):
        raise BlurnetError("no images to train on")
    steps_per_epoch = math.ceil(len(signs) / settings.batch_size)
    steps = settings.epochs * steps_per_epoch
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    epoch_losses = []
    model.train()
    for epoch in range(settings.epochs):
        total = torch.zeros(())
        order = torch.randperm(len(signs), generator=generator)
        for step, batch in enumerate(order.split(settings.batch_size)):  # type: ignore[no-untyped-call]
            loss = F.cross_entropy(model(signs.images[batch].float() / 255), signs.labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(batch)
            if on_step is not None:
                on_step(epoch * steps_per_epoch + step + 1, steps)
        epoch_losses.append(float(total) / len(signs))
        if not math.isfinite(epoch_losses[-1]):
            raise BlurnetError(
                f"the training loss became {epoch_losses[-1]} in epoch {epoch + 1}; "
                f"try a step size below {settings.lr}"
            )
    model.eval()
    return epoch_losses
