"""Which attacks together find most for what they cost: how the standard suite was chosen.

    OMP_NUM_THREADS=1 python benchmarks/union.py --lisa ../shared/data/lisa --keep runs/union

Networks trained here, in a minute each, on the first four fifths of LISA's training split;
attacked on signs of the last fifth that they classify rightly. Neither the test block nor RP2's
photographs are looked at. The sticker is RP2's in shape, 30 pixels. A pass forward costs 1, a
gradient 2 more; an image that is fooled costs nothing further.

Chosen greedily: the attack that fools most signs, not fooled yet, for its passes; until what is
left to find is nothing. Then those that the others make needless are dropped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

import blurnet
from blurnet.attacks import (
    STICKER_ATTACKS,
    APGDSettings,
    PatchRSSettings,
    RandomSearchSettings,
    rectangles,
    rp2,
)
from blurnet.attacks.losses import margin_of
from blurnet.data import RP2_CLASSES, ImageSet, load_images, split_by_block
from blurnet.data.tensors import read_safetensors
from blurnet.evaluation import predict
from blurnet.models import build

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from networks import spatial_transformer

STARTS = ("random", "corners", "black", "white", "clean")
ADAM = blurnet.RP2Settings(
    steps=200,
    lam=0,
    placement="paste",
    loss="margin",
    goal="untargeted",
    scope="per_image",
    restarts=2,
    precision="auto",
)
CANDIDATES = {
    "Adam on a sigmoid, margin, 200 × 2": ADAM,
    "APGD cross-entropy × 1": APGDSettings(restarts=1),
    "APGD cross-entropy × 5": APGDSettings(restarts=5),
    "APGD margin × 5, five starts": APGDSettings(loss="margin", restarts=5, starts=STARTS),
    "APGD DLR × 5": APGDSettings(loss="dlr", restarts=5),
    "APGD targeted DLR × 9": APGDSettings(loss="dlr", targets=9, restarts=1),
    "APGD targeted margin × all × 2": APGDSettings(
        loss="margin", targets="all", restarts=2, starts=("random", "corners")
    ),
    "search 500, APGD margin × 5": APGDSettings(
        loss="margin", search=500, restarts=5, starts=STARTS
    ),
    "search 500, APGD cross-entropy × 5": APGDSettings(search=500),
    "random search, 2,000": RandomSearchSettings(2000),
    "Patch-RS, 2,000": PatchRSSettings(2000),
    "Patch-RS targeted, 500 × 3": PatchRSSettings(500, targets=3),
}


def sticker() -> Tensor:
    """Draw a sticker of RP2's shape: four rectangles, 30 pixels."""
    return rectangles(
        (32, 32), [(8, 15, 10, 19), (20, 18, 23, 20), (9, 22, 13, 25), (18, 24, 20, 26)]
    )


class Kind(NamedTuple):
    """How a network is built, and what hardens it."""

    build: Callable[[int], nn.Module]
    defense: blurnet.Defense = blurnet.Defense()


def _transformer(classes: int) -> nn.Module:
    torch.manual_seed(0)
    return spatial_transformer.build(classes)


OCCLUSION = blurnet.Defense(augmentation={"name": "occlusion"})
BLUR = blurnet.Defense(filters=[blurnet.Blur("box", 5)])
NETWORKS = {
    "LISA-CNN": Kind(lambda classes: build("lisa_cnn", classes, seed=0)),
    "LISA-CNN, occlusion": Kind(lambda classes: build("lisa_cnn", classes, seed=1), OCCLUSION),
    "LISA-CNN, box 5×5": Kind(lambda classes: build("lisa_cnn", classes, seed=2), BLUR),
    "spatial transformer": Kind(_transformer),
    "spatial transformer, occlusion": Kind(_transformer, OCCLUSION),
}


class Attacked(NamedTuple):
    """What an attack did to a network: signs fooled, bool, N, and passes, the mean over signs."""

    fooled: Tensor
    passes: float
    seconds: float


def trained(kind: Kind, signs: ImageSet, epochs: int, path: Path) -> nn.Module:
    """Give a trained network, from its file if it has been trained before."""
    net = blurnet.harden(kind.build(len(signs.classes)), kind.defense)
    if path.is_file():
        net.load_state_dict(read_safetensors(path)[0])
        return net.eval()
    blurnet.train(net, signs, settings=blurnet.FitSettings(epochs=epochs))
    from safetensors.torch import save_file

    save_file({name: each.contiguous() for name, each in net.state_dict().items()}, path)
    return net.eval()


def attacked(net: nn.Module, images: Tensor, labels: Tensor, mask: Tensor, how: object) -> Attacked:
    """Run one attack."""
    start, generator = time.monotonic(), torch.Generator().manual_seed(0)
    if isinstance(how, blurnet.RP2Settings):
        found = rp2(net, images, labels[None], mask, settings=how, generator=generator)
        with torch.no_grad():
            fooled = margin_of(net(found.attacked(0)), labels) < 0
        return Attacked(fooled, 3 * how.steps * how.restarts, time.monotonic() - start)
    (run,) = [each.run for each in STICKER_ATTACKS.values() if each.settings is type(how)]
    result = run(net, images, labels, mask, settings=how, generator=generator)
    passes = (result.queries + 2 * result.gradients).double().mean()
    return Attacked(result.fooled, float(passes), time.monotonic() - start)


def chosen(fooled: dict[str, Tensor], passes: dict[str, float]) -> list[str]:
    """Give the union that finds all that is found, by greedy choice; see the module."""
    left = torch.stack(list(fooled.values())).any(0)
    taken: list[str] = []
    while left.any():
        best = max(fooled, key=lambda name: float((fooled[name] & left).sum()) / passes[name])
        taken.append(best)
        left = left & ~fooled[best]
    for name in sorted(taken, key=passes.__getitem__, reverse=True):
        rest = [fooled[other] for other in taken if other != name]
        if rest and not (fooled[name] & ~torch.stack(rest).any(0)).any():
            taken.remove(name)
    return taken


def main() -> None:
    """Train, attack and choose."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lisa", type=Path, required=True, help="folder with train/<class>/*.png")
    parser.add_argument("--keep", type=Path, required=True, help="folder for the networks")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--signs", type=int, default=40, help="attacked, of each network")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--attacks", nargs="+", default=list(CANDIDATES))
    given = parser.parse_args()

    given.keep.mkdir(parents=True, exist_ok=True)
    parts = load_images(f"folder:{given.lisa}", classes=RP2_CLASSES)
    train, validation = split_by_block(parts.train)
    mask = sticker()
    fooled: dict[str, list[Tensor]] = {name: [] for name in given.attacks}
    passes: dict[str, list[float]] = {name: [] for name in given.attacks}
    seconds: dict[str, list[float]] = {name: [] for name in given.attacks}
    for name in given.networks:
        path = given.keep / f"{name.replace(' ', '_').replace(',', '')}.safetensors"
        net = trained(NETWORKS[name], train, given.epochs, path)
        right = (predict(net, validation.images).classes == validation.labels).nonzero().flatten()
        drawn = right[torch.randperm(len(right), generator=torch.Generator().manual_seed(0))]
        signs = drawn[: given.signs]
        images, labels = validation.images[signs].float() / 255, validation.labels[signs]
        print(f"\n{name}: {100 * len(right) / len(validation):.1f} % of the validation signs right")
        for attack in given.attacks:
            found = attacked(net, images, labels, mask, CANDIDATES[attack])
            fooled[attack].append(found.fooled)
            passes[attack].append(found.passes)
            seconds[attack].append(found.seconds)
            share = 100 * float(found.fooled.double().mean())
            print(
                f"  {attack:36}{share:6.1f} %{found.passes:8.0f} passes{found.seconds:7.1f} s",
                flush=True,
            )
        together = torch.stack([each[-1] for each in fooled.values()]).any(0)
        print(f"  {'all together':36}{100 * float(together.double().mean()):6.1f} %", flush=True)

    every = {name: torch.cat(each) for name, each in fooled.items()}
    cost = {name: sum(each) / len(each) for name, each in passes.items()}
    most = int(torch.stack(list(every.values())).any(0).sum())
    print(f"\nOver {len(given.networks)} networks, {most} signs fooled by any:")
    for name in given.attacks:
        print(f"  {name:36}{int(every[name].sum()):5}{cost[name]:8.0f} passes")
    union = chosen(every, cost)
    sofar = torch.zeros_like(next(iter(every.values())))
    print("\nThe union:")
    for name in union:
        sofar |= every[name]
        print(f"  {name:36}{int(sofar.sum()):5} of {most}{cost[name]:8.0f} passes")
    kept = {
        name: {"fooled": [each.tolist() for each in fooled[name]], "passes": passes[name]}
        for name in given.attacks
    }
    (given.keep / "union.json").write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
