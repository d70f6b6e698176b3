"""``blurnet report``: pages made again from records alone, and figures as files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from blurnet.errors import BlurnetError
from blurnet.files import to_json
from blurnet.report.figures.images import data_uri
from blurnet.report.figures.drawings import write_drawings
from blurnet.report.page import comparison
from blurnet.report.page.page import REPORT, check_page, put_page, render, run_page, run_sections
from blurnet.report.page.reading import read_run

FIGURES = "figures"


class Report(NamedTuple):
    """What was written: the page, the figures' files, and the same as plain values."""

    page: Path
    figures: list[Path]
    values: dict[str, Any]


def write_report(
    folders: Sequence[Path],
    out: Path,
    figures: Path | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Report:
    """Render a run again, or several side by side, from their records; no network is loaded.

    Args:
        folders: runs' folders, at least one, each once; only read.
        out: the folder that ``report.html`` goes to; made if it does not exist.
        figures: the folder for every figure of the page as PNG and SVG; ``out/figures`` by default.
        on_step: told after each figure how many are done, and of how many.

    Raises:
        BlurnetError: if a folder holds no finished run or is given twice, if there is a page that
            is not blurnet's, or if the disk does not take the files.

    """
    check_page(out / REPORT)
    resolved = [folder.resolve() for folder in folders]
    for place, folder in enumerate(resolved):
        if folder in resolved[:place]:
            raise BlurnetError(f"{folders[place]}: given twice; give each run once")
    runs = [read_run(folder) for folder in folders]
    values: dict[str, Any] = {
        "runs": [
            {
                "folder": str(folder),
                "experiment": run.results["experiment"],
                "created": run.results["created"],
            }
            for folder, run in zip(folders, runs, strict=True)
        ]
    }
    if len(runs) == 1:
        sections = run_sections(runs[0])
        content = run_page(runs[0], sections)
    else:
        named = comparison.named_runs(runs)
        sections = comparison.sections(named, out)
        values |= {"differences": comparison.differences(named), "rows": _rows(named)}
        downloads = {"comparison.json": data_uri("application/json", to_json(values))}
        content = render("comparison", f"{len(runs)} runs side by side", sections, downloads)
    page = put_page(out / REPORT, content)
    written = write_drawings([s.values for s in sections], figures or out / FIGURES, on_step)
    files = {"report": str(page), "figures": [str(path) for path in written]}
    return Report(page, written, files | values)


def _rows(named: comparison.Runs) -> list[dict[str, Any]]:
    return [
        {
            **{name.lower(): called for name, called in table["for"].items()},
            "row": row["name"],
            "rates": {
                name: rate
                and {"value": rate.value, "interval": list(rate.interval), "images": rate.images}
                for name, rate in zip(named, row["rates"], strict=True)
            },
        }
        for table in comparison.compared_tables(named)
        for row in table["rows"]
    ]
