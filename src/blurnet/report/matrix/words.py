"""What the matrix says, and how its rows are called."""

from blurnet.experiments.matrix import Matrix
from blurnet.experiments.results import MatrixRow, MatrixScene, Results
from blurnet.report.words import Measure, counted, percent, short

MatrixResults = Results[Matrix, MatrixRow]

SUCCESS = Measure(
    "attack",
    "images not classified as their class under that attack's sticker, whichever of its targets "
    "does it; the mean over networks",
)
WORST = Measure(
    "worst case",
    "images that some attack of the suite turns wrong, or that are wrong without a sticker: an "
    "image counts once however many attacks fool it; the mean over networks",
)
CONTROL = Measure(
    "control", "images not classified as their class under opaque stickers of random colours"
)
CEILING = Measure(
    "1 − ceiling",
    "images not classified as their class with the sticker's pixels filled in: what covering takes "
    "from a network that knows the place",
)
CERTIFIED = Measure(
    "certified behind masking",
    "images that no sticker of the family turns wrong, proven by double masking, of the same "
    "networks with masking in front; and what those still classify rightly under attack: their "
    "robust accuracy lies between the two",
)
STRUCK = Measure(
    "struck",
    "the audit found that this attack's figure cannot be trusted, on so many of the row's "
    "networks: a stronger attack exists",
)
TEST_ACCURACY = Measure("test accuracy", "held-out signs classified as their class")


def name_of(row: MatrixRow) -> str:
    """Call a row by its label, and its α and epochs where it has them."""
    alpha = "" if row.alpha is None else f", α {short(row.alpha)}"
    epochs = "" if row.epochs is None else f", {counted(row.epochs, 'epoch')}"
    there = len(row.networks)
    seeds = f" ({there} of {there + row.seeds_lacking} seeds)" if row.seeds_lacking else ""
    return f"{row.label}{alpha}{epochs}{seeds}"


def scene_words(scene: MatrixScene) -> str:
    """Say what is attacked."""
    return (
        f"{scene.images} images of {scene.true_class}, a mask of {scene.mask_pixels} pixels "
        f"({percent(scene.mask_share)})"
    )
