"""A step that carries a sticker over to a network: its answers on the scene."""

from functools import partial
from pathlib import Path

import torch

from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation import control_answers, predict
from blurnet.experiments.sources import DataSource, Identity
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .values import (
    ControlConfig,
    Counted,
    NetworkValues,
    StickerValues,
    TransferValues,
    answered,
)


class TransferConfig(Settings):
    """Of a transfer: test images whose answers are counted too, and the control."""

    test: Identity | None = None
    control: ControlConfig = ControlConfig()


def carried_over(
    network: PlannedNetwork,
    sticker: Step[StickerValues],
    source: DataSource | None,
    *,
    called: str,
) -> Step[TransferValues]:
    """Plan asking for a network's answers on a scene: clean, attacked, and under the control.

    Args:
        network: who is asked.
        sticker: gives the sticker on its scene.
        source: test images whose answers are counted too; None for none.
        called: what the network is to the experiment, for the progress display.

    """
    test = None if source is None else source.identity()
    return Step(
        kind="transfer",
        version=1,
        title=f"carry the sticker over to: {called}",
        config=TransferConfig(test=test),
        values=TransferValues,
        work=partial(_transfer, source, test),
        needs={"network": network.step, "sticker": sticker},
    )


def _transfer(
    source: DataSource | None,
    identity: Identity | None,
    needs: Needs,
    _on_step: OnStep,
    _folder: Path,
) -> Outcome[TransferValues]:
    network: Outcome[NetworkValues] = needs["network"]
    sticker: Outcome[StickerValues] = needs["sticker"]
    model, classes = network_of(network), network.values.classes
    test = None
    if source is not None and identity is not None:
        signs = source.load_same(identity).test
        labels = torch.tensor([classes.index(name) for name in signs.classes])[signs.labels]
        right = predict(model, signs.images).classes == labels
        test = Counted(
            count=int(right.sum()),
            total=len(right),
            right="".join("1" if each else "0" for each in right.tolist()),
            labels=tuple(labels.tolist()),
            tracks=None if signs.tracks is None else tuple(signs.tracks.tolist()),
        )
    clean, adversarial = sticker.tensors["clean"], sticker.tensors["adversarial"]
    control = control_answers(model, clean.float() / 255, sticker.tensors["mask"])
    values = TransferValues(
        classes=classes,
        true=classes.index(sticker.values.true_class),
        target=classes.index(sticker.values.target),
        clean=answered(predict(model, clean)),
        attacked=answered(predict(model, adversarial)),
        control=tuple(map(tuple, control.tolist())),
        l2_dissimilarity=sticker.values.l2_dissimilarity,
        test=test,
    )
    return Outcome(values)
