"""The rectangular occlusion attack (Wu, Tong and Vorobeychik, ICLR 2020, arXiv 1909.09552)."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.attacks.pgd import loss_gradient
from blurnet.errors import BlurnetError
from blurnet.models.memory import Pieces, images_at_once
from blurnet.models.modes import evaluating

Search = Literal["gradient", "exhaustive"]


@dataclass(frozen=True)
class RectangleSettings:
    """How the attack places its rectangle, and paints it.

    Size, steps and step size are those that the authors train their sign classifiers with.

    Args:
        height: the rectangle's, in pixels.
        width: likewise.
        stride: pixels between the places that are looked at, at least 1.
        search: "exhaustive" looks at every place with the network; "gradient" only at the
            ``candidates`` where the squared gradient of the loss is largest.
        candidates: how many, at least 1.
        steps: of PGD inside the rectangle; 0 leaves it grey.
        step_size: the change of a value in one step, in image units (0 to 1).

    """

    height: int = 7
    width: int = 7
    stride: int = 2
    search: Search = "gradient"
    candidates: int = 10
    steps: int = 30
    step_size: float = 0.01

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.stride, self.candidates) < 1 or self.steps < 0:
            raise BlurnetError(
                "rectangle settings: height, width, stride and candidates are at least 1, steps "
                f"at least 0; found {self.height}, {self.width}, {self.stride}, "
                f"{self.candidates} and {self.steps}"
            )
        if not self.step_size > 0 or self.search not in get_args(Search):
            raise BlurnetError(
                f"rectangle settings: step_size is above 0 and search one of "
                f"{', '.join(get_args(Search))}; found {self.step_size} and {self.search!r}"
            )


@dataclass(frozen=True, eq=False)
class RectangleResult:
    """What the attack found.

    Args:
        adversarial: the attacked images, in [0, 1], N × C × H × W.
        places: the top and left pixel of each rectangle, int64, N × 2.

    """

    adversarial: Tensor
    places: Tensor


def rectangle_attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    settings: RectangleSettings | None = None,
    generator: torch.Generator,
) -> RectangleResult:
    """Paste one rectangle where it hurts most, then paint it by PGD, bounded by [0, 1] alone.

    The place is where a grey (0.5) rectangle gives the largest loss. PGD starts from noise.

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes, int64, N.
        settings: how to search.
        generator: where PGD's start is drawn from, a CPU generator.

    Raises:
        BlurnetError: if the rectangle is larger than the images, images and labels do not fit, or
            the network is none that takes them.

    """
    settings = settings or RectangleSettings()
    check_images(images)
    check_labels(labels, len(images))
    height, width = images.shape[2:]
    if settings.height > height or settings.width > width:
        raise BlurnetError(
            f"a rectangle of {settings.height} × {settings.width} pixels does not fit into images "
            f"of {height} × {width}"
        )
    tops = torch.arange(0, height - settings.height + 1, settings.stride)
    lefts = torch.arange(0, width - settings.width + 1, settings.stride)
    every_place = torch.cartesian_prod(tops, lefts)
    network = checked_network(model, images[:1], labels, "labels")
    with evaluating(network):
        piece = Pieces(images_at_once(network, images, gradients=True))
        chosen = torch.arange(len(every_place)).expand(len(images), -1)
        if settings.search == "gradient" and settings.candidates < len(every_place):
            gradient = loss_gradient(network, images, labels, piece)
            size = (settings.height, settings.width)
            power = F.avg_pool2d(gradient.square().sum(1, keepdim=True), size, settings.stride)
            chosen = power.flatten(1).topk(settings.candidates).indices.cpu()
        places = _worst_place(network, images, labels, every_place[chosen], settings, piece)
        inside = _inside(places, settings, images)
        attacked = torch.where(inside, 0.5, images)
        if settings.steps:
            noise = torch.rand(images.shape, generator=generator).to(images)
            attacked = torch.where(inside, noise, images)
        for _ in range(settings.steps):
            gradient = loss_gradient(network, attacked, labels, piece)
            step = settings.step_size * gradient.sign()
            attacked = torch.where(inside, (attacked + step).clamp(0, 1), images)
    return RectangleResult(attacked, places)


def _worst_place(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    places: Tensor,
    settings: RectangleSettings,
    piece: Pieces,
) -> Tensor:
    """Give, of each image's places N × P × 2, the one of the largest loss under grey, N × 2."""
    losses = []
    with torch.no_grad():
        for place in places.unbind(1):
            occluded = torch.where(_inside(place, settings, images), 0.5, images)

            def answered(part: slice, occluded: Tensor = occluded) -> Tensor:
                logits: Tensor = model(occluded[part])
                return logits

            logits = torch.cat([some for _, some in piece.run(len(images), answered)])
            losses.append(F.cross_entropy(logits, labels, reduction="none"))
    worst = torch.stack(losses, 1).argmax(1).cpu()
    return places[torch.arange(len(places)), worst]


def _inside(places: Tensor, settings: RectangleSettings, images: Tensor) -> Tensor:
    """Give each image's rectangle, bool, N × 1 × H × W."""
    down = torch.arange(images.shape[2]) - places[:, :1]
    right = torch.arange(images.shape[3]) - places[:, 1:]
    rows = (down >= 0) & (down < settings.height)
    columns = (right >= 0) & (right < settings.width)
    return (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
