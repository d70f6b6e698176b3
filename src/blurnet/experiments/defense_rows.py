"""From the records of networks that were evaluated and attacked to the rows of a table."""

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

import torch

from blurnet.defenses import Defense
from blurnet.engine import Step
from blurnet.evaluation import Rate, rates_over_targets
from blurnet.evaluation.effects import KernelEffects, MapEffects
from blurnet.evaluation.inputs import pixels_of
from blurnet.evaluation.statistics import block_rate, mean_of_maxima, runs_of, worst_rate

from .brackets import Bracketed
from .places import Attackable
from .plan import PlannedRow, Read
from .rates import bracket_of, fooled_of, mean_over_seeds
from .results import (
    AttackedScene,
    DefenseRow,
    Published,
    RowNetwork,
    SceneNetwork,
    TargetRates,
)
from .steps.network import PlannedNetwork
from .steps.values import ControlValues, EvaluateValues, WhiteboxValues

Effects = TypeVar("Effects", MapEffects, KernelEffects)


@dataclass(frozen=True)
class Trained:
    """One network of a row, and the steps that look into it.

    Args:
        seed: its training's and its attacks'.
        network: itself; trained here, or read from a file.
        evaluate: its answers on clean images.
        controls: the control and the ceiling on each scene; empty where nothing is attacked.
        attacks: attack's name → a step for each scene, that of the true class first.

    """

    seed: int
    network: PlannedNetwork
    evaluate: Step[EvaluateValues]
    controls: tuple[Step[ControlValues], ...]
    attacks: dict[str, tuple[Step[WhiteboxValues], ...]]

    @property
    def steps(self) -> Sequence[Step[Any]]:
        """All that look into it."""
        attacks = (step for scenes in self.attacks.values() for step in scenes)
        return [self.evaluate, *self.controls, *attacks]


@dataclass(frozen=True)
class PlannedDefense(PlannedRow[DefenseRow]):
    """A defense, trained with several seeds, and the scenes that it is attacked on."""

    label: str
    model: str
    defense: Defense
    warm_start: bool
    alpha: float | None
    epochs: int | None
    published: Published | None
    true_class: str
    trained_as: str
    scenes: tuple[Attackable, ...]
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
        controls = [step for n in self.networks for step in n.controls]
        attacks = [s for n in self.networks for scenes in n.attacks.values() for s in scenes]
        return (clean, [*controls, *attacks])

    def row(self, read: Read) -> DefenseRow:
        """Make the table's row from the records."""
        found = [read(each.evaluate).values for each in self.networks]
        classes, labels = found[0].classes, torch.tensor(found[0].labels)
        answers = torch.tensor([values.answers for values in found])
        right = answers == labels
        true = classes.index(self.true_class)
        others = labels != true
        tracks = None if found[0].tracks is None else torch.tensor(found[0].tracks)
        runs = runs_of(right, labels, tracks)

        def over(hits: torch.Tensor, chosen: torch.Tensor) -> Rate:
            return block_rate(hits[:, chosen], None if runs is None else runs.select(chosen))

        kernels = [values.kernels for values in found if values.kernels is not None]
        return DefenseRow(
            label=self.label,
            model=self.model,
            defense=self.defense,
            warm_start=self.warm_start,
            alpha=self.alpha,
            epochs=self.epochs,
            test_accuracy=block_rate(right, runs),
            class_accuracy={
                name: over(right, labels == label)
                for label, name in enumerate(classes)
                if bool((labels == label).any())
            },
            called_true_class=over(answers == true, others) if bool(others.any()) else None,
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
                    attacked_scene(
                        [each.attacks[name][place] for each in self.networks],
                        self.scenes[place],
                        read,
                    )
                    for place in range(len(scenes))
                )
                for name, scenes in self.networks[0].attacks.items()
            },
            published=self.published,
            seeds_lacking=self.seeds_lacking,
            trained_as=self.trained_as,
            brackets=tuple(self._brackets(read)),
        )

    def _brackets(self, read: Read) -> Iterator[Bracketed]:
        """Give the bracket on each scene that is attacked: the worst case over the attacks."""
        for place, scene in enumerate(self.scenes):
            names = tuple(
                name for name, scenes in self.networks[0].attacks.items() if place < len(scenes)
            )
            if not names:
                continue
            fooled: dict[str, torch.Tensor] = {}
            for name in names:
                found = [read(network.attacks[name][place]).values for network in self.networks]
                answers = torch.tensor([values.attacked for values in found])
                fooled[name] = (answers != found[0].true).any(1)
            controls = [read(network.controls[place]).values for network in self.networks]
            called = ", ".join(filter(None, (scene.scene.true_class, scene.called)))
            yield bracket_of(called, fooled, controls)


def attacked_scene(
    steps: Sequence[Step[WhiteboxValues]], scene: Attackable, read: Read
) -> AttackedScene:
    """Put one attack on one scene together, over a row's networks: mean and worst target."""
    outcomes = [read(step) for step in steps]
    found, mask = [outcome.values for outcome in outcomes], outcomes[0].tensors["mask"]
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
    reached = attacked == torch.tensor(targets)[:, None]
    return AttackedScene(
        true_class=classes[true],
        images=clean.shape[1],
        targets_tried=len(targets) if targeted else 0,
        accuracy=mean_over_seeds(clean == true),
        mean=mean_over_seeds(fooled),
        altered=mean_over_seeds(attacked != clean[:, None]),
        reached=mean_over_seeds(reached) if targeted else None,
        worst=mean_of_maxima([worst_rate(each) for each in fooled]),
        worst_targets=tuple(classes[values.worst_target] for values in found) if targeted else (),
        any_target=mean_over_seeds(fooled.any(1)),
        control=mean_over_seeds(control != true),
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
        place=scene.called,
        pixels=pixels_of(mask),
        image_pixels=mask.shape[-2] * mask.shape[-1],
        fooled=fooled_of(scene.key, fooled),
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
