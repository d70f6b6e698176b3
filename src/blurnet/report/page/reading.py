"""Reading a run's folder, and telling what it is where it is no finished run."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from blurnet.engine import RESULTS, Records
from blurnet.errors import BlurnetError
from blurnet.experiments.train import NETWORK
from blurnet.files import read_json
from blurnet.report.kinds import kind_of
from blurnet.report.run import Run

_KEY = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{20}")
"""What a cell's key looks like, wherever rows name one."""


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Args:
        folder: with ``results.json`` and records; only read, never written to.

    Raises:
        BlurnetError: if there is no such folder, no run in it, a run that is unfinished, results
            that are not blurnet's or of an unknown kind, or if records that they name are missing.

    """
    source = folder / RESULTS
    if not folder.is_dir():
        raise BlurnetError(f"{folder}: no such folder; give one that blurnet run has filled")
    if not source.is_file():
        raise BlurnetError(_no_results(folder))
    results = read_json(source)
    if not isinstance(results, dict) or not {"experiment", "settings", "rows"} <= results.keys():
        raise BlurnetError(f"{source}: not a file of blurnet's; choose another folder")
    try:
        kind_of(results)
    except BlurnetError as error:
        raise BlurnetError(f"{source}: {error}") from None
    run = Run(results, Records(folder))
    named = sorted(set(_keys(results["rows"])))
    missing = [key for key in named if key not in run.records]
    if missing:
        raise BlurnetError(
            f"{folder}: {len(missing)} of the {len(named)} records that {RESULTS} names are "
            f"missing, such as cells/{missing[0]}; the blurnet run that made it computes them again"
        )
    return run


def _no_results(folder: Path) -> str:
    """Say what a folder without results holds."""
    cells = folder / "cells"
    if not cells.is_dir():
        return f"{folder / RESULTS}: no such file; give a folder that blurnet run has filled"
    if (folder / NETWORK).is_file():
        return f"{folder}: a folder of blurnet train, which has no page; give one of blurnet run"
    names = [path.name for path in sorted(cells.iterdir())]
    done = Counter(name.rpartition("-")[0] for name in names if _KEY.fullmatch(name))
    begun = sum(name.endswith(".working") for name in names)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items())) or "none"
    return (
        f"{folder}: an unfinished run: recorded so far: {told}; {begun} begun; {RESULTS} comes "
        "with the last. The same blurnet run command goes on from there"
    )


def _keys(values: Any) -> list[str]:
    if isinstance(values, str):
        return [values] if _KEY.fullmatch(values) else []
    if isinstance(values, dict):
        return [key for value in values.values() for key in _keys(value)]
    if isinstance(values, list):
        return [key for value in values for key in _keys(value)]
    return []
