"""An attack of the suite run again, on a few images and in other circumstances."""

from dataclasses import fields, replace
from typing import Any

from torch import Tensor

from blurnet.attacks import STICKER_ATTACKS

from ..inputs import Understood, of_image
from ..predict import predict
from ..suite import SuiteAttack
from ..suite_attacks import Found, Given, run_attack
from .audited import Audited


def again(
    audited: Audited,
    attack: SuiteAttack,
    *,
    network: Understood | None = None,
    images: Tensor | None = None,
    labels: Tensor | None = None,
    mask: Tensor | None = None,
) -> Found:
    """Run an attack on the sample.

    Args:
        audited: the evaluation.
        attack: which; as in the suite, or changed.
        network: another than the one under test.
        images: others than the sample's.
        labels: theirs.
        mask: another.

    """
    sample = audited.sample
    network = audited.network if network is None else network
    images = audited.images[sample] if images is None else images
    labels = audited.labels[sample] if labels is None else labels
    mask = of_image(audited.mask, sample) if mask is None else mask
    clean = predict(network.model, images).classes
    every = labels.new_tensor(range(len(images)))
    given = Given(network, images, labels, mask, clean, audited.seed, every)
    return run_attack(given, attack, 0, lambda _: None)


def with_settings(attack: SuiteAttack, **changes: object) -> SuiteAttack:
    """Give an attack with some of its settings changed; those that it does not have are not."""
    changed: dict[str, object] = {}
    for name in ("rp2", *STICKER_ATTACKS):
        settings: Any = getattr(attack, name)
        if settings is not None:
            known = {field.name for field in fields(settings)}
            there = {key: value for key, value in changes.items() if key in known}
            changed[name] = replace(settings, **there)
    return attack.model_copy(update=changed)
