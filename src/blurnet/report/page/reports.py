"""``blurnet report``: pages made again from records alone, and figures as files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.files import to_json
from blurnet.report.figures.drawings import write_drawings
from blurnet.report.figures.images import data_uri
from blurnet.report.measures import Measured
from blurnet.report.page import comparison
from blurnet.report.page.comparison import Compared, compared_tables, differences, named
from blurnet.report.page.page import (
    REPORT,
    check_page,
    put_page,
    render,
    source_page,
    subject_of,
)
from blurnet.report.page.source import Source, read_source
from blurnet.settings import Settings

FIGURES = "figures"


class Read(Settings):
    """A folder that was read: the experiment's name or the network's, and when it was found."""

    folder: str
    experiment: str
    created: str


class Limits(Settings):
    """A share, its 95 % interval, and how many images it was measured on."""

    value: float
    low: float
    high: float
    images: int


class Beside(Settings):
    """One measure of one row, in each of those compared; None where one lacks it."""

    table: str
    measure: str
    row: str
    rates: dict[str, Limits | None]


class Comparison(Settings):
    """What several runs are beside each other: settings that differ, and the same rows."""

    runs: tuple[Read, ...]
    differences: dict[str, list[str]]
    rows: tuple[Beside, ...]


@dataclass(frozen=True)
class Report:
    """What was written and read: the page, the figures' files, the folders, the comparison."""

    page: Path
    figures: list[Path]
    runs: tuple[Read, ...]
    comparison: Comparison | None

    @property
    def values(self) -> dict[str, Any]:
        """The same as JSON has it."""
        told = self.comparison or Told(runs=self.runs)
        files = {"report": str(self.page), "figures": [str(path) for path in self.figures]}
        return files | told.model_dump(mode="json")


class Told(Settings):
    """What is told of one run."""

    runs: tuple[Read, ...]


def write_report(
    folders: Sequence[Path],
    out: Path,
    figures: Path | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Report:
    """Render a page again, or several side by side, from records; no network is loaded.

    Args:
        folders: of ``blurnet run`` or ``blurnet evaluate``, at least one, each once; only read.
        out: the folder that ``report.html`` goes to; made if it does not exist.
        figures: the folder for every figure of the page as PNG and SVG; ``out/figures`` by default.
        on_step: told after each figure how many are done, and of how many.

    Raises:
        BlurnetError: if a folder holds nothing that has a page or is given twice, if there is a
            page about something else or that is not blurnet's, or if the disk does not take the
            files.

    """
    resolved = [folder.resolve() for folder in folders]
    for place, folder in enumerate(resolved):
        if folder in resolved[:place]:
            raise BlurnetError(f"{folders[place]}: given twice; give each folder once")
    sources = [read_source(folder) for folder in folders]
    page, own = out / REPORT, resolved == [out.resolve()]
    subject = subject_of("comparison" if len(sources) > 1 else sources[0].what, folders)
    check_page(page, "" if own else subject)
    read = tuple(
        Read(folder=str(folder), experiment=source.name, created=source.created)
        for folder, source in zip(folders, sources, strict=True)
    )
    compared = None
    if len(sources) == 1:
        sections = [*sources[0].sections()]
        content = source_page(sources[0], sections)
    else:
        beside = named(sources)
        compared = Comparison(runs=read, differences=differences(beside), rows=_rows(beside))
        sections = comparison.sections(beside, out)
        raw = data_uri("application/json", to_json(compared.model_dump(mode="json")))
        heading = f"{len(sources)} {_called(sources)} side by side"
        content = render("comparison", heading, sections, {"comparison.json": raw}, subject)
    put_page(page, content, "" if own else subject)
    written = write_drawings([s.content for s in sections], figures or out / FIGURES, on_step)
    return Report(page, written, read, compared)


def _called(sources: Sequence[Source]) -> str:
    kinds = {source.what for source in sources}
    return "runs" if kinds == {"run"} else "evaluations" if len(kinds) == 1 else "runs and evaluations"


def _rows(compared: Sequence[Compared]) -> tuple[Beside, ...]:
    return tuple(
        Beside(
            table=table.about,
            measure=table.measure.name,
            row=row.name,
            rates={
                each.name: None if measured is None else _limits(measured)
                for each, measured in zip(compared, row.rates, strict=True)
            },
        )
        for table in compared_tables(compared)
        for row in table.rows
    )


def _limits(measured: Measured) -> Limits:
    return Limits(
        value=measured.value,
        low=measured.limits.low,
        high=measured.limits.high,
        images=measured.images,
    )
