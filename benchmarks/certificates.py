"""Try to break certificates with every attack of ours; what is certified, and at what price.

    blurnet train --model grey_resnet --data folder:../shared/data/lisa --classes rp2 --epochs 40 \
        --augmentation double_cutout --set training.lr=0.002 --set training.warmup=0.1 \
        --set training.label_smoothing=0.1 --set 'augmentation={rotation: 10, scale: 0.2, \
        shift: 0.08, perspective: 0.15, brightness: 0.5, contrast: 0.5, gamma: 0.5, cast: 0.8, \
        grey: 0.3, blur: 0.5}' --seed 0 --out runs/cutout0
    python benchmarks/certificates.py runs/cutout0 --lisa ../shared/data/lisa \
        --rp2 ../shared/data/rp2

Certifies RP2's own network and the networks given on the 40 photographs and on test signs, and
attacks the images that are certified (and as many that are not), at places drawn from the family:
stickers pasted by RP2 and found by random search on the bare network, random search on the network
with masking, and the gradient attack on it. Prints a markdown row for each network, set and family.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from blurnet.attacks import RandomSearchSettings, RP2Settings, random_search, rp2
from blurnet.certificates import Certificate, MaskedNetwork, certify, family_of
from blurnet.certificates.attack import MaskedAttackSettings, attack_masked
from blurnet.certificates.pairs import pairs_of
from blurnet.data import load_images, load_scene
from blurnet.defenses import load
from blurnet.evaluation import predict
from blurnet.models import Classifier

PASTED = RP2Settings(
    steps=40, lam=0, placement="paste", loss="margin", goal="untargeted", scope="per_image"
)


@dataclass(frozen=True)
class Images:
    name: str
    images: Tensor
    labels: Tensor


def sets(network: Classifier, lisa: Path, rp2_folder: Path, most: int) -> Iterator[Images]:
    scene = load_scene(rp2_folder)
    assert network.classes is not None
    stop = torch.full((len(scene),), network.classes.index(scene.true_class))
    yield Images("photographs", scene.floats, stop)
    known = tuple(name for name in network.classes if (lisa / "test" / name).is_dir())
    signs = load_images(f"folder:{lisa}", classes=known).test.labelled_as(network.classes)
    if most < len(signs):
        signs = signs.spread(most)
    yield Images("test signs", signs.floats, signs.labels)


def attacks(
    network: Classifier, found: Certificate, images: Tensor, labels: Tensor, searched: int
) -> Iterator[tuple[str, Tensor]]:
    """Give each attack's name and its images; every sticker is one of the family."""
    height, width = images.shape[2:]
    draw = torch.Generator().manual_seed(0)
    predictor = MaskedNetwork(network, pairs_of(found.family, height, width))
    place = found.family.draw(len(images), height, width, draw).float()
    yield (
        "random search, bare",
        random_search(
            network, images, labels, place, settings=RandomSearchSettings(200), generator=draw
        ).adversarial,
    )
    place = found.family.draw(len(images), height, width, draw).float()
    pasted = rp2(network, images, labels[None], place, settings=PASTED, generator=draw)
    yield "RP2 pasted, bare", pasted.attacked(0)
    few = slice(0, searched)
    place = found.family.draw(len(images[few]), height, width, draw).float()
    search = random_search(
        predictor, images[few], labels[few], place, settings=RandomSearchSettings(20),
        generator=draw,
    )  # fmt: skip
    yield "random search, masked", torch.cat((search.adversarial, images[searched:]))
    yield (
        "gradient, masked",
        attack_masked(
            predictor,
            images,
            labels,
            found.family,
            wrong_under=found.wrong_under,
            settings=MaskedAttackSettings(),
            generator=draw,
        ),
    )


def row(name: str, network: Classifier, given: Images, text: str, mask: Tensor, most: int) -> int:
    """Certify, attack, print; give how many certified images were attacked."""
    family, images, labels = family_of(text, mask), given.images, given.labels
    bare = int((predict(network, images).classes == labels).sum())
    start = time.process_time()
    found = certify(network, images, labels, family)
    seconds = (time.process_time() - start) / len(images)
    right = found.answers == labels
    certified = (found.certified).nonzero().flatten()[:most]
    others = (right & ~found.certified).nonzero().flatten()[:most]
    chosen = torch.cat((certified, others))
    part = Certificate(
        family, found.masks, found.areas, found.answers[chosen], found.certified[chosen],
        found.wrong_under[chosen],
    )  # fmt: skip
    predictor = MaskedNetwork(network, pairs_of(family, *images.shape[2:])).eval()
    held = torch.ones(len(chosen), dtype=torch.bool)
    tried = broken = 0
    for _, attacked in attacks(network, part, images[chosen], labels[chosen], 20):
        changed = (attacked != images[chosen]).any(1)
        its = family.has(changed) & changed.flatten(1).any(1)
        with torch.no_grad():
            answers = torch.cat([predictor(some).argmax(1) for some in attacked.split(16)])
        held &= answers == labels[chosen]
        tried += int((its & part.certified).sum())
        broken += int((its & part.certified & (answers != labels[chosen])).sum())
    count = len(images)
    fallen = int((~held).sum())
    print(
        f"| {name} | {given.name} | {family.name} | {bare} of {count} | {int(right.sum())} | "
        f"**{int(found.certified.sum())}** ({100 * found.certified.float().mean():.1f} %) | "
        f"{fallen} of {len(others)} | {len(certified)} | {tried} | **{broken}** | {seconds:.2f} |",
        flush=True,
    )
    return len(certified)


def main() -> None:
    """Print the table, and how many certified images were attacked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", type=Path, nargs="*", help="folders of blurnet train")
    parser.add_argument("--lisa", type=Path, required=True)
    parser.add_argument("--rp2", type=Path, required=True)
    parser.add_argument("--families", nargs="+", default=["any:5", "mask:2"])
    parser.add_argument("--images", type=int, default=10_000, help="test signs, at most")
    parser.add_argument("--attacked", type=int, default=10_000, help="of each kind, at most")
    given = parser.parse_args()
    mask = load_scene(given.rp2).mask
    networks = {"RP2's own": load(given.rp2 / "lisa_cnn.safetensors", "lisa_cnn")}
    networks |= {folder.name: load(folder) for folder in given.networks}
    print(
        "| network | images | stickers | right, bare | right, masked | certified | others turned | "
        "certified images attacked | stickers tried on them | broken | CPU s an image |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    total = 0
    for name, network in networks.items():
        for each in sets(network, given.lisa, given.rp2, given.images):
            for text in given.families:
                total += row(name, network, each, text, mask, given.attacked)
    print(f"\n{total} certified images were attacked.")


if __name__ == "__main__":
    main()
