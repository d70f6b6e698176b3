"""The page of an evaluation, from its evidence alone, and of several side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path

from blurnet.errors import BlurnetError
from blurnet.evaluation.evidence import Evidence
from blurnet.files import to_json
from blurnet.report.evidence.comparison import compared, comparison_sections, named
from blurnet.report.evidence.sections import sections
from blurnet.report.figures.drawings import write_drawings
from blurnet.report.figures.images import data_uri
from blurnet.report.page.page import REPORT, check_page, put_page, render
from blurnet.report.page.reports import FIGURES, Report

EVIDENCE = "evidence.json"


def page_of(evidence: Evidence) -> str:
    """Give an evaluation's page: one HTML file that loads nothing."""
    downloads = {EVIDENCE: data_uri("application/json", evidence.to_json().encode())}
    heading = f"Evidence: {evidence.network}"
    return render(evidence.network, heading, sections(evidence), downloads).decode()


def holds_evidence(folder: Path) -> bool:
    """Say whether a folder is one that ``blurnet evaluate`` has filled."""
    return (folder / EVIDENCE).is_file()


def write_pages(
    folders: Sequence[Path],
    out: Path,
    figures: Path | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Report:
    """Render an evaluation's page again, or that of several side by side, from their evidence.

    Args:
        folders: of ``blurnet evaluate``, at least one, each once; only read.
        out: the folder that ``report.html`` goes to; made if it does not exist.
        figures: the folder for every figure of the page; ``out/figures`` by default.
        on_step: told after each figure how many are done, and of how many.

    Raises:
        BlurnetError: if a folder holds no evidence or is given twice, if there is a page that is
            not blurnet's, or if the disk does not take the files.

    """
    check_page(out / REPORT)
    resolved = [folder.resolve() for folder in folders]
    for place, folder in enumerate(resolved):
        if folder in resolved[:place]:
            raise BlurnetError(f"{folders[place]}: given twice; give each evaluation once")
    found = [Evidence.load(folder) for folder in folders]
    if len(found) == 1:
        shown, content = sections(found[0]), page_of(found[0]).encode()
        values = {"evaluations": [str(folders[0])]}
    else:
        by_name = named(folders, found)
        shown, values = comparison_sections(by_name), compared(by_name)
        downloads = {"comparison.json": data_uri("application/json", to_json(values))}
        heading = f"{len(found)} evaluations side by side"
        content = render("comparison", heading, shown, downloads)
    page = put_page(out / REPORT, content)
    written = write_drawings([each.content for each in shown], figures or out / FIGURES, on_step)
    files = {"report": str(page), "figures": [str(path) for path in written]}
    return Report(page, written, files | values)
