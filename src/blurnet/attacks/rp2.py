"""RP2, Robust Physical Perturbations (Eykholt et al., arXiv 1707.08945, equation 3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.models.modes import evaluating

from .attacked_network import AttackedNetwork, fastest_piece
from .draws import Draws, View
from .placement import sticker_of
from .rp2_check import check, check_outputs
from .rp2_settings import RP2Settings
from .rp2_terms import Terms

CHECK_EVERY = 25
"""Steps between the looks for targets that are done; each look waits for the device."""


@dataclass(frozen=True, eq=False)
class RP2Result:
    """What RP2 found, for T targets over V views.

    Args:
        noise: the sticker, not yet multiplied by the mask: δ, or s in [0, 1] where it is pasted;
            float32, T × C × H × W, or T × V × C × H × W with one for each image.
        adversarial: the attacked views, in [0, 1] unless unclipped, T × V × C × H × W. With
            transformations: as the network gets them, each view in its first draw.
        loss: the objective before each step, T × steps, the mean over the images where each has a
            sticker of its own; not a number once a target was done.

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
    views: Sequence[View] = (),
    colors: Tensor | None = None,
    warm_start: Tensor | None = None,
) -> RP2Result:
    """Find, for each target y*, one perturbation δ that serves all views.

    argmin_δ  λ‖M_x · δ‖_p + E_{x_i ∼ X^V} J(f(x_i + T_i(M_x · δ)), y*) + λ_NPS · NPS(M_x · δ).
    Targets do not influence each other: attacking them together gives what attacking them one by
    one gives.

    Args:
        model: images in [0, 1] in, logits out. Copied; itself only run in evaluation mode, without
            gradients, and left as it was.
        images: the views X^V, float32 in [0, 1], V × C × H × W.
        targets: the class y* of each attack, or untargeted the true class, int64, T.
        mask: M_x, float32 in [0, 1], H × W.
        settings: how to search; the published settings by default.
        generator: where starts, and the seed of the transformations, are drawn from, on the
            images' device.
        on_step: called after each step with the steps done and the steps in all.
        views: the transformations T_i, in the order in which they act. They may change the size of
            the image, down to what the network takes.
        colors: the printable colours, float32 in [0, 1], P × 3.
        warm_start: where the first run starts: δ (pasted: s), float32, a shape that broadcasts
            with the result's noise.

    Raises:
        BlurnetError: if shapes, values or targets do not fit.

    """
    settings = settings or RP2Settings()
    check(images, targets, mask, settings, colors, warm_start)
    draws = Draws(tuple(views), images, settings.draws, generator)
    terms = Terms(images, targets, mask, settings, draws, colors)
    with evaluating(model):
        free = terms.start(generator, warm_start)
        example = terms.place(free[:1, :1], slice(1), draws.final)[:, 0, 0].detach()
        check_outputs(model, example, targets)
        still = {} if views else {"photographs": images, "mask": mask}
        network = AttackedNetwork(model, example, settings.precision, **still)
        terms.piece = settings.piece or fastest_piece(network.dtype, images, example)
        every = torch.arange(len(targets), device=images.device)
        steps, running = settings.steps, every
        for restart in range(settings.restarts):
            progress = _shifted(on_step, restart * steps, settings.restarts * steps)
            if restart == 0:
                free, history = _search(terms, model, network, free, every, progress)
                continue
            counted, objective = _judge(terms, model, free, every)
            if settings.stop_when_done:
                running = every[counted.sum(1) < len(images)]
            another, its_history = _search(
                terms, model, network, terms.start(generator), running, progress
            )
            its_count, its_objective = _judge(terms, model, another, every)
            better = (its_count > counted) | ((its_count == counted) & (its_objective < objective))
            free = torch.where(better[..., None, None, None], another, free)
            history = torch.where(better[..., None], its_history, history)
    noise = sticker_of(free, settings.placement)
    adversarial = [
        terms.place(each, slice(None), draws.final)[:, 0] for each in torch.split(free, 1)
    ]
    return RP2Result(
        noise if settings.scope == "per_image" else noise[:, 0],
        torch.cat(adversarial),
        history.mean(1),
    )


def _search(
    terms: Terms,
    model: nn.Module,
    network: AttackedNetwork,
    free: Tensor,
    running: Tensor,
    on_step: Callable[[int], None],
) -> tuple[Tensor, Tensor]:
    """Lower the objective of the ``running`` targets by Adam, from ``free``, T × s × C × H × W.

    Returns:
        Where it ended, and the objective before each step, T × s × steps.

    """
    given, draws = terms.settings, terms.draws.draws
    ended = free.clone()  # what is done stays here; Adam moves all
    free = free.requires_grad_()
    adam = torch.optim.Adam([free], lr=given.lr, betas=given.betas, eps=given.eps)
    history = torch.full((*free.shape[:2], given.steps), torch.nan, device=free.device)
    held = torch.ones(len(free), dtype=torch.bool, device=free.device)
    for step in range(given.steps):
        if not len(running):
            on_step(given.steps)
            break
        drawn = terms.draws.step()
        penalty = terms.penalty(free)
        (gradient,) = torch.autograd.grad(penalty.sum(), free)
        objective = penalty.detach()
        for part in terms.parts(len(running), draws):
            rows, own = running[part.target], terms.own(part.view)
            sticker = free.detach()[rows, own].requires_grad_()
            expectation, fooled = terms.expectation(network, sticker, rows, part, drawn)
            gradient[rows, own] += torch.autograd.grad(expectation.sum(), sticker)[0]
            objective[rows, own] += expectation.detach()
            held[rows] &= fooled.flatten(1).all(1)
        history[running, :, step] = objective[running]
        free.grad = gradient
        adam.step()
        if given.stop_when_done and (step + 1) % CHECK_EVERY == 0:
            done = running[held[running]]
            done = done[_judge(terms, model, free, done)[0].sum(1) == len(terms.images)]
            ended[done] = free.detach()[done]
            running = running[~torch.isin(running, done)]
            held.fill_(True)
        on_step(step + 1)
    ended[running] = free.detach()[running]
    return ended, history


@torch.no_grad()
def _judge(terms: Terms, model: nn.Module, free: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give, in float32, how many views these targets' stickers fool, and their objective, t × s."""
    free, final = free[rows], terms.draws.final
    objective = terms.penalty(free)
    counted = torch.zeros_like(objective)
    for part in terms.parts(len(rows), 1):
        own = terms.own(part.view)
        expectation, fooled = terms.expectation(
            lambda attacked, _view: model(attacked),
            free[part.target, own],
            rows[part.target],
            part,
            final,
        )
        objective[part.target, own] += expectation
        per_image = fooled[:, 0].to(counted)
        counted[part.target, own] += (
            per_image if terms.settings.scope == "per_image" else per_image.sum(1, keepdim=True)
        )
    return counted, objective


def _shifted(
    on_step: Callable[[int, int], None] | None, before: int, in_all: int
) -> Callable[[int], None]:
    return lambda done: None if on_step is None else on_step(before + done, in_all)
