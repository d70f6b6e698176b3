"""What a gradient of RP2 costs, beside bare loops and other libraries.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/attack.py --json [--rp2 ../shared/data/rp2]

RP2's own network, its 40 photographs and mask, 16 targets. Every contestant takes its turn, turn
after turn; printed are µs per image-gradient: the median turn's wall time / (images × targets ×
steps). ART and foolbox are timed where they are installed: pip install 'blurnet[peers]'.

    --sweep      the whole white-box sweep, 16 targets × 40 images × 300 steps
    --scaling    seconds and peak memory at 1, 2, 5 and 10 times the targets, views and steps
    --views      an attack through transformations on small_resnet, beside a bare loop of the same

glibc gives big tensors back to the system at each step, unless it has freed a mapping of nearly
32 MiB before; an attack frees one (attacks/attacked_network.py), and all who take turns here
profit. MALLOC_MMAP_THRESHOLD_=1073741824 with MALLOC_TRIM_THRESHOLD_=4294967296 adds nothing.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from attack_peers import art_pgd, bare_loop, foolbox_pgd, plain_loop
from torch import Tensor, nn

from blurnet.attacks import RP2Settings, rp2
from blurnet.data.rp2 import load_scene
from blurnet.models import MODELS, build
from blurnet.models.weights import read_network

PEERS = {"art": "adversarial-robustness-toolbox", "foolbox": "foolbox"}
Problem = tuple[nn.Module, Tensor, Tensor, Tensor]


def main() -> None:
    arguments = parser().parse_args()
    problem = load(arguments.rp2)
    if arguments.sweep:
        found = sweep(problem)
    elif arguments.scaling:
        found = scaling(arguments.rp2)
    elif arguments.views:
        found = through_views(problem, arguments.steps, arguments.turns)
    else:
        found = against_all(problem, arguments.steps, arguments.turns)
    found["machine"] = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load": [round(each, 2) for each in os.getloadavg()],
    }
    if arguments.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:14} {value}")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rp2", type=Path, default=Path("../shared/data/rp2"))
    arguments.add_argument("--json", action="store_true", help="print the result alone, as JSON")
    arguments.add_argument("--steps", type=int, default=10, help="of each contestant in each turn")
    arguments.add_argument("--turns", type=int, default=7)
    for kind in ("sweep", "scaling", "views"):
        arguments.add_argument(f"--{kind}", action="store_true")
    return arguments


def load(directory: Path) -> Problem:
    """Give the network, the photographs, all targets but the true class, and the mask."""
    scene = load_scene(directory)
    network = read_network(directory / "lisa_cnn.safetensors", MODELS["lisa_cnn"])
    others = [i for i, name in enumerate(network.classes) if name != scene.true_class]
    return network.model, scene.floats, torch.tensor(others[:16]), scene.mask


def ours(problem: Problem, steps: int, **settings: object) -> Callable[[], object]:
    model, images, targets, mask = problem
    model = deepcopy(model)
    chosen = RP2Settings(steps=steps, **settings)
    return lambda: rp2(
        model, images, targets, mask, settings=chosen, generator=torch.Generator().manual_seed(0)
    )


def against_all(problem: Problem, steps: int, turns: int) -> dict[str, object]:
    def of(loop: Callable[..., object], **more: object) -> Callable[[], object]:
        model = deepcopy(problem[0])
        return lambda: loop(model, *problem[1:], steps, **more)

    work = {
        "blurnet": ours(problem, steps, precision="auto"),
        "blurnet_fp32": ours(problem, steps, precision="float32"),
        "bare_bf16": of(bare_loop, bf16=True, piece=320),
        "bare_fp32": of(bare_loop, bf16=False, piece=160),
        "plain_loop": of(plain_loop),
    }
    if installed("art"):
        work["art"] = art_pgd(deepcopy(problem[0]), *problem[1:], steps)
    if installed("foolbox"):
        work["foolbox"] = foolbox_pgd(deepcopy(problem[0]), *problem[1:3], steps)
    taken = alternate(work, turns)
    gradients = len(problem[1]) * len(problem[2]) * steps
    found: dict[str, object] = {
        name: round(1e6 * statistics.median(taken[name]) / gradients, 1) if name in taken else None
        for name in (*work, *PEERS)
    }
    found["ratios"] = {
        "blurnet / bare_bf16": ratio(taken, "blurnet", "bare_bf16"),
        "blurnet_fp32 / bare_fp32": ratio(taken, "blurnet_fp32", "bare_fp32"),
        "plain_loop / blurnet": ratio(taken, "plain_loop", "blurnet"),
        "art / blurnet": ratio(taken, "art", "blurnet"),
        "foolbox / blurnet": ratio(taken, "foolbox", "blurnet"),
    }
    found["least"] = {name: round(1e6 * min(each) / gradients, 1) for name, each in taken.items()}
    return found | {"steps": steps, "turns": turns}


def alternate(work: dict[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Give the seconds of each piece of work, done in turns; the first turn warms up."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(turns + 1):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return taken


def ratio(taken: dict[str, list[float]], above: str, below: str) -> float | None:
    """Give the median of the ratios within a turn, which a busy machine moves least."""
    if above not in taken or below not in taken:
        return None
    return round(
        statistics.median(a / b for a, b in zip(taken[above], taken[below], strict=True)), 3
    )


def installed(name: str) -> bool:
    if importlib.util.find_spec(name) is None:
        print(f"{name} is not installed: pip install {PEERS[name]}", file=sys.stderr)
        return False
    return True


def sweep(problem: Problem) -> dict[str, object]:
    model, images, targets, _ = problem
    start = time.perf_counter()
    result = ours(problem, 300, precision="auto")()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        answers = model(result.adversarial.flatten(0, 1)).argmax(1).view(len(targets), -1)
        truth = model(images).argmax(1)
    fooled = (answers != truth).float().mean(1)
    return {
        "seconds": round(seconds, 1),
        "us_per_image_gradient": round(1e6 * seconds / (300 * answers.numel()), 1),
        "prediction_altered_mean": round(fooled.mean().item(), 4),
        "prediction_altered_worst": round(fooled.max().item(), 4),
        "target_reached": round((answers == targets[:, None]).float().mean().item(), 4),
        "peak_mib": peak_mib(),
    }


def scaling(directory: Path) -> dict[str, object]:
    """Run each size in a process of its own, for its peak memory."""
    found: dict[str, object] = {}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for axis in ("targets", "views", "steps"):
            found[axis] = {
                str(factor): pool.apply(one_size, (directory, axis, factor))
                for factor in (1, 2, 5, 10)
            }
    return found


def one_size(directory: Path, axis: str, factor: int) -> dict[str, float]:
    model, images, targets, mask = load(directory)
    size = {"targets": 4, "views": 40, "steps": 4}
    size[axis] *= factor
    problem = (
        model,
        images.repeat(10, 1, 1, 1)[: size["views"]],
        targets.repeat(10)[: size["targets"]],
        mask,
    )
    ours(problem, 2, precision="auto")()
    work, taken = ours(problem, size["steps"], precision="auto"), []
    for _ in range(3):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return {"seconds": round(min(taken), 3), "peak_mib": peak_mib()}


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Turned:
    """A stand-in for a geometric view: the sticker turned by up to 10°, redrawn at each step."""

    of, redraw = "sticker", True

    def draw(
        self, count: int, _shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        return (torch.rand(count, 1, generator=generator) - 0.5) * 0.35

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        angle = parameters[:, 0]
        cos, sin, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
        matrix = torch.stack([cos, -sin, none, sin, cos, none], 1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)


class Lit:
    """Another: the image's values times 0.7 to 1.3, redrawn at each step."""

    of, redraw = "image", True

    def draw(
        self, count: int, _shape: tuple[int, int, int], /, generator: torch.Generator
    ) -> Tensor:
        return 0.7 + 0.6 * torch.rand(count, 1, generator=generator)

    def __call__(self, images: Tensor, parameters: Tensor, /) -> Tensor:
        return (images * parameters[..., None, None]).clamp(0, 1)


def through_views(problem: Problem, steps: int, turns: int) -> dict[str, object]:
    _, images, targets, mask = problem
    model = build("small_resnet", 18, seed=0)
    turned, lit, generator = Turned(), Lit(), torch.Generator().manual_seed(0)

    def warp(photographs: Tensor, sticker: Tensor, mask: Tensor) -> Tensor:
        count = (len(sticker), len(photographs))
        stacked = torch.cat([sticker, mask.expand(len(sticker), 1, 1, *mask.shape)], 2)
        stacked = stacked.expand(*count, -1, -1, -1).flatten(0, 1)
        angles = turned.draw(count[1], (4, 32, 32), generator).repeat(count[0], 1)
        light = lit.draw(count[1], (3, 32, 32), generator).repeat(count[0], 1)
        moved = turned(stacked, angles)[:, :3].unflatten(0, count)
        return lit((photographs + moved).clamp(0, 1).flatten(0, 1), light).unflatten(0, count)

    def attack(precision: str) -> Callable[[], object]:
        chosen = RP2Settings(steps=steps, precision=precision)
        copy = deepcopy(model)
        return lambda: rp2(
            copy, images, targets, mask, settings=chosen, generator=generator, views=[turned, lit]
        )

    def bare(bf16: bool) -> Callable[[], object]:
        copy, piece = deepcopy(model), 320 if bf16 else 160
        return lambda: bare_loop(
            copy, images, targets, mask, steps, bf16=bf16, piece=piece, warp=warp
        )

    taken = alternate(
        {
            "blurnet": attack("bfloat16"),
            "bare_bf16": bare(True),
            "blurnet_fp32": attack("float32"),
            "bare_fp32": bare(False),
        },
        turns,
    )
    gradients = len(images) * len(targets) * steps
    found: dict[str, object] = {
        name: round(1e6 * statistics.median(each) / gradients, 1) for name, each in taken.items()
    }
    return found | {
        "ratios": {
            "blurnet / bare_bf16": ratio(taken, "blurnet", "bare_bf16"),
            "blurnet_fp32 / bare_fp32": ratio(taken, "blurnet_fp32", "bare_fp32"),
        },
        "limit": 1.10,
    }


if __name__ == "__main__":
    main()
