"""PGD in an L∞ ball (Madry et al., arXiv 1706.06083)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.attacks.check import check_images, check_labels, checked_network
from blurnet.errors import BlurnetError
from blurnet.models.memory import Pieces, images_at_once
from blurnet.models.modes import evaluating


@dataclass(frozen=True)
class PGDSettings:
    """How PGD searches.

    Args:
        epsilon: ε, the largest change of a value, in image units (0 to 1), at least 0.
        steps: at least 1.
        step_size: the change of a value in one step; None for 2.5 ε / steps, which can cross the
            ball.
        random_start: whether to start anywhere in the ball rather than at the image.

    Examples:
        >>> settings = blurnet.PGDSettings(epsilon=4 / 255, steps=3)

    """

    epsilon: float = 8 / 255
    steps: int = 10
    step_size: float | None = None
    random_start: bool = True

    def __post_init__(self) -> None:
        size = self.step_size
        if not self.epsilon >= 0 or self.steps < 1 or (size is not None and not size > 0):
            raise BlurnetError(
                "PGD settings: epsilon is at least 0, steps at least 1 and step_size above 0; "
                f"found {self.epsilon}, {self.steps} and {size}"
            )


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    settings: PGDSettings | None = None,
    generator: torch.Generator,
) -> Tensor:
    """Find images near the given ones that are not classified as ``labels``.

    x ← Π_{ball ∩ [0, 1]} (x + step_size · sign ∇_x J(f(x), y)).

    Args:
        model: any network that ``blurnet.Classifier`` takes: images in [0, 1] in, logits out. Run
            in evaluation mode and left as it was: mode and gradients.
        images: float32 in [0, 1], N × C × H × W; left as they are.
        labels: the true classes, int64, N.
        settings: how to search.
        generator: where the start is drawn from, a CPU generator.

    Returns:
        The attacked images, in [0, 1], at most ε from the given ones in every value.

    Raises:
        BlurnetError: if images and labels do not fit, or the network is none that takes them.

    Examples:
        >>> generator = torch.Generator().manual_seed(0)
        >>> attacked = blurnet.pgd(model, images, labels, generator=generator)
        >>> bool((attacked - images).abs().max() <= 8 / 255 + 1e-6)
        True

    """
    settings = settings or PGDSettings()
    check_images(images)
    check_labels(labels, len(images))
    network = checked_network(model, images[:1], labels, "labels")
    size = settings.step_size or 2.5 * settings.epsilon / settings.steps
    lowest = (images - settings.epsilon).clamp(0, 1)
    highest = (images + settings.epsilon).clamp(0, 1)
    attacked = images
    if settings.random_start:
        noise = torch.rand(images.shape, generator=generator).to(images)
        attacked = images + settings.epsilon * (2 * noise - 1)
        attacked = attacked.clamp(lowest, highest)
    with evaluating(network):
        piece = Pieces(images_at_once(network, images, gradients=True))
        for _ in range(settings.steps):
            gradient = loss_gradient(network, attacked, labels, piece)
            attacked = (attacked + size * gradient.sign()).clamp(lowest, highest)
    return attacked


def loss_gradient(model: nn.Module, images: Tensor, labels: Tensor, piece: int | Pieces) -> Tensor:
    """Give ∇_x of the summed cross-entropy, N × C × H × W; the model's own gradients stay.

    Args:
        model: gives logits.
        images: N × C × H × W; left as they are.
        labels: int64, N.
        piece: how many images go through the network at once; halved where memory runs out.

    """

    def gradient_of(part: slice) -> Tensor:
        with torch.enable_grad():
            variable = images[part].detach().requires_grad_()
            loss = F.cross_entropy(model(variable), labels[part], reduction="sum")
            return torch.autograd.grad(loss, variable)[0]

    pieces = Pieces(piece) if isinstance(piece, int) else piece
    gradients = [gradient for _, gradient in pieces.run(len(images), gradient_of)]
    return gradients[0] if len(gradients) == 1 else torch.cat(gradients)
