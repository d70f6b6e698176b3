"""How to train."""

import math
from dataclasses import dataclass
from typing import Literal

from blurnet.errors import BlurnetError


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

    Examples:
        >>> settings = blurnet.FitSettings(epochs=2, lr=3e-4, warmup=0.1)
        >>> history = blurnet.train(model, (images, labels), settings=settings)

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
