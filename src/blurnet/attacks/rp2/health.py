"""Whether a sticker's gradient is alive: a low success rate with a dead one says little."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, checked_network, mask_of, sticker_pixels
from blurnet.attacks.fast.attacked_network import AttackedNetwork
from blurnet.attacks.rp2.check import targets_of
from blurnet.attacks.rp2.draws import Draws
from blurnet.attacks.rp2.objective import attack_loss
from blurnet.attacks.rp2.settings import RP2Settings
from blurnet.attacks.rp2.terms import Part, Terms
from blurnet.attacks.transforms import Transform
from blurnet.errors import BlurnetError
from blurnet.models.memory import budget_on, piece_within


def dead_gradient_share(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    noise: Tensor,
    *,
    settings: RP2Settings,
    generator: torch.Generator,
    transforms: Sequence[Transform] = (),
) -> Tensor:
    """Give the share of a sticker's values that no view's logits would move: their gradient is 0.

    A value that was added and is clipped in every view is dead, whatever the loss says; so is a
    pasted colour that is black or white to the last bit, and all where the network hides its
    gradient. A margin counts below 0 too: that views are reached, and the loss asks for no more,
    is success and no dead gradient.

    Args:
        model: any network that ``blurnet.Classifier`` takes; copied, and left as it was.
        images: the photographs, float32 in [0, 1], V × C × H × W.
        targets: as for ``rp2``.
        mask: H × W, or V × H × W with one for each view; values of
            its pixels above 0.5 are counted.
        noise: the stickers, as ``RP2Result`` has them.
        settings: of the attack that made them.
        generator: where the transforms are drawn from, once.
        transforms: the T_i.

    Returns:
        float32 in [0, 1], T.

    Raises:
        BlurnetError: as ``rp2``, and if the stickers are not those of such an attack.

    """
    check_images(images)
    covered, each_target = mask_of(mask, images), targets_of(targets, len(images), settings)
    per_image = settings.scope == "per_image"
    stickers = (len(images),) if per_image else ()
    if noise.shape != (len(targets), *stickers, *images.shape[1:]):
        raise BlurnetError(
            f"the stickers are {tuple(noise.shape)}; of this attack they are "
            f"{(len(targets), *stickers, *images.shape[1:])}"
        )
    draws = Draws(tuple(transforms), images, 1, generator)
    terms = Terms(images, each_target, covered, settings, draws, None)
    sticker = noise.detach() if per_image else noise.detach()[:, None]
    example = terms.under(sticker[:1, :1], slice(1), draws.final)[:, 0, 0]
    judge = checked_network(model, example, targets, "targets")
    network = AttackedNetwork(judge, example, plain=True)

    def gradient_of(part: Part) -> Tensor:
        some = sticker[part.target, terms.own(part.view)].clone().requires_grad_()
        with torch.enable_grad():
            attacked = terms.under(some, part.view, draws.final)
            classes = each_target[part.target, part.view].flatten()
            logits = network(attacked.flatten(0, 2), part.view)
            losses = attack_loss(logits, classes, settings.loss, settings.goal, clamped=False)
            return torch.autograd.grad(losses.sum(), some)[0]

    terms.piece = piece_within(
        lambda count: gradient_of(Part(slice(1), slice(1), slice(count))),
        budget=budget_on(network.device),
    )
    gradient = torch.zeros_like(sticker)
    for part, its_gradient in terms.in_parts(len(targets), 1, gradient_of):
        gradient[part.target, terms.own(part.view)] += its_gradient
    if settings.placement == "paste":
        gradient *= sticker * (1 - sticker)
    inside = sticker_pixels(covered if per_image else terms.whole_mask)
    counted = inside.expand_as(gradient)
    dead = ((gradient == 0) & counted).flatten(1).sum(1)
    return dead / counted.flatten(1).sum(1)
