"""``results.json``: the only schema that tables, figures and pages read."""

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from blurnet.defenses import Blur, Defense
from blurnet.engine import Provenance
from blurnet.evaluation import Rate
from blurnet.evaluation.effects import KernelEffects, MapEffects
from blurnet.settings import Settings

from .brackets import Bracketed, Covered, Fooled

if TYPE_CHECKING:
    import pandas as pd

Transfer = Literal["same_weights", "surrogate"]
"""What the attacker of a transferred sticker had: these very weights without the filter, or a
network of the same architecture trained with another seed."""


class Published(Settings):
    """What was published about a row, as shares in [0, 1]; None where nothing was."""

    accuracy: float | None = None
    attack_success_rate: float | None = None
    mean: float | None = None
    worst: float | None = None
    l2_dissimilarity: float | None = None


class TransferRates(Settings):
    """What a network answers under a sticker that was carried over to it.

    Args:
        accuracy: clean images classified as their true class.
        attack_success_rate: attacked images not classified as their true class, over all images.
        prediction_altered_rate: attacked images whose prediction differs from the clean one's.
        target_reached_rate: attacked images classified as the sticker's target.
        control_success_rate: images not classified as their true class under random colours, the
            mean over ten stickers.
        test_accuracy: of test images, if the network was asked about any.
        l2_dissimilarity: (1/N) Σ ‖x − x_adv‖₂ / ‖x_adv‖₂.

    """

    accuracy: Rate
    attack_success_rate: Rate
    prediction_altered_rate: Rate
    target_reached_rate: Rate
    control_success_rate: Rate
    test_accuracy: Rate | None
    l2_dissimilarity: float


class BlackboxRow(Settings):
    """A filtered network under a sticker made without the filter.

    ``step`` is the key of the transfer's record; ``bracket`` and ``fooled`` are None in results of
    before.
    """

    label: str
    filters: tuple[Blur, ...]
    transfer: Transfer
    rates: TransferRates
    published: Published | None
    step: str
    bracket: Bracketed | None = None
    fooled: Fooled | None = None

    @property
    def covered(self) -> Covered | None:
        """The control and the ceiling."""
        return None if self.bracket is None else self.bracket.covered


class RowNetwork(Settings):
    """One network of a row: its training seed, its accuracy, and the keys of its records."""

    seed: int
    test_accuracy: float
    train: str | None
    evaluate: str


class TargetRates(Settings):
    """An attack at one target, the mean over a row's networks."""

    attack_success_rate: float
    target_reached_rate: float


class SceneNetwork(Settings):
    """One network of a row under an attack: mean and worst target, and the record's key."""

    mean: float
    worst: float
    step: str


class AttackedScene(Settings):
    """One attack on one scene, over a row's networks.

    Args:
        true_class: what the scene shows.
        images: how many views it has.
        targets_tried: 0 if the attack was untargeted.
        accuracy: clean views classified right.
        mean: attacked views not classified as their true class, the mean over targets and networks.
        altered: attacked views whose prediction differs from the clean one's, likewise.
        reached: attacked views classified as the target, likewise; None if untargeted.
        worst: success at each network's worst target, the mean over networks.
        worst_targets: that target, for each network; empty if untargeted.
        any_target: views that some target's sticker fools, the mean over networks.
        control: views not classified as their true class under random colours.
        targets: target → its rates.
        l2_dissimilarity: the mean over targets and networks.
        loss_first: the objective before the first step, the mean; None if unknown.
        loss_last: before the last.
        networks: one by one.
        place: where the sticker is, such as "sensitive place, 30 pixels"; "" for the scene's own
            mask.
        pixels: of the mask; 0 if unknown.
        image_pixels: of the image; 0 likewise.
        fooled: which views were; None in results of before.

    """

    true_class: str
    images: int
    targets_tried: int
    accuracy: Rate
    mean: Rate
    altered: Rate
    reached: Rate | None
    worst: Rate
    worst_targets: tuple[str, ...]
    any_target: Rate
    control: Rate
    targets: dict[str, TargetRates]
    l2_dissimilarity: float
    loss_first: float | None
    loss_last: float | None
    networks: tuple[SceneNetwork, ...]
    place: str = ""
    pixels: int = 0
    image_pixels: int = 0
    fooled: Fooled | None = None

    @property
    def scene(self) -> str:
        """What it shows, and where the sticker is if that was searched for."""
        return f"{self.true_class}, {self.place}" if self.place else self.true_class

    @property
    def targeted(self) -> bool:
        """Whether the attack aimed at targets."""
        return self.targets_tried > 0


class DefenseRow(Settings):
    """A way to train a network, with several seeds.

    Args:
        label: the row's.
        model: the network's name.
        defense: what hardens it; empty for an undefended network.
        warm_start: whether its training started from the undefended network's weights.
        alpha: the weight of its penalty, if it has exactly one.
        epochs: how long its networks were trained, where the experiment asks for several durations.
        test_accuracy: the mean over networks.
        class_accuracy: class → the same for its images.
        called_true_class: images of other classes taken for the attacked one; None without any.
        maps: how rough the measured layer's maps are, the mean over networks.
        kernels: of learned kernels, the mean over networks; None without.
        networks: one by one.
        attacks: attack → a result for each scene, that of the true class first.
        published: what was published.
        seeds_lacking: of an unfinished run: how many more networks are to come; every figure is
            over those that are there.
        trained_as: how it was trained but for the defense: what has the same is comparable; "" in
            results of before, and for a network that was not trained here.
        brackets: one for each scene; empty in results of before.

    """

    label: str
    model: str
    defense: Defense
    warm_start: bool
    alpha: float | None
    test_accuracy: Rate
    class_accuracy: dict[str, Rate]
    called_true_class: Rate | None
    maps: MapEffects
    kernels: KernelEffects | None
    networks: tuple[RowNetwork, ...]
    attacks: dict[str, tuple[AttackedScene, ...]]
    published: Published | None
    epochs: int | None = None
    seeds_lacking: int = 0
    trained_as: str = ""
    brackets: tuple[Bracketed, ...] = ()


class Interval(Settings):
    """A mean over images and its 95 % interval; None where it is not a number."""

    mean: float | None
    low: float | None
    high: float | None


class Ring(Settings):
    """The power at one radial frequency, attacked over clean and over the control."""

    frequency: float
    over_clean: Interval
    over_control: Interval


class RaisedMaps(Settings):
    """How many of a layer's maps are brighter at high frequencies; see ``blurnet.spectra.Raised``.

    ``state`` is "attacked", or a sticker that needs no search: "random colours", "plain black" or
    "plain white".
    """

    state: str
    maps: int
    raised: int
    ratio: float | None


class LayerSpectra(Settings):
    """High frequencies in one layer's maps; see ``blurnet.spectra.Comparison`` for the terms.

    ``raised`` is the talk's own comparison: log magnitudes stretched to [0, 1], map by map.
    """

    maps: int
    clean: Interval
    attacked: Interval
    control: Interval
    attacked_minus_clean: Interval
    attacked_minus_control: Interval
    energy_over_clean: Interval
    energy_over_control: Interval
    difference: Interval
    control_difference: Interval
    rings: tuple[Ring, ...] | None
    raised: tuple[RaisedMaps, ...] = ()


class FewTargets(Settings):
    """A white-box attack at a few targets: mean, worst, and success at each."""

    mean: Rate
    worst: Rate
    worst_target: str
    targets: dict[str, float]


class SpectraSteps(Settings):
    """The keys of a row's records."""

    spectra: str
    transfer: str
    whitebox: str | None


class SpectraRow(Settings):
    """A network whose maps were looked into.

    ``attacker`` is "itself" if the sticker was made on this very network, "undefended" if it was
    carried over from the same network without the defense; ``layer`` is where in the network its
    filters stand, in an experiment that asks for each layer.
    """

    label: str
    trained: bool
    defense: Defense
    layer: str | None
    attacker: Literal["itself", "undefended"]
    rates: TransferRates
    layers: dict[str, LayerSpectra]
    kernels: KernelEffects | None
    whitebox: FewTargets | None
    steps: SpectraSteps


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


class LackingRow(Settings):
    """A row of an unfinished run that cannot be read yet, or a part of it.

    Args:
        label: what the row is called.
        part: of a row that is a mean over networks: which of them, such as "seed 1"; "" for all.
        steps: the keys of all the records that it is read from, those that are there too.

    """

    label: str
    part: str
    steps: tuple[str, ...]


Row = TypeVar("Row", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)


class Results(Settings, Generic[Asked, Row]):
    """What a run found: all of it, or, where it is ``lacking`` rows, as much as there is.

    Args:
        kind: the kind of experiment, a key of ``blurnet.experiments.KINDS``.
        experiment: its name: a shipped one's, or that of its file.
        created: when the results were put together, ISO 8601, UTC.
        computed_by: with what the records were computed, each once; from the records themselves.
        settings: what was asked.
        true_class: what the attacked scene shows.
        target: what a transferred sticker aims at; None where there is none.
        rows: what was found.
        steps: the keys of the records that the rows were read from.
        lacking: what an unfinished run has not got; none in a finished one.
        rp2_differs: what of the folder ``rp2`` is not RP2's own: "network", "photographs", "mask",
            "noise"; None without such a folder, or where that was not compared.

    """

    kind: str
    experiment: str
    created: str
    computed_by: tuple[Provenance, ...]
    settings: Asked
    true_class: str
    target: str | None
    rows: tuple[Row, ...]
    steps: tuple[str, ...] = ()
    lacking: tuple[LackingRow, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether no row is lacking."""
        return not self.lacking

    def frame(self) -> "pd.DataFrame":
        """Lay out the rows as a table of pandas: a line for each measured number.

        Columns: what it was measured on (``experiment``, ``label``, and by kind such as
        ``transfer``, ``attack``, ``target``, ``seed``; missing where a number is over all of
        them), then ``measure``, called as in JSON, ``value``, ``low``, ``high``, ``count`` and
        ``total``; the last four are missing where a number has no interval or is no rate.

        Raises:
            BlurnetError: if pandas is not installed.

        """
        from .frames import frame  # noqa: PLC0415 - it reads this class

        return frame(self)

    rp2_differs: tuple[str, ...] | None = None


AnyResults = Results[Any, Any]
__all__ = [
    "AnyResults",
    "AttackedScene",
    "BlackboxRow",
    "Bracketed",
    "Covered",
    "DefenseRow",
    "FewTargets",
    "Fooled",
    "Interval",
    "LackingRow",
    "LayerSpectra",
    "MaskedMean",
    "MatrixAttack",
    "MatrixNetwork",
    "MatrixRow",
    "MatrixScene",
    "Published",
    "RaisedMaps",
    "Results",
    "Ring",
    "RowNetwork",
    "SceneNetwork",
    "SpectraRow",
    "SpectraSteps",
    "TargetRates",
    "Transfer",
    "TransferRates",
]
