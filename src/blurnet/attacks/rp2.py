"""RP2, Robust Physical Perturbations (Eykholt et al., arXiv 1707.08945, equation 3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models.modes import evaluating


@dataclass(frozen=True)
class RP2Settings:
    """How RP2 searches; the defaults are those of its published LISA run.

    Args:
        steps: steps of Adam, at least 1.
        lam: λ, the weight of the perturbation's norm, at least 0.
        p: which norm, taken over all colours and pixels: 1, 2 or infinity.
        lr: Adam's step size, in units of image values (0 to 1).
        betas: Adam's decay rates of the first and second moment.
        eps: Adam's ε.
        start: δ at the start: "uniform" in [0, 1], as published, or "zeros".
        clip: whether the attacked image is clipped to [0, 1]. A clipped value has no gradient.
        piece: how many images go through the network at once; bounds memory, changes no result
            beyond float rounding.

    """

    steps: int = 300
    lam: float = 0.02
    p: float = 2
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    start: Literal["uniform", "zeros"] = "uniform"
    clip: bool = True
    piece: int = 320

    def __post_init__(self) -> None:
        wrong = [
            text
            for bad, text in (
                (self.steps < 1, f"steps is at least 1, not {self.steps}"),
                (not self.lam >= 0, f"lam is at least 0, not {self.lam}"),
                (self.p not in (1, 2, float("inf")), f"p is 1, 2 or inf, not {self.p}"),
                (not self.lr > 0, f"lr is above 0, not {self.lr}"),
                (
                    self.start not in ("uniform", "zeros"),
                    f"no start {self.start!r}: uniform, zeros",
                ),
                (self.piece < 1, f"piece is at least 1, not {self.piece}"),
            )
            if bad
        ]
        if wrong:
            raise BlurnetError(f"RP2 settings: {'; '.join(wrong)}")


@dataclass(frozen=True, eq=False)
class RP2Result:
    """What RP2 found, for T targets over V views.

    Args:
        noise: δ, float32, T × C × H × W, not yet multiplied by the mask.
        adversarial: the attacked views in [0, 1] where ``clip`` is on, T × V × C × H × W.
        loss: the objective before each step, T × steps.

    """

    noise: Tensor
    adversarial: Tensor
    loss: Tensor


def rp2(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    settings: RP2Settings | None = None,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> RP2Result:
    """Find, for each target y*, one perturbation δ that serves all views.

    argmin_δ  λ‖M_x · δ‖_p + E_{x_i ∼ X^V} J(f(x_i + M_x · δ), y*), with T_i the identity and J the
    cross-entropy. Targets do not influence each other: attacking them together gives what
    attacking them one by one gives.

    Args:
        model: images in [0, 1] in, logits out. Run in evaluation mode, and left as it was: mode,
            gradients and their flags.
        images: the views X^V, float32 in [0, 1], V × C × H × W.
        targets: the class y* of each attack, int64, T.
        mask: M_x, float32 in [0, 1], H × W.
        settings: how to search; the published settings by default.
        generator: where the start is drawn from, on the images' device.
        on_step: called after each step with the steps done and the steps in all.

    Raises:
        BlurnetError: if shapes, values or targets do not fit.

    """
    settings = settings or RP2Settings()
    _check(images, targets, mask)
    shape = (len(targets), *images.shape[1:])
    delta = (
        torch.rand(shape, generator=generator, device=images.device)
        if settings.start == "uniform"
        else torch.zeros(shape, device=images.device)
    ).requires_grad_()
    adam = torch.optim.Adam([delta], lr=settings.lr, betas=settings.betas, eps=settings.eps)
    history = torch.empty(len(targets), settings.steps, device=images.device)
    with evaluating(model):
        _check_outputs(model, images, targets)
        for step in range(settings.steps):
            norm = torch.linalg.vector_norm(mask * delta, settings.p, dim=(1, 2, 3))
            objective = (settings.lam * norm).detach()
            (gradient,) = torch.autograd.grad(settings.lam * norm.sum(), delta)
            for target, view in _pieces(len(targets), len(images), settings.piece):
                perturbation = (mask * delta[target]).unsqueeze(1)
                attacked = _apply(images[view], perturbation, settings.clip)
                wanted = targets[target, None].expand(attacked.shape[:2])
                losses = F.cross_entropy(
                    model(attacked.flatten(0, 1)), wanted.flatten(), reduction="none"
                )
                expectation = losses.view(wanted.shape).sum(1) / len(images)
                gradient += torch.autograd.grad(expectation.sum(), delta)[0]
                objective[target] += expectation.detach()
            delta.grad = gradient
            history[:, step] = objective
            adam.step()
            if on_step is not None:
                on_step(step + 1, settings.steps)
    noise = delta.detach()
    adversarial = _apply(images, (mask * noise).unsqueeze(1), settings.clip)
    return RP2Result(noise, adversarial, history)


def _apply(images: Tensor, perturbation: Tensor, clip: bool) -> Tensor:
    attacked = images + perturbation
    return attacked.clamp(0, 1) if clip else attacked


def _pieces(targets: int, views: int, piece: int) -> Iterator[tuple[slice, slice]]:
    """Cut targets × views into blocks of at most ``piece``, as whole in views as they can be."""
    rows = max(1, piece // views)
    for target in range(0, targets, rows):
        for view in range(0, views, piece):
            yield slice(target, target + rows), slice(view, view + piece)


def _check(images: Tensor, targets: Tensor, mask: Tensor) -> None:
    if images.dim() != 4 or not len(images) or not images.is_floating_point():
        raise BlurnetError(
            f"images are float32, V × C × H × W, at least one; "
            f"found {images.dtype}, {tuple(images.shape)}"
        )
    if images.min() < 0 or images.max() > 1:
        raise BlurnetError(
            f"images lie in [0, 1]; found {images.min():.3g}…{images.max():.3g} (divide uint8 by "
            "255; what a network normalises belongs inside it)"
        )
    if mask.shape != images.shape[2:]:
        raise BlurnetError(
            f"the mask is {tuple(mask.shape)}; for these images it must be "
            f"{tuple(images.shape[2:])}, H × W without a channel"
        )
    if not mask.is_floating_point() or mask.min() < 0 or mask.max() > 1:
        raise BlurnetError(
            f"the mask is float32 in [0, 1]; found {mask.dtype}, {mask.min()}…{mask.max()}"
        )
    if targets.dim() != 1 or not len(targets) or targets.dtype != torch.int64:
        raise BlurnetError(
            f"targets are int64, one for each attack; found {targets.dtype}, {tuple(targets.shape)}"
        )


def _check_outputs(model: nn.Module, images: Tensor, targets: Tensor) -> None:
    with torch.no_grad():
        outputs = model(images[:1])
    if outputs.dim() != 2:
        raise BlurnetError(f"the network gives logits, N × classes; found {tuple(outputs.shape)}")
    if targets.min() < 0 or targets.max() >= outputs.shape[1]:
        raise BlurnetError(
            f"targets {targets.tolist()} are not all among the network's {outputs.shape[1]} "
            f"outputs, 0…{outputs.shape[1] - 1}"
        )
