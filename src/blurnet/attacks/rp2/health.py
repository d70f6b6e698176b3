"""Whether a sticker's gradient is alive: a low success rate with a dead one says little."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from blurnet.attacks.rp2.draws import Draws
from blurnet.attacks.rp2.objective import attack_loss
from blurnet.attacks.rp2.placement import place_in_views
from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.attacks.rp2.terms import Terms
from blurnet.attacks.transforms import View
from blurnet.models.modes import evaluating


def dead_gradient_share(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    noise: Tensor,
    *,
    settings: RP2Settings,
    generator: torch.Generator,
    views: Sequence[View] = (),
) -> Tensor:
    """Give the share of a sticker's values that no view's J would move: their gradient is 0.

    A value that was added and is clipped in every view is dead, whatever the loss says; so is a
    pasted colour that is black or white to the last bit. A margin loss has no gradient either where
    all views are reached.

    Args:
        model: images in [0, 1] in, logits out; left as it was.
        images: the photographs, float32 in [0, 1], V × C × H × W.
        targets: the class of each attack, int64, T.
        mask: H × W; values under it are counted.
        noise: the stickers, as ``RP2Result`` has them.
        settings: of the attack that made them.
        generator: where the views' transformations are drawn from, once.
        views: the transformations T_i.

    Returns:
        float32 in [0, 1], T.

    """
    draws = Draws(tuple(views), images, 1, generator)
    terms = Terms(images, targets, mask, settings, draws, None, piece=len(images))
    sticker = noise if settings.scope == "per_image" else noise[:, None]
    sticker = sticker.detach().clone().requires_grad_()
    gradient = torch.zeros_like(sticker)
    with evaluating(model), torch.enable_grad():
        for part in terms.parts(len(targets), 1):
            attacked = place_in_views(
                images[part.view],
                sticker[part.target, terms.own(part.view)],
                mask,
                settings.placement,
                draws.views,
                [parameters[:, part.view] for parameters in draws.final],
                clip=settings.clip,
            )
            classes = targets[part.target, None].expand(-1, attacked.shape[2]).flatten()
            losses = attack_loss(
                model(attacked.flatten(0, 2)), classes, settings.loss, settings.goal
            )
            gradient += torch.autograd.grad(losses.sum(), sticker)[0]
    if settings.placement == "paste":
        gradient *= noise.view_as(gradient) * (1 - noise.view_as(gradient))
    return (gradient[..., mask > 0] == 0).float().mean((1, 2, 3))
