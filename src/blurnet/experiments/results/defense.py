"""Rows of ways to train a network, each attacked on scenes."""

from blurnet.defenses import Defense
from blurnet.evaluation import Rate
from blurnet.evaluation.effects import KernelEffects, MapEffects
from blurnet.settings import Settings

from ..brackets import Bracketed, Fooled
from .transfer import Published


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
