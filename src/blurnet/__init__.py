"""Harden image classifiers against physical stickers, attack them, and measure what held.

::

    import blurnet

    net = blurnet.harden(model, blurnet.Blur("box", 5))     # a copy, filtered after its first layer
    blurnet.train(net, blurnet.load_images("folder:signs").train)
    found = blurnet.attack(net, images, mask, true="stop")  # RP2 at all targets, and a control
    evidence = blurnet.evaluate(net, images, labels, mask)  # a suite of attacks, and what they mean
    evidence.save("evidence.html")

Everything takes images as float32 in [0, 1], N × C × H × W, and raises ``BlurnetError``, in one
line, for what a caller can mend. Names are loaded when they are first used: ``import blurnet``
alone does not import torch.

In the examples below ``model`` is a network, ``images``, ``labels`` and ``mask`` are tensors as
said, ``classes`` are the names of its logits, ("stop", "stopAhead", "yield"), and ``signs`` is a
folder with images of these classes.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from blurnet.errors import BlurnetError as BlurnetError

if TYPE_CHECKING:
    from blurnet.attacks import PGDSettings as PGDSettings
    from blurnet.attacks import RandomSearchSettings as RandomSearchSettings
    from blurnet.attacks import RP2Settings as RP2Settings
    from blurnet.attacks import pgd as pgd
    from blurnet.attacks import random_colors as random_colors
    from blurnet.attacks import random_search as random_search
    from blurnet.attacks import rp2 as rp2
    from blurnet.certificates import certify as certify
    from blurnet.certificates import masked as masked
    from blurnet.data import load_images as load_images
    from blurnet.defenses import Blur as Blur
    from blurnet.defenses import Defense as Defense
    from blurnet.defenses import harden as harden
    from blurnet.defenses import load as load
    from blurnet.defenses import save as save
    from blurnet.defenses import train as train
    from blurnet.engine import load_records as load_records
    from blurnet.evaluation import Evidence as Evidence
    from blurnet.evaluation import attack as attack
    from blurnet.evaluation import evaluate as evaluate
    from blurnet.experiments import load_results as load_results
    from blurnet.experiments import run as run
    from blurnet.models import Classifier as Classifier
    from blurnet.penalties import Penalty as Penalty
    from blurnet.report import report as report
    from blurnet.spectra import compare_spectra as compare_spectra
    from blurnet.training import FitSettings as FitSettings

__version__ = version("blurnet")

_ROOMS = {
    "attacks": (
        "PGDSettings",
        "RP2Settings",
        "RandomSearchSettings",
        "pgd",
        "random_colors",
        "random_search",
        "rp2",
    ),
    "certificates": ("certify", "masked"),
    "data": ("load_images",),
    "defenses": ("Blur", "Defense", "harden", "load", "save", "train"),
    "engine": ("load_records",),
    "evaluation": ("Evidence", "attack", "evaluate"),
    "experiments": ("load_results", "run"),
    "models": ("Classifier",),
    "penalties": ("Penalty",),
    "spectra": ("compare_spectra",),
    "training": ("FitSettings",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Blur",
    "BlurnetError",
    "Classifier",
    "Defense",
    "Evidence",
    "FitSettings",
    "PGDSettings",
    "Penalty",
    "RP2Settings",
    "RandomSearchSettings",
    "attack",
    "certify",
    "compare_spectra",
    "evaluate",
    "harden",
    "load",
    "load_images",
    "load_records",
    "load_results",
    "masked",
    "pgd",
    "random_colors",
    "random_search",
    "report",
    "rp2",
    "run",
    "save",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used."""
    if name in _ROOMS or name == "report":  # the package ``blurnet.report`` can itself be called
        return import_module(f"blurnet.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'blurnet' has no attribute {name!r}")
    found = getattr(import_module(f"blurnet.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
