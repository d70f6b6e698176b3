"""What each kind of step finds: the values of its record, typed; tensors are named beside them."""

from typing import Literal

from blurnet.defenses import Blur
from blurnet.evaluation import Answers, Rate
from blurnet.evaluation.attack import CONTROL_SEED, CONTROL_STICKERS
from blurnet.evaluation.effects import KernelEffects, MapEffects
from blurnet.evaluation.evidence import Answered
from blurnet.settings import Settings


class ControlConfig(Settings):
    """The control: how many stickers of random colours, and what they are drawn from."""

    stickers: int = CONTROL_STICKERS
    seed: int = CONTROL_SEED


class NetworkValues(Settings):
    """A network: what "network", "train" and "filter" steps give. Tensors: its weights, by name.

    Args:
        model: a key of ``MODELS``, ``module:callable`` or ``file.py:callable``.
        size: of its images, in pixels.
        channels: of its images.
        classes: what its logits are called.
        filters: what was put into it.
        train_images: how many it was trained on; None if it was not trained here.
        test_accuracy: of its data's test images; None likewise.
        epoch_losses: the mean loss of each epoch; empty likewise.

    """

    model: str
    size: int
    channels: int
    classes: tuple[str, ...]
    filters: tuple[Blur, ...] = ()
    train_images: int | None = None
    test_accuracy: Rate | None = None
    epoch_losses: tuple[float, ...] = ()


class StickerValues(Settings):
    """A sticker on a scene.

    Tensors: ``noise`` (δ, C × H × W), ``mask`` (H × W), ``clean`` (uint8, V × C × H × W) and
    ``adversarial`` (float32 in [0, 1], V × C × H × W).

    Args:
        true_class: what the scene shows.
        target: what the sticker is to be taken for.
        views: the photographs' names.
        l2_dissimilarity: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂.
        loss: RP2's objective before each step; empty if the sticker was published.

    """

    true_class: str
    target: str
    views: tuple[str, ...]
    l2_dissimilarity: float
    loss: tuple[float, ...] = ()


def answered(answers: Answers) -> Answered:
    """Give answers as a record keeps them."""
    return Answered(
        classes=tuple(answers.classes.tolist()), confidence=tuple(answers.confidence.tolist())
    )


class Counted(Settings):
    """How many of how many test images are classified rightly, and which.

    Args:
        count: how many.
        total: of how many.
        right: for each image "1" if it is, else "0", in the order of the source; "" where only the
            count was kept.
        labels: their classes; empty likewise.
        tracks: which passing of a sign each image is of; None where the data know none.

    """

    count: int
    total: int
    right: str = ""
    labels: tuple[int, ...] = ()
    tracks: tuple[int, ...] | None = None


class TransferValues(Settings):
    """A network's answers on a scene, clean, attacked and under each control sticker."""

    classes: tuple[str, ...]
    true: int
    target: int
    clean: Answered
    attacked: Answered
    control: tuple[tuple[int, ...], ...]
    l2_dissimilarity: float
    test: Counted | None


class EvaluateValues(Settings):
    """A network's answers on clean images. Tensors: ``kernels`` (K × k × k), if it learned some."""

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    answers: tuple[int, ...]
    maps: MapEffects
    kernels: KernelEffects | None
    tracks: tuple[int, ...] | None = None


class WhiteboxValues(Settings):
    """A network's answers under an attacker who knows it.

    Tensors: ``clean`` (uint8, V × C × H × W), ``mask`` (H × W), ``worst`` (uint8, the views under
    the worst target's sticker), ``loss`` (T × steps) and, where one serves all views, ``noise``
    (T × C × H × W).

    Args:
        classes: what the logits are called.
        true: what the scene shows.
        goal: "targeted" or "untargeted".
        targets: what was aimed at; the true class if untargeted.
        views: the photographs' names.
        clean: answers on the clean views.
        attacked: targets × views.
        control: stickers × views.
        l2_dissimilarity: for each target.
        loss_first: the objective before the first step, the mean over targets.
        loss_last: before the last.
        worst_target: the target with the highest success.
        worst_confidence: of the answers at the worst target.

    """

    classes: tuple[str, ...]
    true: int
    goal: Literal["targeted", "untargeted"]
    targets: tuple[int, ...]
    views: tuple[str, ...]
    clean: Answered
    attacked: tuple[tuple[int, ...], ...]
    control: tuple[tuple[int, ...], ...]
    l2_dissimilarity: tuple[float, ...]
    loss_first: float | None
    loss_last: float | None
    worst_target: int
    worst_confidence: tuple[float, ...]


class ControlValues(Settings):
    """A network's answers on a scene whose place is covered, and nobody searched for the colours.

    Args:
        classes: what the logits are called.
        true: what the scene shows.
        clean: without a sticker, V.
        random: under opaque stickers of random colours, stickers × V.
        plain: "white" and "black" → answers, V.
        fills: "grey", "mean" and "inpainted" → answers, V.

    """

    classes: tuple[str, ...]
    true: int
    clean: tuple[int, ...]
    random: tuple[tuple[int, ...], ...]
    plain: dict[str, tuple[int, ...]]
    fills: dict[str, tuple[int, ...]]


class PlaceValues(Settings):
    """Where a sticker goes. Tensors: ``mask`` (H × W).

    Args:
        kind: "quiet" or "sensitive".
        pixels: how many there are.
        box: left, top, right and bottom; the last row may not be full.
        confidence_lost: of the true class by greying the place, the mean over images and networks.
        changed: the share of answers that greying changes.
        legible: whether that is at most 5 %.
        images: how many training signs were greyed.

    """

    kind: str
    pixels: int
    box: tuple[int, int, int, int]
    confidence_lost: float
    changed: float
    legible: bool
    images: int


class MeasuredLayer(Settings):
    """One layer whose spectra were measured: how many maps, their size, those shown, its rings."""

    maps: int
    height: int
    width: int
    shown: tuple[int, ...]
    frequencies: tuple[float, ...]


class SpectraValues(Settings):
    """Spectra of a network's maps. Tensors: see ``experiments/steps/spectra.py``.

    Args:
        layers: what was measured, "input" first.
        channels: those of the input, such as "input R", measured each by itself.
        views: how many images there were.
        kernels: of learned kernels; None without.

    """

    layers: dict[str, MeasuredLayer]
    channels: tuple[str, ...] = ()
    views: int
    kernels: KernelEffects | None
