"""Cells that give a network: one read from a file, one trained."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.evaluation import predict, rate
from blurnet.models import MODELS, build, load_weights, read_network
from blurnet.training import FitSettings, Progress, fit

from .cells import Cell, OnStep, Outcome
from .sources import DataSource


def published_network(path: Path, model: str) -> Cell:
    """Describe the network in a weights file.

    Args:
        path: a safetensors file, as ``read_network`` takes it; read here.
        model: the name of its architecture, a key of ``MODELS``.

    Raises:
        BlurnetError: if the file does not hold such a network.

    """
    network = read_network(path, MODELS[model])
    weights = network.model.state_dict()
    values = {"model": model, "classes": list(network.classes)}
    return Cell(
        kind="network",
        title=f"read the network {path.name}",
        config=values | {"weights": hash_tensors(weights)},
        work=lambda _needs, _on_step, _folder: Outcome(values, weights),
    )


def trained_network(
    source: DataSource, model: str, settings: FitSettings, *, seed: int, called: str
) -> Cell:
    """Describe training an undefended network.

    Args:
        source: what it is trained and tested on.
        model: the name of its architecture, a key of ``MODELS``.
        settings: how it is trained.
        seed: of its weights and of the order of the images.
        called: what it is to the experiment, for the progress display.

    """
    return Cell(
        kind="train",
        title=f"train {called} ({model}, seed {seed})",
        config={
            "model": model,
            "classes": list(source.names()),
            "training": asdict(settings),
            "seed": seed,
            "data": source.identity(),
        },
        work=partial(_train, source, model, settings, seed),
    )


def network_of(outcome: Outcome) -> nn.Module:
    """Make the network that a network's cell gave, in evaluation mode."""
    model = build(outcome.values["model"], len(outcome.values["classes"]), seed=0)
    load_weights(model, outcome.tensors, "a record of this run")
    return model.eval()


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, shapes and contents (SHA-256, hexadecimal)."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()


def _train(
    source: DataSource,
    model: str,
    settings: FitSettings,
    seed: int,
    _needs: Mapping[str, Outcome],
    on_step: OnStep,
    _folder: Path,
) -> Outcome:
    train, test = source.load()
    network = build(model, len(train.classes), seed=seed)
    history = fit(
        network,
        train,
        settings=settings,
        generator=torch.Generator().manual_seed(seed),
        on_progress=_told(on_step),
    )
    accuracy = rate(predict(network, test.images).classes == test.labels)
    values = {
        "model": model,
        "classes": list(train.classes),
        "train_images": len(train),
        "test_accuracy": asdict(accuracy),
        "epoch_losses": history.losses,
    }
    return Outcome(values, network.state_dict())


def _told(on_step: OnStep) -> Callable[[Progress], None]:
    """Turn a training's progress into words: the running loss and accuracy, and the speed."""
    start, seen, loss, accuracy = time.monotonic(), 0, math.nan, math.nan

    def on_progress(now: Progress) -> None:
        nonlocal seen, loss, accuracy
        seen += now.images
        loss = now.loss if math.isnan(loss) else 0.95 * loss + 0.05 * now.loss
        accuracy = now.accuracy if math.isnan(accuracy) else 0.95 * accuracy + 0.05 * now.accuracy
        speed = seen / max(time.monotonic() - start, 1e-9)
        note = f"loss {loss:.3f}, accuracy {100 * accuracy:.1f} %, {speed:.0f} images/s"
        on_step(now.step, now.steps, note)

    return on_progress
