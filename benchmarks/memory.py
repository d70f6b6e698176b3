"""What passes of a ResNet-18 take in memory, over the network and the images themselves.

    OMP_NUM_THREADS=1 python benchmarks/memory.py [--json]

Each measurement is a process of its own: its peak of resident memory, less what it had when network
and images were there. Takes some five minutes on one core.

- ``predict``: 128 images of 448 × 448. Wanted: below 1 GiB.
- ``attack``: photographs of 224 × 224, 10 targets, 4 steps, images not kept, of 10 and 40
  photographs; beside it, forward and backward through one piece of it. Wanted: at most 1.5 times
  that, and the same of 40 as of 10.
"""

import argparse
import json
import multiprocessing
import os
import resource
from collections.abc import Callable

import torch
from torch import Tensor, nn

from blurnet.attacks import RP2Settings, bars, rp2
from blurnet.attacks.fast.attacked_network import AttackedNetwork
from blurnet.evaluation import predict
from blurnet.models.memory import measured_piece
from blurnet.models.small_resnet import ResidualBlock

TARGETS, STEPS = 10, 4


class ResNet18(nn.Module):
    """The network of He et al. (arXiv 1512.03385, table 1), 11.2 million parameters.

    Args:
        num_classes: the number of logits.
        width: how many maps the first stage has; 64 in theirs.

    """

    def __init__(self, num_classes: int = 17, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        widths = [width * 2**stage for stage in range(4)]
        blocks = []
        for inputs, outputs in zip([width, *widths], widths, strict=False):
            blocks.append(ResidualBlock(inputs, outputs, 1 if outputs == width else 2))
            blocks.append(ResidualBlock(outputs, outputs, 1))
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits, N × classes."""
        maps = self.pool1(self.relu1(self.norm1(self.conv1(images))))
        logits: Tensor = self.fc(self.pool(self.blocks(maps)).flatten(1))
        return logits


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--json", action="store_true", help="print the result alone, as JSON")
    given = arguments.parse_args()
    found: dict[str, object] = {
        "predict_448_mib": apart(predicting, 128, 448),
        "piece_224_mib": apart(one_piece, 224),
        "attack_10_mib": apart(attacking, 10, 224),
        "attack_40_mib": apart(attacking, 40, 224),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load": [round(each, 2) for each in os.getloadavg()],
    }
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:16} {value}")


def apart(work: Callable[..., int], *arguments: object) -> int:
    """Do some work in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def predicting(count: int, size: int) -> int:
    model, images = ResNet18().eval(), pictures(count, size)
    return more_than_now(lambda: predict(model, images))


def one_piece(size: int) -> int:
    """Compute one piece as an attack does: the copy of the network, its maps and gradients."""
    model, images = ResNet18().eval(), pictures(1, size)

    def work() -> None:
        network = AttackedNetwork(model, images)
        piece = measured_piece(network.network, images, gradients=True)
        variable = images.repeat(piece, 1, 1, 1).requires_grad_()
        for _ in range(2):
            torch.autograd.grad(network(variable, slice(piece)).sum(), variable)

    return more_than_now(work)


def attacking(count: int, size: int) -> int:
    model, images = ResNet18().eval(), pictures(count, size)
    return more_than_now(
        lambda: rp2(
            model,
            images,
            torch.arange(TARGETS),
            bars((size, size)),
            settings=RP2Settings(steps=STEPS),
            generator=torch.Generator().manual_seed(0),
            keep_images=False,
        )
    )


def pictures(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def more_than_now(work: Callable[[], object]) -> int:
    """Give by how many MiB the process's peak exceeds what it has when the work begins."""
    torch.nn.functional.conv2d(torch.zeros(1, 3, 32, 32), torch.zeros(8, 3, 3, 3))
    before = resident()
    work()
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20)


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
