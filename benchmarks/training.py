"""What training and filtering cost, as ratios of turns that alternate.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/training.py [TURNS]

About a minute on two cores at 15 turns. Prints JSON: the ratio of the medians, and what it is to
stay below. LISA-CNN, batches of 64, random images.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from blurnet.data import ImageSet
from blurnet.evaluation import predict
from blurnet.filters import DepthwiseFilter, insert_after, insert_trainable, kernel
from blurnet.models import build
from blurnet.penalties import Penalty
from blurnet.training import FitSettings, SignAugmentation, fit

STEPS, BATCH = 12, 64
LIMITS = {
    "plain fit / bare loop": 1.10,
    "TV / plain fit": 1.15,
    "L∞ / the same learned 5×5 without": 1.15,
    "learned 5×5 and L∞ / plain fit": None,
    "augmentation / plain fit": 1.20,
    "inference with a fixed 5×5 / without": 1.15,
}


def main(turns: int) -> None:
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (STEPS * BATCH, 3, 32, 32), dtype=torch.uint8, generator=draw)
    signs = ImageSet(images, torch.arange(len(images)) % 17, tuple(map(str, range(17))))
    plain = build("lisa_cnn", 17, seed=0)
    learned = insert_trainable(plain, "conv1", "box", 5, example=signs.floats[:2])
    fixed = insert_after(plain, "conv1", DepthwiseFilter(kernel("box", 5))).eval()
    still = build("lisa_cnn", 17, seed=0).eval()
    smooth, peak = Penalty("total_variation", 1e-4, ("conv1",)), Penalty("l_infinity", 0.1)
    seconds = alternate(
        {
            "bare": lambda: bare_loop(plain, signs),
            "plain": lambda: library_loop(plain, signs),
            "tv": lambda: library_loop(plain, signs, penalties=[smooth]),
            "learned": lambda: library_loop(learned, signs),
            "l_inf": lambda: library_loop(learned, signs, penalties=[peak]),
            "augmented": lambda: library_loop(plain, signs, augment=SignAugmentation()),
            "with": lambda: infer(fixed, signs),
            "without": lambda: infer(still, signs),
        },
        turns,
    )
    pairs = ("plain bare", "tv plain", "l_inf learned", "l_inf plain", "augmented plain")
    ratios = {
        name: {"ratio": round(seconds[pair.split()[0]] / seconds[pair.split()[1]], 3), "limit": top}
        for (name, top), pair in zip(LIMITS.items(), (*pairs, "with without"), strict=True)
    }
    print(
        json.dumps(
            {
                "ratios": ratios,
                "plain_step_ms": round(1e3 * seconds["plain"] / STEPS, 2),
                "threads": torch.get_num_threads(),
                "turns": turns,
            },
            indent=1,
            ensure_ascii=False,
        )
    )


def alternate(work: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Give the median seconds of each piece of work, done in turns; the first turn warms up."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(turns + 1):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(each[1:]) for name, each in taken.items()}


def bare_loop(model: torch.nn.Module, signs: ImageSet) -> None:
    """Train as one writes it by hand."""
    adam = torch.optim.Adam(model.parameters(), lr=1e-5)
    model.train()
    for batch in torch.randperm(len(signs)).split(BATCH):
        images = signs.images[batch].float() / 255
        loss = F.cross_entropy(model(images), signs.labels[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()


def library_loop(model: torch.nn.Module, signs: ImageSet, **more: object) -> None:
    settings = FitSettings(epochs=1, batch_size=BATCH, lr=1e-5)
    fit(model, signs, settings=settings, generator=torch.Generator().manual_seed(0), **more)


def infer(model: torch.nn.Module, signs: ImageSet) -> None:
    predict(model, signs.images)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
