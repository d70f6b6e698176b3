"""Cells that give a sticker on a scene: the one that RP2 published, one made on the spot.

Their tensors: ``noise`` (δ, 3 × H × W), ``mask`` (H × W), ``clean`` (uint8, V × 3 × H × W) and
``adversarial`` (float32 in [0, 1], V × 3 × H × W).
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from blurnet.attacks import RP2Settings, rp2
from blurnet.data.rp2 import load_noise, load_scene
from blurnet.data.scene import Scene
from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.errors import BlurnetError
from blurnet.evaluation import l2_dissimilarity
from blurnet.experiments.steps.network import hash_tensors, network_of, published_network


def published_scene(folder: Path) -> tuple[Cell, Cell, Scene, str]:
    """Read what RP2 published.

    Args:
        folder: ``lisa_cnn.safetensors``, ``sticker_noise.safetensors``, ``victims/``, ``masks/``.

    Returns:
        The cell that gives its network, the cell that puts its sticker on, its photographs, and
        the class that the sticker was made for.

    Raises:
        BlurnetError: if the folder does not hold them.

    """
    if not folder.is_dir():
        raise BlurnetError(
            f"{folder}: no such folder; --rp2 takes one with lisa_cnn.safetensors, "
            "sticker_noise.safetensors, victims/ and masks/"
        )
    network = published_network(folder / "lisa_cnn.safetensors", "lisa_cnn")
    scene = load_scene(folder)
    noise, target = load_noise(folder)
    return network, published_sticker(noise, scene, target), scene, target


def published_sticker(noise: Tensor, scene: Scene, target: str) -> Cell:
    """Describe putting a finished sticker on a scene: x + M_x · δ, clipped to [0, 1].

    Args:
        noise: δ, float32, 3 × H × W.
        scene: the photographs and the mask.
        target: the class that the sticker was made for.

    """
    adversarial = (scene.floats + scene.mask * noise).clamp(0, 1)
    return Cell(
        kind="sticker",
        title="put the published sticker on",
        config={
            "scene": scene.fingerprint(),
            "target": target,
            "noise": hash_tensors({"noise": noise}),
        },
        work=lambda _needs, _on_step, _folder: _outcome(scene, target, noise, adversarial, {}),
    )


def made_sticker(
    network: Cell, scene: Scene, target: str, settings: RP2Settings, *, seed: int, called: str
) -> Cell:
    """Describe attacking a network with RP2.

    Args:
        network: the cell that gives the attacked network.
        scene: the photographs and the mask.
        target: the class that the sticker is to be taken for; one of the network's.
        settings: RP2's.
        seed: of the attack's start.
        called: what the attacked network is to the experiment, for the progress display.

    """
    return Cell(
        kind="sticker",
        title=f"make a sticker on {called} for {target} (RP2, seed {seed})",
        config={
            "scene": scene.fingerprint(),
            "target": target,
            "attack": asdict(settings),
            "seed": seed,
        },
        work=partial(_make, scene, target, settings, seed),
        needs={"network": network},
    )


def _make(
    scene: Scene,
    target: str,
    settings: RP2Settings,
    seed: int,
    needs: Mapping[str, Outcome],
    on_step: OnStep,
    _folder: Path,
) -> Outcome:
    network = needs["network"]
    result = rp2(
        network_of(network),
        scene.floats,
        torch.tensor([network.values["classes"].index(target)]),
        scene.mask,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
    )
    more = {"loss": result.loss[0].tolist()}
    return _outcome(scene, target, result.noise[0], result.adversarial[0], more)


def _outcome(
    scene: Scene, target: str, noise: Tensor, adversarial: Tensor, more: Mapping[str, object]
) -> Outcome:
    values = {
        "true_class": scene.true_class,
        "target": target,
        "views": list(scene.names),
        "l2_dissimilarity": l2_dissimilarity(scene.floats, adversarial),
        **more,
    }
    tensors = {
        "noise": noise,
        "mask": scene.mask,
        "clean": scene.images,
        "adversarial": adversarial,
    }
    return Outcome(values, tensors)
