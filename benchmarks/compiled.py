"""Does torch.compile pay in an attack? A step's forward and backward, eager and compiled, in turns.

    python benchmarks/compiled.py
    python benchmarks/compiled.py --device cuda --images 680

torch keeps what it has compiled on the disk: the time of compiling is that of a first run only if
TORCHINDUCTOR_CACHE_DIR names an empty folder.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from blurnet.models import build


def step(network, images, labels):
    """Give the gradient of the loss with respect to one sticker for all images."""
    sticker = torch.zeros_like(images[0]).requires_grad_()
    F.cross_entropy(network((images + sticker).clamp(0, 1)), labels).backward()
    return sticker.grad


def seconds(network, images, labels, steps):
    start = time.perf_counter()
    for _ in range(steps):
        gradient = step(network, images, labels)
    float(gradient.sum())  # waits for the device
    return (time.perf_counter() - start) / steps


def compare(name, device, count, turns, steps=30):
    network = build(name, 17, seed=0).eval().to(device)
    images = torch.rand(count, 3, 32, 32, device=device)
    labels = torch.zeros(count, dtype=torch.int64, device=device)
    start = time.perf_counter()
    compiled = torch.compile(network)
    float(step(compiled, images, labels).sum())
    compiling = time.perf_counter() - start
    found = {"eager": [], "compiled": []}
    for _ in range(turns):
        for how, one in zip(found, (network, compiled), strict=True):
            seconds(one, images, labels, 3)
            found[how].append(seconds(one, images, labels, steps))
    eager, fast = (1e3 * statistics.median(each) for each in found.values())
    print(
        f"{name}, {count} images on {device}: {eager:.1f} ms a step eager, {fast:.1f} compiled "
        f"({eager / fast:.2f} ×), after {compiling:.0f} s of compiling, which "
        + (f"{1e3 * compiling / (eager - fast):,.0f} steps pay back" if fast < eager else "is lost")
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    for name in ("lisa_cnn", "grey_resnet"):
        compare(name, arguments.device, arguments.images, arguments.turns)
