"""Reading a folder, and telling what it is where it is no run."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from blurnet.engine import Records
from blurnet.errors import BlurnetError
from blurnet.evaluation.evidence import Evidence
from blurnet.experiments import RESULTS, UNFINISHED, AnyResults, load_results, load_unfinished
from blurnet.report.kinds import shown
from blurnet.report.run import Run

AnyRun = Run[Any, Any]

NETWORK = "network.safetensors"
"""What ``blurnet train`` leaves in its folder."""

_KEY = re.compile(r"([a-z][a-z0-9-]*)-[0-9a-f]{20}")
"""What a record's folder is called."""


def read_run(folder: Path) -> AnyRun:
    """Read a run: a finished one, or the rows that there are of one that is not.

    Args:
        folder: with ``results.json`` or ``unfinished.json``, and records; only read, never written
            to.

    Raises:
        BlurnetError: if there is no such folder, no run in it, results that are not blurnet's or of
            an unknown kind, or if records that they name are missing.

    """
    if not folder.is_dir():
        raise BlurnetError(f"{folder}: no such folder; give one that blurnet run has filled")
    begun = (folder / UNFINISHED).is_file()
    if not begun and not (folder / RESULTS).is_file():
        raise BlurnetError(_no_results(folder))
    results = _results(folder) if (folder / RESULTS).is_file() else load_unfinished(folder)
    shown(results.kind)
    run = Run(results, Records(folder))
    missing = [key for key in results.steps if key not in run.records]
    if missing and results.finished and begun:
        return Run(load_unfinished(folder), run.records)
    if missing:
        raise BlurnetError(
            f"{folder}: {len(missing)} of the {len(results.steps)} records that {RESULTS} names "
            f"are missing, such as records/{missing.pop(0)}; the blurnet run that made it computes "
            "them again"
        )
    return run


def _results(folder: Path) -> AnyResults:
    results = load_results(folder)
    if isinstance(results, Evidence):
        raise BlurnetError(f"{folder}: an evaluation, and no run")
    return results


def read_evidence(folder: Path) -> Evidence:
    """Read what ``blurnet evaluate`` left in a folder, pictures included; raises as ``load``."""
    return Evidence.load(folder)


def _no_results(folder: Path) -> str:
    """Say what a folder without results holds."""
    records = Records(folder).root
    if (folder / NETWORK).is_file():
        return f"{folder}: a folder of blurnet train, which has no page; give one of blurnet run"
    if not records.is_dir():
        return (
            f"{folder / RESULTS}: no such file; give a folder that blurnet run or blurnet evaluate "
            "has filled"
        )
    names = [path.name for path in sorted(records.iterdir())]
    done = Counter(found.group(1) for name in names if (found := _KEY.fullmatch(name)))
    begun = sum(name.endswith(".working") for name in names)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items())) or "none"
    return (
        f"{folder}: an unfinished run: recorded so far: {told}; {begun} begun; {RESULTS} comes "
        "with the last. The same blurnet run command goes on from there"
    )
