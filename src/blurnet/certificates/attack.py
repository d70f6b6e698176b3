"""An attack on the masked predictor itself, by one who knows it: the certificate's other side."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from blurnet.models.memory import images_at_once
from blurnet.models.modes import evaluating

from .families import Family
from .masked import GREY, MaskedNetwork

PLACES = 64
"""So many places are drawn, from which one is taken that a mask of a wrong pair covers."""


@dataclass(frozen=True)
class MaskedAttackSettings:
    """How hard the masked predictor is attacked.

    Args:
        steps: of the gradient's sign, at least 1.
        restarts: places that are tried for each image.
        masks: of all, how many are drawn at each step.

    """

    steps: int = 20
    restarts: int = 2
    masks: int = 4


def attack_masked(
    predictor: MaskedNetwork,
    images: Tensor,
    labels: Tensor,
    family: Family,
    *,
    wrong_under: Tensor,
    settings: MaskedAttackSettings,
    generator: torch.Generator,
) -> Tensor:
    """Look for stickers of a family that turn the masked predictor.

    At a place drawn from the family: ascent along the sign of the gradient of the cross-entropy
    under masks that are drawn anew at each step (expectation over transformation, Athalye et al.,
    arXiv 1707.07397), from black and white pixels on. Double masking can only fail where a mask
    that covers the sticker is of a wrong pair, so that is where the sticker goes.

    Args:
        predictor: what is attacked, in evaluation mode.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: int64, N.
        family: of stickers.
        wrong_under: of the certificate, int64, N × 2; -1 for any place.
        settings: how hard.
        generator: of all chance, a CPU generator.

    Returns:
        The attacked images: of each the sticker that turned it, or else the last that was tried.

    """
    found = images.clone()
    left = torch.arange(len(images))
    for _ in range(settings.restarts):
        if not len(left):
            break
        inside = _places(predictor, family, wrong_under[left], generator)[:, None].to(images.device)
        found[left] = _ascent(predictor, images[left], labels[left], inside, settings, generator)
        with torch.no_grad():
            answers = predictor(found[left]).argmax(1)
        left = left[(answers == labels[left]).cpu()]
    return found


def _places(
    predictor: MaskedNetwork, family: Family, wrong_under: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw a place for each image, bool, N × H × W, inside the masks that are named if one can."""
    height, width = predictor.masks.shape[1:]
    drawn = family.draw(PLACES, height, width, generator)
    masks = predictor.masks.cpu()
    covered = (drawn.flatten(1).float() @ (~masks).flatten(1).float().T) == 0  # places × masks
    chance = torch.rand(len(wrong_under), PLACES, generator=generator)
    for mask in wrong_under.unbind(1):
        chance += covered.T[mask.clamp(min=0)] & (mask >= 0)[:, None]
    return drawn[chance.argmax(1)]


def _ascent(
    predictor: MaskedNetwork,
    images: Tensor,
    labels: Tensor,
    inside: Tensor,
    settings: MaskedAttackSettings,
    generator: torch.Generator,
) -> Tensor:
    start = torch.randint(2, images.shape, generator=generator).to(images)
    attacked = torch.where(inside, start, images)
    with evaluating(predictor):
        piece = images_at_once(predictor.network, images, gradients=True)
        for step in range(settings.steps):
            drawn = torch.randint(len(predictor.masks), (settings.masks,), generator=generator)
            size = 0.5 * (1 - step / settings.steps)
            for part in torch.split(torch.arange(len(images)), max(1, piece // settings.masks)):
                areas = predictor.single[drawn.to(images.device)].repeat(len(part))
                gradient = _gradient(predictor, attacked[part], labels[part], areas)
                moved = (attacked[part] + size * gradient.sign()).clamp(0, 1)
                attacked[part] = torch.where(inside[part], moved, images[part])
    return attacked


def _gradient(predictor: MaskedNetwork, images: Tensor, labels: Tensor, areas: Tensor) -> Tensor:
    """Give the gradient of the cross-entropy, summed over the areas on each image."""
    each = len(areas) // len(images)
    hidden = predictor.inside(areas)
    copies = images.repeat_interleave(each, 0).masked_fill(hidden, GREY)
    with torch.enable_grad():
        variable = copies.requires_grad_()
        loss = F.cross_entropy(
            predictor.network(variable), labels.repeat_interleave(each), reduction="sum"
        )
        (gradient,) = torch.autograd.grad(loss, variable)
    return gradient.masked_fill(hidden, 0).view(len(images), each, *images.shape[1:]).sum(1)
