"""Cells that judge a network: on clean signs, and under a white-box attack."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from blurnet.attacks import RP2Settings, rp2
from blurnet.data.scene import Scene
from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.evaluation import l2_dissimilarity, predict
from blurnet.evaluation.effects import kernel_effects, learned_kernels, map_effects
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import network_of
from blurnet.spectra import random_colour_controls

CONTROL_STICKERS = 10
CONTROL_SEED = 0
"""The control: opaque stickers of random colours in the same mask. What they do is no attack's."""


def judged(network: Cell, source: DataSource, layer: str, called: str) -> Cell:
    """Describe a network's answers on the clean signs of the part that it is judged on.

    Args:
        network: the cell that gives it.
        source: the data; its classes are among the network's.
        layer: whose maps are measured; see ``map_effects``.
        called: what the network is to the experiment, for the progress display.

    """
    return Cell(
        kind="judge",
        title=f"judge {called} on clean signs",
        config={"data": source.identity(), "layer": layer},
        work=partial(_judge, source, layer),
        needs={"network": network},
    )


def _judge(
    source: DataSource,
    layer: str,
    needs: Mapping[str, Outcome],
    _on_step: OnStep,
    _folder: Path,
) -> Outcome:
    model, classes = network_of(needs["network"]), needs["network"].values["classes"]
    signs = source.load().test
    labels = torch.tensor([classes.index(name) for name in signs.classes])[signs.labels]
    kernels = learned_kernels(model)
    values = {
        "classes": classes,
        "labels": labels.tolist(),
        "answers": predict(model, signs.images).classes.tolist(),
        "maps": asdict(map_effects(model, layer, signs.floats)),
        "kernels": None if kernels is None else asdict(kernel_effects(kernels)),
    }
    return Outcome(values, {} if kernels is None else {"kernels": kernels})


def attacked(
    network: Cell,
    scene: Scene,
    settings: RP2Settings,
    *,
    seed: int,
    called: str,
    targets: Sequence[str] | None = None,
) -> Cell:
    """Describe attacking a network white-box: at every target but the true class, or untargeted.

    Args:
        network: the cell that gives the network; filters and all are known to the attacker.
        scene: the views and the mask.
        settings: RP2's.
        seed: of the attack's chance.
        called: what the network and the attack are to the experiment, for the progress display.
        targets: the classes to aim at, if not every one.

    """
    return Cell(
        kind="whitebox",
        title=f"attack {called} on {len(scene)} views of {scene.true_class}",
        config={
            "scene": scene.fingerprint(),
            "attack": asdict(settings),
            "seed": seed,
            "control": {"stickers": CONTROL_STICKERS, "seed": CONTROL_SEED},
            **({} if targets is None else {"targets": list(targets)}),
        },
        work=partial(_attack, scene, settings, seed, targets),
        needs={"network": network},
    )


def _attack(
    scene: Scene,
    settings: RP2Settings,
    seed: int,
    named: Sequence[str] | None,
    needs: Mapping[str, Outcome],
    on_step: OnStep,
    _folder: Path,
) -> Outcome:
    model, classes = network_of(needs["network"]), needs["network"].values["classes"]
    true = classes.index(scene.true_class)
    others = [target for target in range(len(classes)) if target != true]
    if named is not None:
        others = [classes.index(name) for name in named]
    targets = others if settings.goal == "targeted" else [true]
    images = scene.floats
    result = rp2(
        model,
        images,
        torch.tensor(targets),
        scene.mask,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
    )
    clean = predict(model, images)
    attacked = [predict(model, views) for views in result.adversarial]
    answers = [each.classes for each in attacked]
    worst = max(range(len(targets)), key=lambda place: int((answers[place] != true).sum()))
    values = {
        "classes": classes,
        "true": true,
        "goal": settings.goal,
        "targets": targets,
        "views": list(scene.names),
        "clean": clean.classes.tolist(),
        "attacked": [row.tolist() for row in answers],
        "control": [
            predict(model, views).classes.tolist() for views in control_images(images, scene.mask)
        ],
        "l2_dissimilarity": [l2_dissimilarity(images, views) for views in result.adversarial],
        "loss_first": _mean(result.loss[:, 0]),
        "loss_last": _mean(result.loss[:, -1]),
        "worst_target": targets[worst],
        "confidence": {
            "clean": clean.confidence.tolist(),
            "worst": attacked[worst].confidence.tolist(),
        },
    }
    tensors = {
        "clean": scene.images,
        "mask": scene.mask,
        "worst": (result.adversarial[worst].clamp(0, 1) * 255).round().byte(),
        "loss": result.loss,
    }
    if settings.scope == "universal":
        tensors["noise"] = result.noise
    return Outcome(values, tensors)


def _mean(losses: Tensor) -> float | None:
    """Average over the targets that were not left alone because they were done."""
    known = losses[losses.isfinite()]
    return float(known.mean()) if len(known) else None


def control_images(images: Tensor, mask: Tensor) -> list[Tensor]:
    """Give images under each of the control's stickers; see ``random_colour_controls``."""
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    return random_colour_controls(images, mask, stickers=CONTROL_STICKERS, generator=generator)
