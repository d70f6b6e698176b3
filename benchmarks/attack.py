"""What a gradient of RP2 costs, beside bare loops and other libraries.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/attack.py --json [--rp2 ../shared/data/rp2]

RP2's own network, its 40 photographs and mask, 16 targets. Every contestant takes its turn, turn
after turn; printed are µs per image-gradient: the median turn's wall time / (images × targets ×
steps). ART and foolbox are timed where they are installed: pip install 'blurnet[peers]'.

    --sweep      the whole white-box sweep, 16 targets × 40 images × 300 steps
    --scaling    seconds and peak memory at 1, 2, 5 and 10 times the targets, views and steps
    --transforms photographs of 96 × 96 through ten transforms down to a network's 32 × 32, 4
                 targets, beside a bare loop that does the same
    --networks   small_resnet, lisa_cnn_wide and grey_resnet, beside bare loops

glibc gives big tensors back to the system at each step, unless it has freed a mapping of nearly
32 MiB before; an attack frees one (attacks/fast/attacked_network.py), and all who take turns here
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
from attack_peers import art_pgd, bare_loop, foolbox_pgd, plain_loop
from attack_transforms import NETWORKS, Contest, other_network, through_transforms
from torch import Tensor, nn

from blurnet.attacks import RP2Settings, rp2
from blurnet.data.rp2 import load_scene
from blurnet.models import MODELS
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
    elif arguments.transforms:
        _, images, targets, mask = problem
        few = targets[:4]
        contest = through_transforms(images, few, mask, arguments.steps)
        found = beside_bare(contest, len(images) * len(few), arguments.steps, arguments.turns)
    elif arguments.networks:
        _, images, targets, mask = problem
        each_step = len(images) * len(targets)
        found = {
            name: beside_bare(
                other_network(name, images, targets, mask, arguments.steps),
                each_step,
                arguments.steps,
                arguments.turns,
            )
            for name in NETWORKS
        }
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
    arguments.add_argument("--steps", type=int, default=20, help="of each contestant in each turn")
    arguments.add_argument("--turns", type=int, default=4)
    for kind in ("sweep", "scaling", "transforms", "networks"):
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
    work, taken, of_processor = ours(problem, size["steps"], precision="auto"), [], []
    for _ in range(3):
        start, before = time.perf_counter(), time.process_time()
        work()
        taken.append(time.perf_counter() - start)
        of_processor.append(time.process_time() - before)
    return {
        "seconds": round(min(taken), 3),
        "cpu_seconds": round(min(of_processor), 3),
        "peak_mib": peak_mib(),
    }


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def beside_bare(contest: Contest, images: int, steps: int, turns: int) -> dict[str, object]:
    """Time ours beside the bare loops; ``images``: of each step, over all targets."""
    taken = alternate(contest, turns)
    found: dict[str, object] = {
        name: round(1e6 * statistics.median(each) / (images * steps), 1)
        for name, each in taken.items()
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
