"""Run an experiment in a folder, from its inputs to results.json."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from blurnet.errors import BlurnetError
from blurnet.experiments import Experiment
from blurnet.files import read_json, to_json, write_whole

from .local import OnCell, run_cells
from .records import Records

RESULTS = "results.json"


def run(experiment: Experiment, folder: Path, on_cell: OnCell | None = None) -> dict[str, Any]:
    """Run what is missing of an experiment and write its results.

    Args:
        experiment: what to run.
        folder: where records and ``results.json`` are kept; made if it does not exist. What earlier
            runs left there is used again, and a run that adds nothing leaves it as it is.
        on_cell: told of every cell that is computed; see ``run_cells``.

    Returns:
        What ``results.json`` holds.

    Raises:
        BlurnetError: for wrong inputs, before anything is written; if another run holds the folder;
            if the disk does not take the results.

    """
    plan = experiment.expand()
    path = folder / RESULTS
    if path.exists() and not _is_results(path):
        raise BlurnetError(f"{path}: not a file of blurnet's; choose another folder")
    records = Records(folder)
    with records.locked():
        run_cells(plan.cells, records, on_cell)
        results = {
            "experiment": experiment.experiment,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "settings": experiment.model_dump(mode="json") | plan.found,
            "rows": plan.rows({cell.key: records[cell.key] for cell in plan.cells}),
        }
        before = read_json(path) if path.exists() else {}
        if results | {"created": before.get("created")} == before:
            return dict(before)
        write_whole(path, to_json(results))
    return results


def versions() -> dict[str, str]:
    """Say what the numbers depend on besides the settings."""
    packages = ("blurnet", "torch", "kornia", "numpy", "pillow")
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
    }


def _is_results(path: Path) -> bool:
    try:
        content = read_json(path)
    except BlurnetError:
        return False
    return isinstance(content, dict) and {"experiment", "versions", "rows"} <= content.keys()
