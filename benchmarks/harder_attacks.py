"""Does a low success rate survive harder attacks? Those of a run's networks that one row names.

    python benchmarks/harder_attacks.py RUN "grey ResNet + occlusion" --rp2 ../shared/data/rp2 \
        --source "grey ResNet, undefended"

RUN is the folder of a ``blurnet run whitebox``. Prints a markdown table: photographs not taken for
stop, for attacks with a target the mean over targets and the worst.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from blurnet.attacks import RandomSearchSettings, RP2Settings, random_search, rp2
from blurnet.data.rp2 import load_noise, load_scene
from blurnet.data.scene import Scene
from blurnet.engine import Records
from blurnet.evaluation import predict
from blurnet.experiments import load_results
from blurnet.experiments.steps.network import network_of
from blurnet.experiments.steps.values import NetworkValues

STRONGEST = RP2Settings(
    precision="auto",
    steps=200,
    lam=0,
    placement="paste",
    loss="margin",
    goal="untargeted",
    scope="per_image",
    restarts=2,
    keep="closest",
)
LONGEST = RP2Settings(**(vars(STRONGEST) | {"steps": 500, "restarts": 4}))
TARGETED = {
    "formula": RP2Settings(keep="closest", precision="auto"),
    "formula, 1,000 steps": RP2Settings(steps=1000, keep="closest", precision="auto"),
    "no norm, gradient through the clip": RP2Settings(
        lam=0, placement="add_straight_through", keep="closest", precision="auto"
    ),
    "the same, margin loss": RP2Settings(
        lam=0, placement="add_straight_through", loss="margin", keep="closest", precision="auto"
    ),
    "one pasted sticker, margin loss": RP2Settings(
        lam=0, placement="paste", loss="margin", keep="closest", precision="auto"
    ),
}


class Attacked:
    """One network and the photographs: how many are no longer taken for what they show."""

    def __init__(self, model: nn.Module, classes: Sequence[str], scene: Scene) -> None:
        self.model, self.images, self.mask = model, scene.floats, scene.mask
        self.true = classes.index(scene.true_class)
        self.others = [place for place in range(len(classes)) if place != self.true]

    def fooled(self, adversarial: Tensor) -> Tensor:
        """Say which views are taken for something else, bool, V."""
        return predict(self.model, adversarial).classes != self.true

    def by_rp2(self, settings: RP2Settings, mask: Tensor | None = None) -> Iterator[Tensor]:
        """Attack at every target, or untargeted at once; of each V × C × H × W."""
        aims = [self.true] if settings.goal == "untargeted" else self.others
        found = rp2(
            self.model,
            self.images,
            torch.tensor(aims),
            self.mask if mask is None else mask,
            settings=settings,
            generator=torch.Generator().manual_seed(0),
            keep_images=False,
        )
        return (found.attacked(place) for place in range(len(aims)))

    def by_strongest(self, settings: RP2Settings, mask: Tensor | None = None) -> Tensor:
        """Attack untargeted, V × C × H × W."""
        return next(self.by_rp2(settings, mask))

    def by_random_search(self, queries: int) -> Tensor:
        """Attack without a gradient, V × C × H × W."""
        return random_search(
            self.model,
            self.images,
            torch.full((len(self.images),), self.true),
            self.mask,
            settings=RandomSearchSettings(queries),
            generator=torch.Generator().manual_seed(0),
        ).adversarial


def figures(
    network: Attacked,
    sources: list[Attacked],
    published: Tensor,
    octagon: Tensor,
    *,
    targeted: bool,
) -> Iterator[tuple[str, list[Tensor]]]:
    """Give each attack's name, and which views it fooled, for each target."""
    fooled = network.fooled
    yield "no sticker", [fooled(network.images)]
    yield "RP2's published sticker", [fooled((network.images + published).clamp(0, 1))]
    yield "random search, 2,000 queries", [fooled(network.by_random_search(2000))]
    yield "strongest", [fooled(network.by_strongest(STRONGEST))]
    yield "strongest, 500 steps, 4 restarts", [fooled(network.by_strongest(LONGEST))]
    if sources:
        carried = [fooled(source.by_strongest(STRONGEST)) for source in sources]
        name = f"strongest of {len(sources)} other networks, carried over, any"
        yield name, [torch.stack(carried).any(0)]
    yield "strongest, whole octagon", [fooled(network.by_strongest(STRONGEST, octagon))]
    if not targeted:
        return
    for name, settings in TARGETED.items():
        yield name, [fooled(images) for images in network.by_rp2(settings)]
    whole = network.by_rp2(TARGETED["formula"], octagon)
    yield "formula, whole octagon", [fooled(images) for images in whole]


def main() -> None:
    """Attack, and print a row for each attack and network as it is done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a blurnet run whitebox")
    parser.add_argument("label", help="the row whose networks are attacked")
    parser.add_argument("--rp2", type=Path, required=True, help="RP2's photographs and masks")
    parser.add_argument("--source", help="row whose networks' stickers are carried over too")
    parser.add_argument("--seeds", type=int, nargs="+", help="only these training seeds")
    parser.add_argument("--untargeted", action="store_true", help="only what takes a minute or two")
    given = parser.parse_args()

    scene, records = load_scene(given.rp2), Records(given.run)
    octagon = load_scene(given.rp2, "octagon").mask
    published = load_noise(given.rp2)[0] * scene.mask
    rows = load_results(given.run).rows

    def networks(label: str | None) -> dict[int, Attacked]:
        found = {
            network.seed: records.read(network.train, NetworkValues)
            for row in rows
            if row.label == label
            for network in row.networks
        }
        return {
            seed: Attacked(network_of(outcome), outcome.values.classes, scene)
            for seed, outcome in found.items()
        }

    mine, others = networks(given.label), networks(given.source)
    if not mine:
        parser.error(f"no row {given.label!r}; there are: {[row.label for row in rows]}")
    print("| seed | attack | mean | worst target | seconds |\n|---|---|---|---|---|")
    for seed, network in mine.items():
        if given.seeds and seed not in given.seeds:
            continue
        sources = [*others.values(), *(each for key, each in mine.items() if key != seed)]
        start = time.monotonic()
        for name, fooled in figures(
            network, sources, published, octagon, targeted=not given.untargeted
        ):
            rates = torch.stack(fooled).float().mean(1) * 100
            worst = f"{rates.max():.1f}" if len(rates) > 1 else ""
            seconds = time.monotonic() - start
            print(f"| {seed} | {name} | {rates.mean():.1f} | {worst} | {seconds:.0f} |", flush=True)
            start = time.monotonic()


if __name__ == "__main__":
    main()
