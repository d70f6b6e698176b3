"""The loops and libraries that RP2 is timed against, on the same tensors."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LR, LAM, EPSILON = 0.1, 0.02, 0.3


def bare_loop(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    steps: int,
    *,
    bf16: bool,
    piece: int,
    warp: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
) -> None:
    """Compute RP2's gradients with the least code between: one batch, weights frozen.

    channels_last, all targets at once, in pieces of whole targets; bfloat16 by autocast. ``warp``:
    (photographs v, M · δ t × 1, M) → attacked t × v, instead of adding and clipping.
    """
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    delta = torch.rand(len(targets), *images.shape[1:], requires_grad=True)
    adam = torch.optim.Adam([delta], lr=LR)
    rows = max(1, piece // len(images))
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(LAM * (mask * delta).flatten(1).norm(dim=1).sum(), delta)
        for first in range(0, len(targets), rows):
            part = delta.detach()[first : first + rows].requires_grad_()
            sticker = (mask * part).unsqueeze(1)
            attacked = (
                (images + sticker).clamp(0, 1) if warp is None else warp(images, sticker, mask)
            )
            flat = attacked.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            wanted = targets[first : first + rows].repeat_interleave(len(images))
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = model(flat)
            loss = F.cross_entropy(logits.float(), wanted, reduction="sum") / len(images)
            gradient[first : first + rows] += torch.autograd.grad(loss, part)[0]
        delta.grad = gradient
        adam.step()


def plain_loop(model: nn.Module, images: Tensor, targets: Tensor, mask: Tensor, steps: int) -> None:
    """Run RP2 as people write it: one target after the other, gradients of the weights and all."""
    model = model.eval().requires_grad_(True)
    for target in targets:
        delta = torch.rand(images.shape[1:], requires_grad=True)
        adam = torch.optim.Adam([delta], lr=LR)
        wanted = target.expand(len(images))
        for _ in range(steps):
            attacked = (images + mask * delta).clamp(0, 1)
            loss = LAM * (mask * delta).norm() + F.cross_entropy(model(attacked), wanted)
            adam.zero_grad()
            loss.backward()
            adam.step()


def art_pgd(
    model: nn.Module, images: Tensor, targets: Tensor, mask: Tensor, steps: int
) -> Callable[[], Any]:
    """Prepare ART's masked, targeted PGD; one call for each target."""
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    classes = model(images[:1]).shape[1]
    classifier = PyTorchClassifier(
        model=model.eval().requires_grad_(True),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(images.shape[1:]),
        nb_classes=classes,
        clip_values=(0, 1),
        device_type="cpu",
    )
    attack = ProjectedGradientDescent(
        classifier,
        eps=EPSILON,
        eps_step=EPSILON / 10,
        max_iter=steps,
        targeted=True,
        batch_size=len(images),
        verbose=False,
    )
    covered = mask.expand_as(images[0]).numpy()
    one_hot = [F.one_hot(each.expand(len(images)), classes).numpy() for each in targets]
    clean = images.numpy()
    return lambda: [attack.generate(x=clean, y=wanted, mask=covered) for wanted in one_hot]


def foolbox_pgd(model: nn.Module, images: Tensor, targets: Tensor, steps: int) -> Callable[[], Any]:
    """Prepare foolbox's targeted LinfPGD, which knows no mask; one call for each target."""
    import foolbox

    wrapped = foolbox.PyTorchModel(model.eval(), bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(steps=steps, abs_stepsize=EPSILON / 10)
    criteria: Sequence[Any] = [
        foolbox.criteria.TargetedMisclassification(each.repeat(len(images))) for each in targets
    ]
    # the attack itself: calling it would also judge the result, which is not a gradient
    return lambda: [attack.run(wrapped, images, each, epsilon=EPSILON) for each in criteria]
