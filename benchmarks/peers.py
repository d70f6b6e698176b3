"""Our attacks beside other libraries', as stickers, under the same budgeted model and budget.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --rp2 ../shared/data/rp2

RP2's own network, its photographs and mask. Every contestant attacks δ ↦ f(x(1 − M) + Mδ) with
ε = 1 (``blurnet.attacks.StickerModel``), each image at most ``--budget`` queries and gradients
together; what counts is the best point that the budgeted model met. pip install 'blurnet[peers]';
adv-lib and secml-torch ask for torchvision, which they need for LPIPS and ready-made networks
alone: pip install --no-deps adv-lib secml-torch. What is not installed is said and left out.

ART's own ``mask=`` is shown too: its AutoPGD starts from noise on the whole image, whatever the
mask, so that no point that it meets is a sticker.
"""

import argparse
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import Tensor, nn

from blurnet.attacks import (
    APGDSettings,
    Budgeted,
    BudgetSpentError,
    PatchRSSettings,
    RandomSearchSettings,
    StickerModel,
    apgd,
    patch_rs,
    random_search,
)
from blurnet.attacks.sticker import sticker_mask
from blurnet.data.rp2 import load_scene
from blurnet.errors import BlurnetError
from blurnet.evaluation.metrics import rate
from blurnet.models import MODELS, read_network

STEPS = 100


class Lenient(Budgeted):
    """Answers about other images too, uncounted, as libraries ask about arrays of ones."""

    def forward(self, images: Tensor) -> Tensor:
        try:
            return super().forward(images)
        except BudgetSpentError:
            raise
        except BlurnetError:
            return self.model(images)


class LenientSticker(StickerModel):
    """Likewise, about one array of ones."""

    def forward(self, stickers: Tensor) -> Tensor:
        if len(stickers) == 1 < len(self.images):
            return self.model.model(self.images[:1])
        return super().forward(stickers)


class Problem:
    """The photographs, each attacked until it is fooled or has cost the budget."""

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor, mask: Tensor) -> None:
        self.model, self.images, self.labels, self.mask = model, images, labels, mask

    def budget(self, rows: Tensor, limit: int) -> Lenient:
        weights = sticker_mask(self.mask, self.images)
        return Lenient(self.model, self.images[rows], self.labels[rows], weights, limit=limit)


Attack = Callable[[nn.Module, Tensor, Tensor], Any]
"""(network of stickers, where to start, labels): one run"""


def restarted(problem: Problem, attack: Attack, restarts: int, limit: int) -> tuple[Tensor, ...]:
    """Run an attack on the images that are left, and give who is fooled and what each cost."""
    every = torch.arange(len(problem.images))
    budget = problem.budget(every, limit)
    for _ in range(restarts):
        left = every[~budget.fooled]
        if not len(left):
            break
        net = LenientSticker(budget, problem.images[left], problem.mask).eval()
        try:
            with budget.of(left):
                attack(net, problem.images[left], problem.labels[left])
        except BudgetSpentError:
            break
    return budget.fooled, budget.queries, budget.gradients


def one_by_one(problem: Problem, attack: Attack, limit: int) -> tuple[Tensor, ...]:
    """Run an attack an image at a time, such as one that drops images from its batches."""
    found = []
    for row in range(len(problem.images)):
        rows = torch.tensor([row])
        budget = problem.budget(rows, limit)
        net = LenientSticker(budget, problem.images[rows], problem.mask).eval()
        with suppress(BudgetSpentError):
            attack(net, problem.images[rows], problem.labels[rows])
        found.append((budget.fooled, budget.queries, budget.gradients))
    return tuple(torch.cat(each) for each in zip(*found, strict=True))


def ours(problem: Problem, run: Any, settings: Any) -> tuple[Tensor, ...]:
    found = run(
        problem.model,
        problem.images,
        problem.labels,
        problem.mask,
        settings=settings,
        generator=torch.Generator().manual_seed(0),
    )
    return found.fooled, found.queries, found.gradients


def art_classifier(net: nn.Module, shape: tuple[int, ...], classes: int) -> Any:
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model=net,
        loss=nn.CrossEntropyLoss(),
        input_shape=shape,
        nb_classes=classes,
        clip_values=(0, 1),
        device_type="cpu",
    )


def art_apgd(classes: int, loss: str, **given: Any) -> Attack:
    def run(net: nn.Module, start: Tensor, labels: Tensor) -> None:
        from art.attacks.evasion import AutoProjectedGradientDescent

        attack = AutoProjectedGradientDescent(
            art_classifier(net, tuple(start.shape[1:]), classes),
            eps=1.0,
            eps_step=2.0,
            max_iter=STEPS,
            nb_random_init=1,
            batch_size=len(start),
            loss_type=loss,
            verbose=False,
        )
        attack.generate(x=start.numpy(), y=labels.numpy(), **given)

    return run


def art_auto_attack(classes: int) -> Attack:
    def run(net: nn.Module, start: Tensor, labels: Tensor) -> None:
        from art.attacks.evasion import AutoAttack

        classifier = art_classifier(net, tuple(start.shape[1:]), classes)
        attack = AutoAttack(classifier, eps=1.0, eps_step=2.0, batch_size=len(start))
        attack.generate(x=start.numpy(), y=labels.numpy())

    return run


def foolbox_pgd(net: nn.Module, start: Tensor, labels: Tensor) -> None:
    import foolbox

    attack = foolbox.attacks.LinfPGD(steps=STEPS, rel_stepsize=2.5 / STEPS)
    wrapped = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    attack.run(wrapped, start, foolbox.criteria.Misclassification(labels), epsilon=1.0)


def without_torchvision(name: str) -> ModuleType:
    """Import what asks for torchvision and needs it for nothing that runs here."""
    for each in ("torchvision", "torchvision.models", "torchvision.transforms", "visdom"):
        root = each.partition(".")[0]
        if root in sys.modules or importlib.util.find_spec(root) is None:  # absent, or put there
            sys.modules.setdefault(each, MagicMock(__spec__=ModuleSpec(each, None)))
    return importlib.import_module(name)


def advlib_apgd(loss: str) -> Attack:
    def run(net: nn.Module, start: Tensor, labels: Tensor) -> None:
        attack = without_torchvision("adv_lib.attacks.auto_pgd").apgd
        attack(net, start, labels, 1.0, float("inf"), n_iter=STEPS, loss_function=loss, use_rs=True)

    return run


def advlib_pgd(net: nn.Module, start: Tensor, labels: Tensor) -> None:
    attack = without_torchvision("adv_lib.attacks.projected_gradient_descent").pgd_linf
    attack(net, start, labels, 1.0, steps=STEPS, restarts=1)


def secml_pgd(net: nn.Module, start: Tensor, labels: Tensor) -> None:
    pgd = without_torchvision("secmlt.adv.evasion.pgd")
    backend = without_torchvision("secmlt.adv.backends").Backends.NATIVE
    wrapped = without_torchvision("secmlt.models.pytorch.base_pytorch_nn").BasePyTorchClassifier
    attack = pgd.PGD("linf", 1.0, STEPS, 0.025, random_start=True, backend=backend)
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(start, labels), batch_size=len(start)
    )
    attack(wrapped(net), batches)


def contestants(problem: Problem, classes: int, limit: int) -> dict[str, Callable[[], Any]]:
    """Everyone's attack, by name; each with five restarts of a hundred steps."""

    def ART(loss: str) -> Callable[[], Any]:
        return lambda: restarted(problem, art_apgd(classes, loss), 5, limit)

    whole = problem.mask.expand(problem.images.shape[1:]).gt(0.5).numpy().astype(np.float32)
    return {
        "blurnet APGD, cross-entropy": lambda: ours(problem, apgd, APGDSettings()),
        "blurnet APGD, DLR": lambda: ours(problem, apgd, APGDSettings(loss="dlr")),
        "blurnet random search": lambda: ours(problem, random_search, RandomSearchSettings(limit)),
        "blurnet Patch-RS": lambda: ours(problem, patch_rs, PatchRSSettings(limit)),
        "ART AutoPGD, cross-entropy": ART("cross_entropy"),
        "ART AutoPGD, DLR": ART("difference_logits_ratio"),
        "ART AutoPGD with its own mask=": lambda: own_mask(
            problem, art_apgd(classes, "cross_entropy", mask=whole), limit
        ),
        "ART AutoAttack": lambda: one_by_one(problem, art_auto_attack(classes), limit),
        "foolbox LinfPGD": lambda: restarted(problem, foolbox_pgd, 5, limit),
        "adv-lib APGD, cross-entropy": lambda: restarted(problem, advlib_apgd("ce"), 5, limit),
        "adv-lib APGD, DLR": lambda: restarted(problem, advlib_apgd("dlr"), 5, limit),
        "adv-lib PGD": lambda: restarted(problem, advlib_pgd, 5, limit),
        "secml-torch PGD": lambda: restarted(problem, secml_pgd, 5, limit),
    }


def own_mask(problem: Problem, attack: Attack, limit: int) -> tuple[Tensor, ...]:
    """Attack the images themselves, once; what leaves the mask is not kept."""
    budget = problem.budget(torch.arange(len(problem.images)), limit)
    attack(budget.eval(), problem.images, problem.labels)
    return budget.fooled, budget.queries, budget.gradients


def main() -> None:
    """Let everyone attack, and print a row each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rp2", type=Path, required=True, help="RP2's network and photographs")
    parser.add_argument("--budget", type=int, default=1010, help="queries and gradients an image")
    parser.add_argument("--only", nargs="+", help="contestants whose names begin so")
    given = parser.parse_args()
    warnings.simplefilter("ignore")

    scene = load_scene(given.rp2)
    model, names = read_network(given.rp2 / "lisa_cnn.safetensors", MODELS["lisa_cnn"])
    labels = torch.full((len(scene),), names.index(scene.true_class))
    problem = Problem(model.eval(), scene.floats, labels, scene.mask)
    print(f"| attack | fooled of {len(scene)} | 95 % | queries | gradients | seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, run in contestants(problem, len(names), given.budget).items():
        if given.only and not name.startswith(tuple(given.only)):
            continue
        torch.manual_seed(0)
        np.random.seed(0)
        start = time.monotonic()
        try:
            fooled, queries, gradients = run()
        except Exception as error:  # a peer that is not installed or does not run here
            print(f"| {name} | {type(error).__name__}: {str(error)[:80]} | | | | |", flush=True)
            continue
        found = rate(fooled)
        print(
            f"| {name} | {found.count} | {100 * found.low:.0f}–{100 * found.high:.0f} | "
            f"{queries.double().mean():.0f} | {gradients.double().mean():.0f} | "
            f"{time.monotonic() - start:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
