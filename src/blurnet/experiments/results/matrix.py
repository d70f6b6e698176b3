"""Rows of a matrix: a defense against every attack of a suite."""

from blurnet.defenses import Defense
from blurnet.evaluation import Rate
from blurnet.settings import Settings

from .defense import RowNetwork


class MatrixAttack(Settings):
    """One attack of a suite, the mean over a row's networks.

    Args:
        name: the attack's.
        gradient: whether it uses the network's gradient.
        success: images that some target's sticker turns wrong.
        struck: on so many of the networks the audit strikes the figure through.

    """

    name: str
    gradient: bool
    success: Rate
    struck: int


class MaskedMean(Settings):
    """The same networks behind masking, the mean over them; see ``evaluation.evidence.Certified``.

    Args:
        family: of stickers.
        covers_mask: whether it has every sticker of the attacked mask.
        accuracy: without a sticker.
        certified: images that no sticker of the family turns wrong.
        attacked: accuracy under the stickers of the family that were tried; None if none was.

    """

    family: str
    covers_mask: bool
    accuracy: Rate
    certified: Rate
    attacked: float | None


class MatrixNetwork(Settings):
    """One network of a row on one scene: its worst case, the conditions that failed, its record."""

    worst: Rate
    failed: tuple[str, ...]
    step: str


class MatrixScene(Settings):
    """What a suite found on one scene, the mean over a row's networks.

    Args:
        true_class: what the scene shows.
        images: how many.
        mask_pixels: of the mask, above 0.5.
        mask_share: their share of the image.
        accuracy: images classified right without a sticker.
        control: images not classified right under random colours.
        ceiling: images classified right with the sticker's pixels filled in.
        attacks: one by one.
        worst: images that some attack turns wrong, or that were wrong before.
        masked: the networks behind masking, one for each family of stickers.
        networks: one by one.

    """

    true_class: str
    images: int
    mask_pixels: int
    mask_share: float
    accuracy: Rate
    control: Rate
    ceiling: Rate
    attacks: tuple[MatrixAttack, ...]
    worst: Rate
    masked: tuple[MaskedMean, ...]
    networks: tuple[MatrixNetwork, ...]


class MatrixRow(Settings):
    """A way to train a network, with several seeds, against the attacks of a suite.

    Args:
        label: the row's.
        model: the network's name.
        defense: what hardens it; empty for an undefended network.
        warm_start: whether its training started from the undefended network's weights.
        alpha: the weight of its penalty, if it has exactly one.
        epochs: how long its networks were trained, where the experiment asks for several durations.
        test_accuracy: the mean over networks.
        networks: one by one.
        scenes: what the suite found, that of the true class first.
        seeds_lacking: how many more networks there are to be, in an unfinished run.

    """

    label: str
    model: str
    defense: Defense
    warm_start: bool
    alpha: float | None
    epochs: int | None
    test_accuracy: Rate
    networks: tuple[RowNetwork, ...]
    scenes: tuple[MatrixScene, ...]
    seeds_lacking: int = 0
