"""From the records of evaluations to the rows of a matrix: defenses against attacks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from blurnet.defenses import Defense
from blurnet.engine import Step
from blurnet.evaluation import Evidence, mean_rate

from .plan import PlannedRow, Read
from .results import MaskedMean, MatrixAttack, MatrixNetwork, MatrixRow, MatrixScene, RowNetwork
from .steps.network import PlannedNetwork
from .steps.values import EvaluateValues


@dataclass(frozen=True)
class EvaluatedNetwork:
    """One network of a row, and the steps that look into it.

    Args:
        seed: its training's and its evaluations'.
        network: itself; trained here, or read from a file.
        clean: its answers on clean images.
        evidence: an evaluation for each scene, that of the true class first.

    """

    seed: int
    network: PlannedNetwork
    clean: Step[EvaluateValues]
    evidence: tuple[Step[Evidence], ...]


@dataclass(frozen=True)
class PlannedMatrixRow(PlannedRow[MatrixRow]):
    """A defense, trained with several seeds."""

    label: str
    model: str
    defense: Defense
    warm_start: bool
    alpha: float | None
    epochs: int | None
    true_class: str
    networks: tuple[EvaluatedNetwork, ...]
    seeds_lacking: int = 0

    @property
    def called(self) -> str:
        """Its label, and its α and epochs where the experiment has several."""
        alpha = "" if self.alpha is None else f" α {self.alpha:g}"
        return f"{self.label}{alpha}{'' if self.epochs is None else f', {self.epochs} epochs'}"

    @property
    def parts(self) -> Mapping[str, Sequence[Step[Any]]]:
        """Each network, by its seed."""
        return {_part(each): (each.clean, *each.evidence) for each in self.networks}

    def of(self, parts: Collection[str]) -> Self:
        """Give the row over some of its networks."""
        there = tuple(network for network in self.networks if _part(network) in parts)
        return replace(self, networks=there, seeds_lacking=len(self.networks) - len(there))

    @property
    def stages(self) -> Sequence[Sequence[Step[Any]]]:
        """First all networks, then all evaluations."""
        clean = [step for each in self.networks for step in (each.network.step, each.clean)]
        return (clean, [step for each in self.networks for step in each.evidence])

    def row(self, read: Read) -> MatrixRow:
        """Make the table's row from the records."""
        clean = [read(each.clean).values for each in self.networks]
        right = torch.tensor([values.answers for values in clean]) == torch.tensor(clean[0].labels)
        return MatrixRow(
            label=self.label,
            model=self.model,
            defense=self.defense,
            warm_start=self.warm_start,
            alpha=self.alpha,
            epochs=self.epochs,
            test_accuracy=mean_rate(right),
            networks=tuple(
                RowNetwork(
                    seed=each.seed,
                    test_accuracy=float(hits.float().mean()),
                    train=each.network.step.key if each.network.step.kind == "train" else None,
                    evaluate=each.clean.key,
                )
                for each, hits in zip(self.networks, right, strict=True)
            ),
            scenes=tuple(
                matrix_scene([each.evidence[place] for each in self.networks], read)
                for place in range(len(self.networks[0].evidence))
            ),
            seeds_lacking=self.seeds_lacking,
        )


def _part(network: EvaluatedNetwork) -> str:
    return f"seed {network.seed}"


def matrix_scene(steps: Sequence[Step[Evidence]], read: Read) -> MatrixScene:
    """Put the evaluations of a row's networks on one scene together.

    Args:
        steps: one for each network, on the same images.
        read: gives a step's outcome.

    """
    found = [read(step).values for step in steps]
    first = found[0]
    labels = torch.tensor(first.labels)
    return MatrixScene(
        true_class=first.classes[first.labels[0]],
        images=len(labels),
        mask_pixels=first.mask_pixels,
        mask_share=first.mask_share,
        accuracy=mean_rate(_stack(each.clean.classes for each in found) == labels),
        control=mean_rate(
            torch.cat([torch.tensor(each.control.answers) for each in found]) != labels
        ),
        ceiling=mean_rate(_stack(_best_fill(each) for each in found) == labels),
        attacks=tuple(_attack(found, place) for place in range(len(first.attacks))),
        worst=mean_rate(_stack([by is not None for by in each.worst.by] for each in found)),
        masked=tuple(_masked(found, place) for place in range(len(first.certificates))),
        networks=tuple(
            MatrixNetwork(
                worst=each.worst.success,
                failed=tuple(one.name for one in each.conditions if not one.passed),
                step=step.key,
            )
            for each, step in zip(found, steps, strict=True)
        ),
    )


def _attack(found: Sequence[Evidence], place: int) -> MatrixAttack:
    """Average an attack over networks: an image is fooled if some target's sticker fools it."""
    fooled = []
    for each in found:
        labels, attack = torch.tensor(each.labels), each.attacks[place]
        answers = _stack(target.answers for target in attack.targets)
        aimed = torch.tensor([-1 if one.target is None else one.target for one in attack.targets])
        fooled.append(((answers != labels) & (aimed[:, None] != labels)).any(0))
    attack = found[0].attacks[place]
    return MatrixAttack(
        name=attack.attack.name,
        gradient=attack.attack.gradient,
        success=mean_rate(torch.stack(fooled)),
        struck=sum(bool(each.struck(attack.attack.name)) for each in found),
    )


def _masked(found: Sequence[Evidence], place: int) -> MaskedMean:
    each = [evidence.certificates[place] for evidence in found]
    labels = torch.tensor(found[0].labels)
    attacked = [one.attacked for one in each]
    known = [rate.value for rate in attacked if rate is not None]
    return MaskedMean(
        family=each[0].family,
        covers_mask=each[0].covers_mask,
        accuracy=mean_rate(_stack(one.answers for one in each) == labels),
        certified=mean_rate(_stack(one.certified for one in each)),
        attacked=sum(known) / len(known) if known else None,
    )


def _best_fill(evidence: Evidence) -> tuple[int, ...]:
    ceiling = evidence.ceiling
    return next(fill.answers for fill in ceiling.fills if fill.name == ceiling.best)


def _stack(rows: Any) -> Tensor:
    return torch.tensor(list(rows))
