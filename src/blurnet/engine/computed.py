"""What a figure depends on besides its settings: versions, machine, threads. In each record."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from blurnet.devices import chosen_device, said
from blurnet.settings import Settings

PACKAGES = ("blurnet", "torch", "kornia", "numpy", "pillow")
CPUINFO = Path("/proc/cpuinfo")


class Provenance(Settings):
    """With what something was computed.

    Args:
        versions: of Python and of the packages, by name.
        system: the operating system.
        machine: the processor's name.
        cores: how many the machine has.
        threads: how many torch used.
        device: where networks computed; bits differ between devices.

    """

    versions: dict[str, str]
    system: str
    machine: str
    cores: int
    threads: int
    device: str = "cpu"


class Computed(Settings):
    """How a record came about.

    Args:
        by: with what.
        seconds: how long the work took.
        finished: when it ended, ISO 8601, UTC.

    """

    by: Provenance
    seconds: float
    finished: str


def provenance(device: torch.device | None = None) -> Provenance:
    """Describe this process, and where its network is, if that is not the chosen device."""
    packages = {package: version(package) for package in PACKAGES}
    return Provenance(
        versions={"python": platform.python_version(), **packages},
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        machine=_processor(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=said(device or chosen_device()),
    )


def _processor() -> str:
    """Give the processor's name: Linux tells it in a file, other systems through platform."""
    try:
        lines = CPUINFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
