"""What a run's numbers depend on besides its settings: versions and the machine."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGES = ("blurnet", "torch", "kornia", "numpy", "pillow")
CPUINFO = Path("/proc/cpuinfo")


def versions() -> dict[str, str]:
    """Name Python, the packages, the system, and the machine: processor, cores and threads."""
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "machine": f"{_processor()}, {cores} cores, {threads} thread{'s' * (threads != 1)}",
    }


def _processor() -> str:
    """Give the processor's name: Linux tells it in a file, other systems through platform."""
    try:
        lines = CPUINFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
