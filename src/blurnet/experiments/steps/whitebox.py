"""A step that attacks a network white-box: filters and all are known to the attacker."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from blurnet.attacks import RP2Settings
from blurnet.data.scene import Scene
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation import attack, mean_loss
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .place import PlaceStep, placed_on
from .values import ControlConfig, NetworkValues, WhiteboxValues, answered


class WhiteboxConfig(Settings):
    """Of an attack.

    Args:
        scene: the hash of the views and the mask.
        attack: RP2's settings.
        seed: of the attack's chance.
        targets: the classes aimed at; every one but the true class, or the true class itself where
            the attack is untargeted.
        control: what the attack is compared with.

    """

    scene: str
    attack: RP2Settings
    seed: int
    targets: tuple[str, ...]
    control: ControlConfig = ControlConfig()


def attacked(
    network: PlannedNetwork,
    scene: Scene,
    settings: RP2Settings,
    *,
    seed: int,
    called: str,
    targets: Sequence[str] | None = None,
    place: PlaceStep | None = None,
) -> Step[WhiteboxValues]:
    """Plan attacking a network white-box: at every target but the true class, or untargeted.

    Args:
        network: the attacked one.
        scene: the views and the mask.
        settings: RP2's.
        seed: of the attack's chance.
        called: what the network and the attack are to the experiment, for the progress display.
        targets: the classes to aim at, if not every one.
        place: finds the mask, in place of the scene's.

    """
    if settings.goal == "untargeted":
        aims = [scene.true_class]
    else:
        others = (name for name in network.classes if name != scene.true_class)
        aims = list(others if targets is None else targets)
    return Step(
        kind="whitebox",
        version=1,
        title=f"attack {called} on {len(scene)} views of {scene.true_class}",
        config=WhiteboxConfig(
            scene=scene.fingerprint(), attack=settings, seed=seed, targets=tuple(aims)
        ),
        values=WhiteboxValues,
        work=partial(_attack, scene, settings, seed, tuple(aims)),
        needs={"network": network.step} | ({} if place is None else {"place": place}),
    )


def _attack(
    scene: Scene,
    settings: RP2Settings,
    seed: int,
    aims: tuple[str, ...],
    needs: Needs,
    on_step: OnStep,
    _folder: Path,
) -> Outcome[WhiteboxValues]:
    network: Outcome[NetworkValues] = needs["network"]
    classes = network.values.classes
    scene = placed_on(scene, needs)
    found = attack(
        network_of(network),
        scene.floats,
        scene.mask,
        true=scene.true_class,
        targets="none" if settings.goal == "untargeted" else aims,
        classes=classes,
        settings=settings,
        seed=seed,
        on_step=on_step,
        keep_images=False,
    )
    worst = found.worst_place
    values = WhiteboxValues(
        classes=classes,
        true=classes.index(scene.true_class),
        goal=settings.goal,
        targets=tuple(classes.index(name) for name in aims),
        views=scene.names,
        clean=answered(found.clean),
        attacked=tuple(map(tuple, found.answers.tolist())),
        control=tuple(map(tuple, found.control_answers.tolist())),
        l2_dissimilarity=found.l2_dissimilarity or (),
        loss_first=mean_loss(found.loss[:, 0]),
        loss_last=mean_loss(found.loss[:, -1]),
        worst_target=classes.index(aims[worst]),
        worst_confidence=tuple(found.confidence[worst].tolist()),
    )
    tensors = {
        "clean": scene.images,
        "mask": scene.mask,
        "worst": (found.attacked(worst).clamp(0, 1) * 255).round().byte(),
        "loss": found.loss,
    }
    if settings.scope == "universal":
        tensors["noise"] = found.noise
    return Outcome(values, tensors)
