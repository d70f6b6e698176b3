"""Steps that give a sticker on a scene: the one that RP2 published, or one made on the spot."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from blurnet.attacks import RP2Settings
from blurnet.data.rp2 import differing, load_noise, load_scene
from blurnet.data.scene import Scene
from blurnet.data.tensors import hash_tensors
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.errors import BlurnetError
from blurnet.evaluation import attack, l2_dissimilarity
from blurnet.models import MODELS, read_network
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of, read_from_file
from .values import NetworkValues, StickerValues

NETWORK = "lisa_cnn.safetensors"
MODEL = "lisa_cnn"
"""RP2's network in its folder, and its architecture."""


@dataclass(frozen=True, eq=False)
class Published:
    """A folder in the layout of what RP2 published.

    Args:
        network: the network.
        scene: the photographs, under the mask.
        sticker: gives the noise on them.
        target: what the noise was made for.
        differs: what of it is not RP2's own; see ``blurnet.data.rp2.PUBLISHED``.

    """

    network: PlannedNetwork
    scene: Scene
    sticker: Step[StickerValues]
    target: str
    differs: tuple[str, ...] = ()


class PublishedStickerConfig(Settings):
    """Of a finished sticker: the hashes of scene and noise, and the class it was made for."""

    scene: str
    target: str
    noise: str


class StickerConfig(Settings):
    """Of a sticker that is made: the scene's hash, the class aimed at, RP2's settings, the seed."""

    scene: str
    target: str
    attack: RP2Settings
    seed: int


def read_published(folder: Path) -> Published:
    """Read what RP2 published.

    Args:
        folder: ``lisa_cnn.safetensors``, ``sticker_noise.safetensors``, ``victims/``, ``masks/``.

    Raises:
        BlurnetError: if the folder does not hold them.

    """
    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with {NETWORK}, "
            "sticker_noise.safetensors, victims/ and masks/"
        )
    scene = load_scene(folder)
    network = read_from_file(folder / NETWORK, MODEL, size=scene.images.shape[-1])
    noise, target = load_noise(folder)
    weights = read_network(folder / NETWORK, MODELS[MODEL])
    differs = differing(weights.model, weights.classes, scene, noise, target)
    return Published(network, scene, put_on(noise, scene, target), target, differs)


def put_on(noise: Tensor, scene: Scene, target: str) -> Step[StickerValues]:
    """Plan putting a finished sticker on a scene: x + M_x · δ, clipped to [0, 1].

    Args:
        noise: δ, float32, C × H × W.
        scene: the photographs and the mask.
        target: the class that the sticker was made for.

    """
    adversarial = (scene.floats + scene.mask * noise).clamp(0, 1)
    return Step(
        kind="sticker",
        version=1,
        title="put the published sticker on",
        config=PublishedStickerConfig(
            scene=scene.fingerprint(), target=target, noise=hash_tensors({"noise": noise})
        ),
        values=StickerValues,
        work=partial(_put_on, scene, target, noise, adversarial),
    )


def made(
    network: PlannedNetwork,
    scene: Scene,
    target: str,
    settings: RP2Settings,
    *,
    seed: int,
    called: str,
) -> Step[StickerValues]:
    """Plan making a sticker on a network with RP2.

    Args:
        network: the attacked one.
        scene: the photographs and the mask.
        target: the class that the sticker is to be taken for; one of the network's.
        settings: RP2's.
        seed: of the attack's start.
        called: what the attacked network is to the experiment, for the progress display.

    """
    return Step(
        kind="sticker",
        version=1,
        title=f"make a sticker on {called} for {target} (RP2, seed {seed})",
        config=StickerConfig(scene=scene.fingerprint(), target=target, attack=settings, seed=seed),
        values=StickerValues,
        work=partial(_make, scene, target, settings, seed),
        needs={"network": network.step},
    )


def _put_on(
    scene: Scene,
    target: str,
    noise: Tensor,
    adversarial: Tensor,
    _needs: Needs,
    _on_step: OnStep,
    _folder: Path,
) -> Outcome[StickerValues]:
    return _outcome(scene, target, noise, adversarial)


def _make(
    scene: Scene,
    target: str,
    settings: RP2Settings,
    seed: int,
    needs: Needs,
    on_step: OnStep,
    _folder: Path,
) -> Outcome[StickerValues]:
    network: Outcome[NetworkValues] = needs["network"]
    found = attack(
        network_of(network),
        scene.floats,
        scene.mask,
        true=scene.true_class,
        targets=[target],
        classes=network.values.classes,
        settings=settings,
        seed=seed,
        on_step=on_step,
    )
    losses = tuple(found.loss[0].tolist())
    return _outcome(scene, target, found.noise[0], found.attacked(0), losses)


def _outcome(
    scene: Scene,
    target: str,
    noise: Tensor,
    adversarial: Tensor,
    loss: tuple[float, ...] = (),
) -> Outcome[StickerValues]:
    values = StickerValues(
        true_class=scene.true_class,
        target=target,
        views=scene.names,
        l2_dissimilarity=l2_dissimilarity(scene.floats, adversarial),
        loss=loss,
    )
    tensors = {
        "noise": noise,
        "mask": scene.mask,
        "clean": scene.images,
        "adversarial": adversarial,
    }
    return Outcome(values, tensors)
