"""The pictures that an evaluation keeps of what an attack of its suite did."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from blurnet.attacks.check import ABOVE
from blurnet.attacks.sticker import sticker_mask

from .attacked import Attacked

if TYPE_CHECKING:
    from .suite_attacks import Given, Group


def pictures_of(
    given: "Given", runs: "list[tuple[Group, Attacked]]", worst: int | None, place: int
) -> dict[str, Tensor]:
    """Give the images shown, under the worst target's sticker; see ``Evidence``."""
    images, answers = given.images[given.shown], given.clean[given.shown]
    aims, sticker_of = torch.full_like(answers, -1), torch.full_like(answers, -1)
    stickers: list[Tensor] = []
    for group, found in runs:
        row = found.aims.index(worst) if worst in found.aims else found.worst_place
        here, there = (given.shown[:, None] == group.images).nonzero().unbind(1)
        images[here] = found.attacked(row)[there]
        answers[here] = found.answers[row, there]
        aims[here] = -1 if found.aims[row] is None else found.targets[row]
        if found.settings.scope == "per_image":
            sticker_of[here] = len(stickers) + torch.arange(len(here))
            stickers += found.noise[row, there].unbind()
        else:
            sticker_of[here] = len(stickers)
            stickers.append(found.noise[row])
    return {
        f"attacked/{place}": bytes_of(images),
        f"answers/{place}": answers,
        f"target/{place}": aims,
        f"sticker/{place}": torch.stack(stickers),
        f"sticker_of/{place}": sticker_of,
    }


def bytes_of(images: Tensor) -> Tensor:
    """Give images as uint8."""
    return (images.clamp(0, 1) * 255).round().byte()


def sticker_pictures(
    images: Tensor, attacked: Tensor, mask: Tensor, answers: Tensor, place: int
) -> dict[str, Tensor]:
    """Give the pictures of an attack that makes a sticker for each image.

    Args:
        images: those shown, S × C × H × W.
        attacked: likewise, under their stickers.
        mask: H × W or S × H × W.
        answers: of the attacked images, int64, S.
        place: of the attack in the suite.

    """
    pictures = {f"attacked/{place}": bytes_of(attacked), f"answers/{place}": answers}
    weights = sticker_mask(mask, images)
    covered = (weights > 0).expand_as(images)
    if torch.equal(attacked[~covered], images[~covered]):  # else it was moved
        colours = (attacked - images * (1 - weights)) / weights.clamp(min=ABOVE)
        pictures |= {
            f"target/{place}": torch.full_like(answers, -1),
            f"sticker/{place}": torch.where(covered, colours, 0).clamp(0, 1),
            f"sticker_of/{place}": torch.arange(len(images)),
        }
    return pictures
