"""Run an experiment in a folder, from its inputs to results.json."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blurnet.engine.local import OnCell, run_cells
from blurnet.engine.provenance import versions
from blurnet.engine.records import Records
from blurnet.engine.step import in_order
from blurnet.errors import BlurnetError
from blurnet.experiments import Experiment
from blurnet.files import read_json, to_json, write_whole

RESULTS = "results.json"


def run(experiment: Experiment, folder: Path, on_cell: OnCell | None = None) -> dict[str, Any]:
    """Run what is missing of an experiment and write its results.

    Args:
        experiment: what to run.
        folder: where records and ``results.json`` are kept; made if it does not exist. What earlier
            runs left there is used again. A run that adds nothing writes nothing: versions and
            machine stay those that the numbers were found with, and a read-only folder will do.
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
    before = read_json(path) if path.exists() else {}
    asked = {
        "experiment": experiment.experiment,
        "settings": experiment.model_dump(mode="json") | plan.found,
    }
    if before and all(cell.key in records for cell in in_order(plan.cells)):
        found = asked | {"rows": plan.rows({cell.key: records[cell.key] for cell in plan.cells})}
        if found == {part: before.get(part) for part in found}:
            return dict(before)
    with records.locked():
        run_cells(plan.cells, records, on_cell)
        rows = plan.rows({cell.key: records[cell.key] for cell in plan.cells})
        results = {
            "experiment": asked["experiment"],
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "settings": asked["settings"],
            "rows": rows,
        }
        write_whole(path, to_json(results))
    return results


def _is_results(path: Path) -> bool:
    try:
        content = read_json(path)
    except BlurnetError:
        return False
    return isinstance(content, dict) and {"experiment", "versions", "rows"} <= content.keys()
