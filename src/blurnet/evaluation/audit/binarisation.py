"""The binarisation test (Zimmermann et al., arXiv 2206.13991), in a form for stickers.

Between the network's own features and its answer a new readout is put that tells one sticker from
many: an adversarial sticker is known to exist, and an attack that is any good finds one.
"""

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models import Classifier

from ..inputs import Understood, of_image
from .again import again
from .audited import Audited, Finding, judged, named, percent, void
from .looks import Sampled, logits_of
from .readout import Numbered, features_of, separated

ENOUGH, BY_CHANCE = 0.95, 0.05
INNER, INNER_OF_FEATURES, INSIDE = 999, 0.9, 0.475
"""How many inner stickers, at most, and as a share of the features; how far their colours are from
grey, at most: the boundary is 0.5 away, a corner of the colours' cube."""

GUESSES = 200


def binarisation(audited: Audited) -> Finding:
    """Attack readouts that separate inner stickers from one at the corner, one for each image."""
    few, found = audited.too_few(len(audited.sample)), audited.strongest
    if few is not None or found is None:
        return few or void("The suite has no gradient attack with a sticker for each image.")
    asked = Sampled.of(audited)
    features = features_of(asked.network, asked.images[:1])
    if features is None:
        return void("The network ends with no linear layer, so that its features are not known.")
    generator = torch.Generator().manual_seed(audited.seed)
    weights, limits, kept = [], [], []
    for row in range(len(asked.images)):
        fitted = separated(*_points(asked, features, row, generator))
        if fitted is not None:
            kept.append(row)
            weights.append(fitted[0])
            limits.append(fitted[1])
    few = audited.too_few(len(kept))
    if few is not None:
        return few
    network = Numbered(features, torch.stack(weights), torch.stack(limits))
    images = network.numbered(asked.images[kept])
    rows = audited.sample[kept]
    mask = network.padded(of_image(audited.mask, rows))
    chance = _guessed(asked, network, kept, generator)
    if chance > BY_CHANCE:
        return void(
            f"The test is too easy here: {GUESSES} random stickers find a way on {percent(chance)} "
            f"of {len(kept)} images; at most {percent(BY_CHANCE)} make it a test."
        )
    try:
        success = float(
            again(
                audited,
                found.figures.attack,
                network=Understood(Classifier(network), 2, None),
                images=images,
                labels=torch.zeros(len(images), dtype=torch.int64),
                mask=mask,
            )
            .fooled.float()
            .mean()
        )
    except BlurnetError as error:
        return void(f"The attack does not take the new readout: {error}")
    return judged(
        success >= ENOUGH,
        success,
        ENOUGH,
        f"Where a sticker that fools is known to exist, {named([found])} finds one on "
        f"{percent(success)} of {len(kept)} images, and random stickers on {percent(chance)}; at "
        f"least {percent(ENOUGH)} are needed.",
        "The attack does not find what is there: another loss, more steps and restarts, or a way "
        "around what hides the gradient.",
        [found],
        named(audited.search) or "random search",
    )


def _points(
    asked: Sampled, features: nn.Module, row: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Give the features of an image's inner stickers, n × d, and of one at the corner, d."""
    image, mask = asked.images[row], asked.mask[row % len(asked.mask)]
    count = min(INNER, int(INNER_OF_FEATURES * logits_of(features, image[None]).shape[1]))
    inner = 0.5 + INSIDE * (2 * torch.rand(count, *image.shape, generator=generator) - 1)
    corner = torch.rand(1, *image.shape, generator=generator).round()
    colours = torch.cat([inner, corner]).to(image)
    found = logits_of(features, image * (1 - mask) + colours * mask)
    return found[:-1], found[-1]


def _guessed(
    asked: Sampled, network: "Numbered", kept: list[int], generator: torch.Generator
) -> float:
    """Give the share of the images on which one of ``GUESSES`` random stickers is enough."""
    images = asked.images[kept]
    mask = asked.mask if len(asked.mask) == 1 else asked.mask[kept]
    found = torch.zeros(len(images), dtype=torch.bool)
    for _ in range(GUESSES):
        colours = torch.rand(images.shape, generator=generator).to(images)
        tried = network.numbered(images * (1 - mask) + colours * mask)
        found |= logits_of(network, tried).argmax(1).bool().cpu()
    return float(found.float().mean())
