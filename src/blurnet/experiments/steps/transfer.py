"""Cells that carry a sticker over to a network, and the rates that follow from their records."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from blurnet.defenses.blur import FilterDescription, defend
from blurnet.engine.step import Cell, OnStep, Outcome
from blurnet.evaluation import attack_rates, mean_rate, predict, rate
from blurnet.experiments.sources import DataSource
from blurnet.experiments.steps.network import network_of
from blurnet.experiments.steps.whitebox import CONTROL_SEED, CONTROL_STICKERS, control_images


def transfer_cell(
    label: str,
    network: Cell,
    filters: Sequence[FilterDescription],
    sticker: Cell,
    source: DataSource | None,
) -> Cell:
    """Describe a network's answers on a scene, clean, under a sticker and under the control's.

    Args:
        label: what the network is to the experiment, for the progress display.
        network: the cell that gives it.
        filters: what is put into it first.
        sticker: the cell that gives the sticker on its scene.
        source: test signs whose answers are counted too; None for none.

    """
    return Cell(
        kind="transfer",
        title=f"carry the sticker over to: {label}",
        config={
            "filters": [f.model_dump() for f in filters],
            "test": None if source is None else source.identity(),
            "control": {"stickers": CONTROL_STICKERS, "seed": CONTROL_SEED},
        },
        work=partial(_transfer, filters, source),
        needs={"network": network, "sticker": sticker},
    )


def _transfer(
    filters: Sequence[FilterDescription],
    source: DataSource | None,
    needs: Mapping[str, Outcome],
    _on_step: OnStep,
    _folder: Path,
) -> Outcome:
    network, sticker = needs["network"], needs["sticker"]
    classes = network.values["classes"]
    clean = sticker.tensors["clean"]
    model = defend(network_of(network), filters, example=clean[:1].float() / 255)
    test = None
    if source is not None:
        signs = source.load().test
        labels = torch.tensor([classes.index(name) for name in signs.classes])[signs.labels]
        right = predict(model, signs.images).classes == labels
        test = {"count": int(right.sum()), "total": len(right)}
    control = [
        predict(model, views).classes.tolist()
        for views in control_images(clean.float() / 255, sticker.tensors["mask"])
    ]
    answers = {
        "clean": predict(model, clean),
        "attacked": predict(model, sticker.tensors["adversarial"]),
    }
    values = {
        "classes": classes,
        "true": classes.index(sticker.values["true_class"]),
        "target": classes.index(sticker.values["target"]),
        **{
            state: {"classes": a.classes.tolist(), "confidence": a.confidence.tolist()}
            for state, a in answers.items()
        },
        "control": control,
        "l2_dissimilarity": sticker.values["l2_dissimilarity"],
        "test": test,
    }
    return Outcome(values)


def transfer_rates(values: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a row's rates from a ``transfer`` record.

    Args:
        values: the record's.

    Returns:
        ``accuracy``, ``attack_success_rate``, ``prediction_altered_rate``,
        ``target_reached_rate``, ``control_success_rate`` and, with test signs, ``test_accuracy``,
        shares in [0, 1]; ``intervals`` of each, Wilson's at 95 %; ``l2_dissimilarity``, ``images``
        and ``test_images``.

    """
    rates = attack_rates(
        torch.tensor(values["clean"]["classes"]),
        torch.tensor(values["attacked"]["classes"]),
        values["true"],
        values["target"],
    )
    measured = {
        "accuracy": rates.accuracy,
        "attack_success_rate": rates.attack_success_rate,
        "prediction_altered_rate": rates.prediction_altered_rate,
        "target_reached_rate": rates.target_reached_rate,
        "control_success_rate": mean_rate(torch.tensor(values["control"]) != values["true"]),
    }
    test = values["test"]
    if test is not None:
        measured["test_accuracy"] = rate(torch.arange(test["total"]) < test["count"])
    return {
        **{name: measured_rate.value for name, measured_rate in measured.items()},
        "l2_dissimilarity": values["l2_dissimilarity"],
        "images": rates.accuracy.total,
        "test_images": None if test is None else test["total"],
        "intervals": {name: [r.low, r.high] for name, r in measured.items()},
    }
