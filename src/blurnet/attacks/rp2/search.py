"""RP2, Robust Physical Perturbations (Eykholt et al., arXiv 1707.08945, equation 3)."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, checked_network, mask_of
from blurnet.attacks.fast.attacked_network import AttackedNetwork, fastest_piece
from blurnet.attacks.rp2.adaptive import watched
from blurnet.attacks.rp2.check import check_rest, targets_of
from blurnet.attacks.rp2.closest import Closest
from blurnet.attacks.rp2.closest import better as is_better
from blurnet.attacks.rp2.draws import Draws
from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.attacks.rp2.terms import Network, Part, Terms
from blurnet.attacks.transforms import Transform
from blurnet.errors import BlurnetError
from blurnet.models.memory import budget_on, piece_within
from blurnet.models.modes import evaluating

CHECK_EVERY = 25
"""Steps between the looks for targets that are done; each look waits for the device."""


@dataclass(frozen=True, eq=False)
class RP2Result:
    """What RP2 found, for T targets over V views.

    Args:
        noise: the sticker, not yet multiplied by the mask: δ, or s in [0, 1] where it is pasted;
            float32, T × C × H × W, or T × V × C × H × W with one for each image.
        loss: the objective before each step, T × steps, the mean over the images where each has a
            sticker of its own; not a number once a target was done.
        losses: the same of each sticker, T × s × steps; s is 1, or V with one for each image.
        reached: the share of its views and draws that each had reached before each step.
        adversarial: the attacked views, in [0, 1] unless unclipped, T × V × C × H × W. With
            transforms: as the network gets them, each view in its first draw. None if they were
            not to be kept.

    """

    noise: Tensor
    loss: Tensor
    losses: Tensor
    reached: Tensor
    adversarial: Tensor | None
    _terms: Terms = field(repr=False)

    def attacked(self, place: int = 0) -> Tensor:
        """Give the attacked views of one target, V × C × H × W, made anew if they were not kept.

        Args:
            place: which of the targets, in the order given.

        """
        if self.adversarial is not None:
            return self.adversarial[place]
        return _attacked(self._terms, self.noise[place])


def rp2(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    settings: RP2Settings | None = None,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
    transforms: Sequence[Transform] = (),
    colors: Tensor | None = None,
    warm_start: Tensor | None = None,
    keep_images: bool = True,
) -> RP2Result:
    """Find, for each target y*, one perturbation δ that serves all views.

    argmin_δ  λ‖M_x · δ‖_p + E_{x_i ∼ X^V} J(f(x_i + T_i(M_x · δ)), y*) + λ_NPS · NPS(M_x · δ).
    Targets do not influence each other: attacking them together gives what attacking them one by
    one gives.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out.
            Copied; itself only run in evaluation mode, without gradients, and left as it was.
        images: the views X^V, float32 in [0, 1], V × C × H × W; left as they are.
        targets: the class y* of each attack, int64, T. Untargeted: the true class, one for all
            views, or T × V with one for each. T × V is for stickers of each image's own, too.
        mask: M_x, float32 in [0, 1], H × W, or V × H × W with one for each view.
        settings: how to search; the published settings by default.
        generator: where starts, and the seed of the transforms, are drawn from, on the images'
            device.
        on_step: called after each step with the steps done and the steps in all.
        transforms: the T_i, in the order in which they act. They may change the size of the image,
            down to what the network takes.
        colors: the printable colours, float32 in [0, 1], P × 3.
        warm_start: where the first run starts: δ (pasted: s), float32, a shape that broadcasts
            with the result's noise.
        keep_images: whether the result holds the attacked images, T × V of them; without, memory
            does not grow with them, and ``attacked`` makes those of one target anew.

    Raises:
        BlurnetError: if shapes, values or targets do not fit, the network is none that takes these
            images, or its logits are not finite, before or during the attack.

    Examples:
        >>> found = blurnet.rp2(
        ...     model,
        ...     images,
        ...     torch.tensor([1, 2]),  # two targets, attacked together
        ...     mask,
        ...     settings=blurnet.RP2Settings(steps=3),
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> tuple(found.noise.shape), tuple(found.attacked(0).shape)
        ((2, 3, 32, 32), (6, 3, 32, 32))

    """
    settings = settings or RP2Settings()
    check_images(images)
    covered, each_target = mask_of(mask, images), targets_of(targets, len(images), settings)
    check_rest(images, targets, settings, colors, warm_start)
    draws = Draws(tuple(transforms), images, settings.draws, generator)
    terms = Terms(images, each_target, covered, settings, draws, colors)
    free = terms.start(generator, warm_start)
    example = terms.place(free[:1, :1], slice(1), draws.final)[:, 0, 0].detach()
    judge = checked_network(model, example, targets, "targets")
    with evaluating(judge), ExitStack() as around:
        still = None if transforms else (images, terms.whole_mask)
        asked = settings.penalties
        network = AttackedNetwork(judge, example, settings.precision, still, plain=bool(asked))
        terms.maps = around.enter_context(watched((judge, network.network), asked))
        terms.piece = settings.piece or _piece(terms, network, free, example)
        every = torch.arange(len(targets), device=images.device)
        steps, running = settings.steps, every
        for restart in range(settings.restarts):
            progress = _shifted(on_step, restart * steps, settings.restarts * steps)
            if restart == 0:
                free, history, held = _search(terms, judge, network, free, every, progress)
                continue
            counted, cost = _judge(terms, judge, free, every)
            if settings.stop_when_done:
                running = every[counted.sum(1) < len(images)]
            another, its_history, its_held = _search(
                terms, judge, network, terms.start(generator), running, progress
            )
            better = is_better(*_judge(terms, judge, another, every), counted, cost)
            free = torch.where(better[..., None, None, None], another, free)
            history = torch.where(better[..., None], its_history, history)
            held = torch.where(better[..., None], its_held, held)
    terms.maps = None
    noise = terms.sticker(free)
    noise = noise if settings.scope == "per_image" else noise[:, 0]
    kept = None
    if keep_images:
        kept = images.new_empty(len(targets), len(images), *example.shape[1:])
        for place, sticker in enumerate(noise):
            kept[place] = _attacked(terms, sticker)
    return RP2Result(noise, history.mean(1), history, held, kept, terms)


def _attacked(terms: Terms, noise: Tensor) -> Tensor:
    """Give the views under one target's noise, C × H × W or V × C × H × W."""
    return terms.attacked(noise if terms.settings.scope == "per_image" else noise[None])


def _piece(terms: Terms, network: AttackedNetwork, free: Tensor, example: Tensor) -> int:
    """Say how many images are fastest at once and stay in the budget, with all that is done."""
    fastest = fastest_piece(network, terms.images, example)
    targets, views = terms.targets.shape
    if targets * views * terms.draws.draws == 1:
        return fastest
    every = torch.arange(targets, device=free.device)

    def run(count: int) -> None:
        part = Part(slice(1), slice(1), slice(count))
        if views == 1:
            part = Part(slice(count), slice(1), slice(1))
        rows, own = every[part.target], terms.own(part.view)
        sticker = free.detach()[rows, own].requires_grad_()
        expectation, _ = terms.expectation(network, sticker, rows, part, terms.draws.final)
        torch.autograd.grad(expectation.sum(), sticker)

    return min(fastest, piece_within(run, budget=budget_on(network.device)))


def _search(
    terms: Terms,
    judge: nn.Module,
    network: Network,
    free: Tensor,
    running: Tensor,
    on_step: Callable[[int], None],
) -> tuple[Tensor, Tensor, Tensor]:
    """Lower the objective of the ``running`` targets by Adam, from ``free``, T × s × C × H × W.

    Returns:
        Where it ended, the objective before each step, T × s × steps, and the share of its views
        that each sticker reached then.

    """
    given, draws = terms.settings, terms.draws.draws
    ended = free.clone()  # what is done stays here; Adam moves all
    closest = Closest(free) if given.keep == "closest" and not terms.draws.redrawn else None
    free = free.requires_grad_()
    adam = torch.optim.Adam([free], lr=given.lr, betas=given.betas, eps=given.eps)
    history = torch.full((*free.shape[:2], given.steps), torch.nan, device=free.device)
    share = history.clone()
    views = draws * (1 if given.scope == "per_image" else len(terms.images))
    held = torch.ones(len(free), dtype=torch.bool, device=free.device)
    for step in range(given.steps):
        if not len(running):
            on_step(given.steps)
            break
        drawn = terms.draws.step()
        penalty = terms.penalty(free)
        (gradient,) = torch.autograd.grad(penalty.sum(), free)
        objective = penalty.detach()
        counted, change = torch.zeros_like(objective), torch.zeros_like(objective)
        look = partial(_look, terms, network, free.detach(), running, drawn)
        for part, (its_gradient, expectation, fooled) in terms.in_parts(len(running), draws, look):
            rows, own = running[part.target], terms.own(part.view)
            gradient[rows, own] += its_gradient
            objective[rows, own] += expectation
            held[rows] &= fooled.flatten(1).all(1)
            counted[rows, own] += terms.count(fooled)
            if closest:
                change[rows, own] += terms.change(free.detach()[rows, own], part)
        history[running, :, step] = objective[running]
        share[running, :, step] = counted[running] / views
        if closest:
            closest.meet(free.detach(), counted, change)
        free.grad = gradient
        adam.step()
        if given.stop_when_done and (step + 1) % CHECK_EVERY == 0:
            done = running[held[running]]
            done = done[_judge(terms, judge, free, done)[0].sum(1) == len(terms.images)]
            ended[done] = free.detach()[done]
            running = running[~torch.isin(running, done)]
            held.fill_(True)
        on_step(step + 1)
    _check_finite(history[running])
    ended[running] = free.detach()[running]
    if closest:
        every = torch.arange(len(ended), device=ended.device)
        nearer = is_better(
            *_judge(terms, judge, closest.free, every), *_judge(terms, judge, ended, every)
        )
        nearer &= closest.counted > 0
        ended = torch.where(nearer[..., None, None, None], closest.free, ended)
    return ended, history, share


def _look(
    terms: Terms, network: Network, free: Tensor, running: Tensor, drawn: list[Tensor], part: Part
) -> tuple[Tensor, Tensor, Tensor]:
    """Give a part's share of the gradient and of the objective, and where the network is fooled."""
    rows, own = running[part.target], terms.own(part.view)
    sticker = free[rows, own].requires_grad_()
    expectation, fooled = terms.expectation(network, sticker, rows, part, drawn)
    (gradient,) = torch.autograd.grad(expectation.sum(), sticker)
    return gradient, expectation.detach(), fooled


def _check_finite(history: Tensor) -> None:
    """Raise a BlurnetError if an objective, t × s × steps, became infinite or not a number."""
    wrong = (~history.isfinite()).flatten(0, 1).any(0)
    if wrong.any():
        raise BlurnetError(
            f"the network's logits are not finite on attacked images, from step "
            f"{int(wrong.int().argmax()) + 1} of {len(wrong)}"
        )


@torch.no_grad()
def _judge(terms: Terms, judge: nn.Module, free: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give, in float32, how many views these targets' stickers fool, and what they cost, t × s.

    The cost is the objective, or the change where the closest sticker is kept.
    """
    free, final = free[rows], terms.draws.final
    objective = terms.penalty(free)
    counted, change = torch.zeros_like(objective), torch.zeros_like(objective)

    def judged(part: Part) -> tuple[Tensor, Tensor]:
        sticker = free[part.target, terms.own(part.view)]
        return terms.expectation(
            lambda attacked, _view: judge(attacked), sticker, rows[part.target], part, final
        )

    for part, (expectation, fooled) in terms.in_parts(len(rows), 1, judged):
        own = terms.own(part.view)
        objective[part.target, own] += expectation
        counted[part.target, own] += terms.count(fooled)
        change[part.target, own] += terms.change(free[part.target, own], part)
    return counted, change if terms.settings.keep == "closest" else objective


def _shifted(
    on_step: Callable[[int, int], None] | None, before: int, in_all: int
) -> Callable[[int], None]:
    return lambda done: None if on_step is None else on_step(before + done, in_all)
