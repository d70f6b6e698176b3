"""What each target's attack did, and its sticker where that was recorded."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from blurnet.evaluation import Rate, mean_rate
from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import AttackedScene, DefenseRow
from blurnet.experiments.steps.values import WhiteboxValues
from blurnet.report.defenses.words import name_of
from blurnet.report.figures.images import image_uri
from blurnet.report.run import Run


@dataclass(frozen=True)
class TargetBar:
    """One target: success over all seeds, how many were taken for it, the first seed's sticker."""

    target: str
    success: Rate
    reached: float
    sticker: str | None


@dataclass(frozen=True)
class Panel:
    """The targets of one attack on one scene and network, the highest success first."""

    choice: dict[str, str]
    title: str
    network: str
    bars: tuple[TargetBar, ...]

    @property
    def stickers(self) -> bool:
        """Whether the stickers were recorded."""
        return self.bars[0].sticker is not None


@dataclass(frozen=True)
class Panels:
    """What ``targets.html.j2`` shows: panels to choose from by the axes."""

    axes: tuple[str, ...]
    panels: tuple[Panel, ...]


def target_panels(run: Run[Defenses, DefenseRow]) -> Panels | None:
    """Show each target; None where no attack had several."""
    panels = tuple(_panels(run))
    return Panels(("Attack", "Signs", "Network"), panels) if panels else None


def _panels(run: Run[Defenses, DefenseRow]) -> Iterator[Panel]:
    for row in run.results.rows:
        for attack, scenes in row.attacks.items():
            for scene in scenes:
                if scene.targets_tried > 1:
                    yield _panel(run, row, attack, scene)


def _panel(
    run: Run[Defenses, DefenseRow], row: DefenseRow, attack: str, scene: AttackedScene
) -> Panel:
    found = [run.read(network.step, WhiteboxValues) for network in scene.networks]
    first = found[0]
    values, noise = first.values, first.tensors.get("noise")
    (mask,) = run.tensors(scene.networks[0].step, first, "mask")
    answers = torch.tensor([each.values.attacked for each in found])  # networks × targets × views
    asked = run.results.settings.attacks.get(attack)
    pasted = asked is not None and asked.settings.placement == "paste"
    bars = []
    for place, target in enumerate(values.targets):
        sticker = None
        if noise is not None:
            added = mask * noise[place]
            sticker = image_uri(added if pasted else (1 + added) / 2)
        bars.append(
            TargetBar(
                values.classes[target],
                mean_rate(answers[:, place] != values.true),
                float((answers[:, place] == target).float().mean()),
                sticker,
            )
        )
    name = name_of(row)
    return Panel(
        {"Attack": attack, "Signs": scene.scene, "Network": name},
        f"{name}: {attack} on {scene.images} views of {scene.scene}",
        name,
        tuple(sorted(bars, key=lambda bar: -bar.success.value)),
    )
