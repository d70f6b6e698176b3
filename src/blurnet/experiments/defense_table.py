"""From the records of networks that were judged and attacked to the rows of results.json."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from blurnet.engine.step import Cell, Outcome
from blurnet.evaluation import Rate, mean_rate, rates_over_targets

Outcomes = Mapping[str, Outcome]


@dataclass(frozen=True)
class Judged:
    """The cells of one network of a row.

    Args:
        seed: its training's and its attacks'.
        train: trains it; None for a network read from a file.
        judge: its answers on clean signs.
        attacks: attack's name → a cell for each scene, that of the true class first.

    """

    seed: int
    train: Cell | None
    judge: Cell
    attacks: dict[str, tuple[Cell, ...]]

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        attacks = [cell for scenes in self.attacks.values() for cell in scenes]
        return [*([] if self.train is None else [self.train]), self.judge, *attacks]


@dataclass(frozen=True)
class PlannedRow:
    """A defense, trained with several seeds."""

    label: str
    defense: dict[str, Any]
    alpha: float | None
    published: dict[str, float] | None
    networks: tuple[Judged, ...]


@dataclass(frozen=True)
class Plan:
    """What the experiment needs done, and how its table follows from it."""

    planned: tuple[PlannedRow, ...]
    true_class: str
    found: dict[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """The cells whose records the table reads: all networks first, then all attacks."""
        networks = [each for row in self.planned for each in row.networks]
        clean = [cell for n in networks for cell in (n.train, n.judge) if cell is not None]
        return clean + [cell for each in networks for cell in each.cells if cell not in clean]

    def rows(self, outcomes: Outcomes) -> list[dict[str, Any]]:
        """Make the table's rows from the records.

        Args:
            outcomes: cell key → what the cell found.

        """
        return [_table_row(row, outcomes, self.true_class) for row in self.planned]


def _table_row(row: PlannedRow, outcomes: Outcomes, true_class: str) -> dict[str, Any]:
    judged = [outcomes[each.judge.key].values for each in row.networks]
    classes = judged[0]["classes"]
    labels = torch.tensor(judged[0]["labels"])
    answers = torch.tensor([values["answers"] for values in judged])
    right = answers == labels
    names = sorted({classes[label] for label in labels.tolist()}, key=classes.index)
    others = labels != classes.index(true_class)
    return {
        "label": row.label,
        "defense": row.defense,
        "alpha": row.alpha,
        **_rate("test_accuracy", mean_rate(right)),
        "test_images": len(labels),
        "class_accuracy": {
            name: _plain(mean_rate(right[:, labels == classes.index(name)])) for name in names
        },
        "called_true_class": _plain(mean_rate(answers[:, others] == classes.index(true_class)))
        if bool(others.any())
        else None,
        "maps": _means([values["maps"] for values in judged]),
        "kernels": None
        if judged[0]["kernels"] is None
        else _means([values["kernels"] for values in judged]),
        "networks": [
            {
                "seed": each.seed,
                "test_accuracy": float(hits.float().mean()),
                "train": None if each.train is None else each.train.key,
                "judge": each.judge.key,
            }
            for each, hits in zip(row.networks, right, strict=True)
        ],
        "attacks": {
            name: [
                _attack(row.networks, name, scene, outcomes)
                for scene in range(len(row.networks[0].attacks[name]))
            ]
            for name in row.networks[0].attacks
        },
        "published": row.published,
    }


def _attack(
    networks: Sequence[Judged], name: str, scene: int, outcomes: Outcomes
) -> dict[str, Any]:
    """Put one attack on one scene together, over the networks: mean and worst target."""
    cells = [each.attacks[name][scene] for each in networks]
    found = [outcomes[cell.key].values for cell in cells]
    true, targets, classes = found[0]["true"], found[0]["targets"], found[0]["classes"]
    clean = torch.tensor([values["clean"] for values in found])
    attacked = torch.tensor([values["attacked"] for values in found])  # networks × targets × views
    each = [rates_over_targets(c, a, true, targets) for c, a in zip(clean, attacked, strict=True)]
    worst = torch.stack(
        [a[targets.index(r.worst_target)] for a, r in zip(attacked, each, strict=True)]
    )
    targeted = found[0]["goal"] == "targeted"
    reached = attacked == torch.tensor(targets)[:, None]
    altered = attacked != clean[:, None]
    control = torch.tensor([values["control"] for values in found])
    return {
        "true_class": classes[true],
        "images": clean.shape[1],
        "targets_tried": len(targets) if targeted else 0,
        **_rate("accuracy", mean_rate(clean == true)),
        **_rate("attack_success_rate", mean_rate((attacked != true).flatten(0, 1))),
        "mean": {
            "attack_success_rate": _plain(mean_rate((attacked != true).flatten(0, 1))),
            "prediction_altered_rate": _plain(mean_rate(altered.flatten(0, 1))),
            "target_reached_rate": _plain(mean_rate(reached.flatten(0, 1))) if targeted else None,
        },
        "worst": {
            "attack_success_rate": _plain(mean_rate(worst != true)),
            "targets": [classes[rates.worst_target] for rates in each] if targeted else [],
        },
        "any_target": _plain(mean_rate((attacked != true).any(1))),
        "control_success_rate": _plain(mean_rate((control != true).flatten(0, 1))),
        "targets": {
            classes[target]: {
                "attack_success_rate": float((attacked[:, place] != true).float().mean()),
                "target_reached_rate": float((attacked[:, place] == target).float().mean()),
            }
            for place, target in enumerate(targets)
            if targeted
        },
        "l2_dissimilarity": statistics.fmean(
            distance for values in found for distance in values["l2_dissimilarity"]
        ),
        "loss": {
            "first": _mean_of_known([values["loss_first"] for values in found]),
            "last": _mean_of_known([values["loss_last"] for values in found]),
        },
        "networks": [
            {
                "mean": rates.mean.attack_success_rate.value,
                "worst": rates.worst.attack_success_rate.value,
                "cell": cell.key,
            }
            for rates, cell in zip(each, cells, strict=True)
        ],
    }


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    return {name: rate.value, f"{name}_interval": [rate.low, rate.high]}


def _plain(rate: Rate) -> dict[str, Any]:
    return {"value": rate.value, "interval": [rate.low, rate.high], "images": rate.total}


def _means(measured: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(m[name] for m in measured) for name in measured[0]}


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
