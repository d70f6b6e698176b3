"""From the records of networks that were evaluated and attacked to the rows of a table."""

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

import torch

from blurnet.defenses import Defense
from blurnet.engine import Step
from blurnet.evaluation import mean_rate, rates_over_targets
from blurnet.evaluation.effects import KernelEffects, MapEffects

from .plan import PlannedRow, Read
from .results import (
    AttackedScene,
    DefenseRow,
    Published,
    RowNetwork,
    SceneNetwork,
    TargetRates,
)
from .steps.network import PlannedNetwork
from .steps.values import EvaluateValues, WhiteboxValues

Effects = TypeVar("Effects", MapEffects, KernelEffects)


@dataclass(frozen=True)
class Trained:
    """One network of a row, and the steps that look into it.

    Args:
        seed: its training's and its attacks'.
        network: itself; trained here, or read from a file.
        evaluate: its answers on clean images.
        attacks: attack's name → a step for each scene, that of the true class first.

    """

    seed: int
    network: PlannedNetwork
    evaluate: Step[EvaluateValues]
    attacks: dict[str, tuple[Step[WhiteboxValues], ...]]

    @property
    def steps(self) -> Sequence[Step[Any]]:
        """All that look into it."""
        return [self.evaluate, *(step for scenes in self.attacks.values() for step in scenes)]


@dataclass(frozen=True)
class PlannedDefense(PlannedRow[DefenseRow]):
    """A defense, trained with several seeds."""

    label: str
    model: str
    defense: Defense
    warm_start: bool
    alpha: float | None
    epochs: int | None
    published: Published | None
    true_class: str
    networks: tuple[Trained, ...]
    seeds_lacking: int = 0

    @property
    def called(self) -> str:
        """Its label, and its α and epochs where the experiment has several."""
        alpha = "" if self.alpha is None else f" α {self.alpha:g}"
        return f"{self.label}{alpha}{'' if self.epochs is None else f', {self.epochs} epochs'}"

    @property
    def parts(self) -> Mapping[str, Sequence[Step[Any]]]:
        """Each network, by its seed."""
        return {_part(each): each.steps for each in self.networks}

    def of(self, parts: Collection[str]) -> Self:
        """Give the row over some of its networks."""
        there = tuple(network for network in self.networks if _part(network) in parts)
        return replace(self, networks=there, seeds_lacking=len(self.networks) - len(there))

    @property
    def stages(self) -> Sequence[Sequence[Step[Any]]]:
        """First all networks, then all attacks."""
        clean = [step for n in self.networks for step in (n.network.step, n.evaluate)]
        attacks = [s for n in self.networks for scenes in n.attacks.values() for s in scenes]
        return (clean, attacks)

    def row(self, read: Read) -> DefenseRow:
        """Make the table's row from the records."""
        found = [read(each.evaluate).values for each in self.networks]
        classes, labels = found[0].classes, torch.tensor(found[0].labels)
        answers = torch.tensor([values.answers for values in found])
        right = answers == labels
        true = classes.index(self.true_class)
        others = labels != true
        kernels = [values.kernels for values in found if values.kernels is not None]
        return DefenseRow(
            label=self.label,
            model=self.model,
            defense=self.defense,
            warm_start=self.warm_start,
            alpha=self.alpha,
            epochs=self.epochs,
            test_accuracy=mean_rate(right),
            class_accuracy={
                name: mean_rate(right[:, labels == label])
                for label, name in enumerate(classes)
                if bool((labels == label).any())
            },
            called_true_class=mean_rate(answers[:, others] == true) if bool(others.any()) else None,
            maps=_mean([values.maps for values in found]),
            kernels=_mean(kernels) if kernels else None,
            networks=tuple(
                RowNetwork(
                    seed=each.seed,
                    test_accuracy=float(hits.float().mean()),
                    train=each.network.step.key if each.network.step.kind == "train" else None,
                    evaluate=each.evaluate.key,
                )
                for each, hits in zip(self.networks, right, strict=True)
            ),
            attacks={
                name: tuple(
                    attacked_scene([each.attacks[name][place] for each in self.networks], read)
                    for place in range(len(scenes))
                )
                for name, scenes in self.networks[0].attacks.items()
            },
            published=self.published,
            seeds_lacking=self.seeds_lacking,
        )


def attacked_scene(steps: Sequence[Step[WhiteboxValues]], read: Read) -> AttackedScene:
    """Put one attack on one scene together, over a row's networks: mean and worst target."""
    found = [read(step).values for step in steps]
    first = found[0]
    true, targets, classes = first.true, first.targets, first.classes
    targeted = first.goal == "targeted"
    clean = torch.tensor([values.clean.classes for values in found])
    attacked = torch.tensor([values.attacked for values in found])  # networks × targets × views
    fooled = attacked != true
    control = torch.tensor([values.control for values in found])
    each = [
        rates_over_targets(c, a, true, targets if targeted else (None,))
        for c, a in zip(clean, attacked, strict=True)
    ]
    worst = [values.targets.index(values.worst_target) for values in found]
    reached = attacked == torch.tensor(targets)[:, None]
    return AttackedScene(
        true_class=classes[true],
        images=clean.shape[1],
        targets_tried=len(targets) if targeted else 0,
        accuracy=mean_rate(clean == true),
        mean=mean_rate(fooled.flatten(0, 1)),
        altered=mean_rate((attacked != clean[:, None]).flatten(0, 1)),
        reached=mean_rate(reached.flatten(0, 1)) if targeted else None,
        worst=mean_rate(torch.stack([f[place] for f, place in zip(fooled, worst, strict=True)])),
        worst_targets=tuple(classes[values.worst_target] for values in found) if targeted else (),
        any_target=mean_rate(fooled.any(1)),
        control=mean_rate((control != true).flatten(0, 1)),
        targets={
            classes[target]: TargetRates(
                attack_success_rate=float(fooled[:, place].float().mean()),
                target_reached_rate=float(reached[:, place].float().mean()),
            )
            for place, target in enumerate(targets)
            if targeted
        },
        l2_dissimilarity=statistics.fmean(
            distance for values in found for distance in values.l2_dissimilarity
        ),
        loss_first=_mean_of_known([values.loss_first for values in found]),
        loss_last=_mean_of_known([values.loss_last for values in found]),
        networks=tuple(
            SceneNetwork(
                mean=rates.mean.attack_success_rate.value,
                worst=rates.worst.attack_success_rate.value,
                step=step.key,
            )
            for rates, step in zip(each, steps, strict=True)
        ),
    )


def _part(network: Trained) -> str:
    return f"seed {network.seed}"


def _mean(measured: Sequence[Effects]) -> Effects:
    """Average each field over networks; what is alike in all of them stays as it is."""
    means: dict[str, Any] = {}
    for field in fields(measured[0]):
        values = [getattr(each, field.name) for each in measured]
        means[field.name] = values[0] if len(set(values)) == 1 else statistics.fmean(values)
    return type(measured[0])(**means)


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
