"""Which images no sticker of a family can turn wrong (PatchCleanser, arXiv 2108.09135)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.models.modes import evaluating

from .families import Family, family_of
from .masked import MaskedNetwork, decision, piece_of
from .pairs import pairs_of

ROUNDING = 1e-5
"""By so much of the largest logit the label must lead: sums depend on how many images go through
the network together, and a certificate must not."""

FIRST = 8
"""Pairs that each image is asked about in the first round, the likeliest to be wrong; four times as
many in each round after it."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """What double masking certifies of a network with masking in front, ``blurnet.masked``.

    Args:
        family: of stickers.
        masks: how many cover it.
        areas: how many different areas pairs of masks cover: passes of an image that is certified.
        answers: of the masked predictor on the images as they are, int64, N.
        certified: whether it answers the label, whatever sticker of the family is put on, bool, N.
        wrong_under: two masks, which may be one twice, under which the network answers wrongly, or
            leads by no more than rounding could take: where a sticker could succeed; int64, N × 2,
            -1 where there are none.

    """

    family: Family
    masks: int
    areas: int
    answers: Tensor
    certified: Tensor
    wrong_under: Tensor


@torch.no_grad()
def certify(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    family: str | Family,
    *,
    k: int | None = None,
    mask: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Certificate:
    """Say for which images no sticker of a family can turn the masked predictor's answer wrong.

    An image is certified if the network answers its label under every pair of the family's masks:
    every sticker lies inside one of them, and then no other answer can win; see the paper's
    theorem 1. The first wrong pair settles an image. Masks fill with grey 0.5, before the network's
    own normalisation.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was. It must answer an image by itself, without
            chance.
        images: without a sticker, float32 in [0, 1], N × C × H × W; left as they are.
        labels: their classes, int64, N.
        family: of stickers, such as "any:5", "rect:4x7", "two:3", or a ``certificates.Family``.
        k: masks along each axis; see ``blurnet.masked``.
        mask: where the sticker is, H × W, for "mask:2".
        on_step: called with the images that are settled, and all.

    Raises:
        BlurnetError: if images, labels and network do not fit, or the family does not fit the
            images.

    Examples:
        >>> found = blurnet.certify(model, images, labels, "any:5", k=2)
        >>> found.certified.shape == labels.shape, found.masks
        (True, 4)

    """
    check_images(images)
    check_labels(labels, len(images))
    network = checked_network(model, images[:1], labels, "labels")
    family = family_of(family, mask)
    pairs = pairs_of(family, images.shape[2], images.shape[3], k)
    with evaluating(network):
        asked = MaskedNetwork(network, pairs, piece_of(network, images)).to(images.device)
        settle = _Settled(on_step, len(images))
        leads, answers = _under_one(asked, images, labels)
        wrong = torch.where((leads > 0).all(1), -1, asked.single[leads.argmin(1)])
        settle(int((wrong >= 0).sum()))
        _find_wrong_pairs(asked, images, labels, leads, wrong, settle)
        unsure, final = wrong >= 0, labels.clone()
        if unsure.any():
            pair = asked.second(images[unsure], answers[unsure])
            final[unsure] = decision(answers[unsure], pair)
        wrong_under = torch.where(unsure[:, None], asked.areas[wrong], -1)
    return Certificate(
        family, len(pairs.masks), len(pairs.areas), final, ~unsure, wrong_under.cpu()
    )


class _Settled:
    """Count the images that are settled."""

    def __init__(self, on_step: Callable[[int, int], None] | None, total: int) -> None:
        self.on_step, self.total, self.done = on_step, total, 0

    def __call__(self, images: int) -> None:
        self.done += images
        if self.on_step is not None:
            self.on_step(self.done, self.total)


def _under_one(asked: MaskedNetwork, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Give by how much the label leads under each single mask, N × K, and the answers, N × K."""
    masks = len(asked.masks)
    leads, answers = [], []
    for part in torch.split(torch.arange(len(images)), max(1, asked.piece // masks)):
        which = part.repeat_interleave(masks)
        logits = asked.logits(images, which, asked.single.repeat(len(part)))
        leads.append(_lead(logits, labels[which]).view(len(part), masks))
        answers.append(logits.argmax(1).view(len(part), masks))
    return torch.cat(leads), torch.cat(answers)


def _find_wrong_pairs(
    asked: MaskedNetwork,
    images: Tensor,
    labels: Tensor,
    leads: Tensor,
    wrong: Tensor,
    settle: _Settled,
) -> None:
    """Ask about pairs, and put into ``wrong``, N, the first area that is found wrong.

    Pairs of masks under which the label leads least come first.
    """
    single = torch.zeros(len(asked.areas), dtype=torch.bool, device=images.device)
    single[asked.single] = True
    double = (~single).nonzero().flatten()
    first, second = asked.areas[double].unbind(1)
    start, size = 0, FIRST
    alive = (wrong < 0).nonzero().flatten()
    order = (leads[alive][:, first] + leads[alive][:, second]).argsort(1)
    while len(alive) and start < len(double):
        tried = double[order[:, start : start + size]]
        least = torch.empty(tried.shape, device=images.device)
        for part in torch.split(torch.arange(len(alive)), max(1, asked.piece // tried.shape[1])):
            which = alive[part].repeat_interleave(tried.shape[1])
            logits = asked.logits(images, which, tried[part].flatten())
            least[part] = _lead(logits, labels[which]).view(len(part), -1)
        found = (least <= 0).any(1)
        wrong[alive[found]] = tried.gather(1, least.argmin(1, keepdim=True))[found, 0]
        settle(int(found.sum()))
        alive, order = alive[~found], order[~found]
        start, size = start + size, 4 * size
    settle(len(alive))


def _lead(logits: Tensor, labels: Tensor) -> Tensor:
    """Give by how much each label leads, beyond what rounding could change."""
    own = logits.gather(1, labels[:, None])[:, 0]
    other = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return own - other - ROUNDING * logits.abs().amax(1)
