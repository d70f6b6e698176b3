"""``blurnet report``: pages made again from records alone, and figures as files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.evaluation.statistics import Difference
from blurnet.files import to_json
from blurnet.report.blocks import Section
from blurnet.report.figures.drawings import write_drawings
from blurnet.report.figures.images import data_uri
from blurnet.report.measures import Measured
from blurnet.report.page import comparison
from blurnet.report.page.compared import Compared, compared_tables, differences, named
from blurnet.report.page.page import REPORT, check_page, put_page, render, subject_of
from blurnet.report.page.source import Source, read_source
from blurnet.report.pairs import difference_of
from blurnet.settings import Settings

FIGURES = "figures"

CALLED = {"run": "runs", "evidence": "evaluations"}
"""What sources are called together."""


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
    """One measure of one row, in each of those compared; None where one lacks it.

    ``pair`` is the second less the first of two that looked at the same images, as pairs.
    """

    table: str
    measure: str
    row: str
    rates: dict[str, Limits | None]
    pair: Difference | None = None


class Comparison(Settings):
    """What several runs are beside each other: settings that differ, and the same rows."""

    runs: tuple[Read, ...]
    differences: dict[str, list[str]]
    rows: tuple[Beside, ...]


@dataclass(frozen=True)
class Report:
    """What was written: the page, the figures' files, and as JSON has it what they are about."""

    page: Path
    figures: list[Path]
    values: dict[str, Any]


@dataclass(frozen=True)
class _Content:
    """A page's sections and bytes, and what is told of it."""

    sections: Sequence[Section]
    page: bytes
    told: dict[str, Any]


def write_page(folder: Path) -> Path:
    """Write a run's or an evaluation's ``report.html``, self-contained: it loads nothing.

    Args:
        folder: of ``blurnet run`` or ``blurnet evaluate``. A page that would be the same is left as
            it is.

    Returns:
        The page's path.

    Raises:
        BlurnetError: if the folder holds nothing that has a page, if there is a page that is not
            blurnet's, or if the disk does not take the page.

    """
    return put_page(folder / REPORT, _single(read_source(folder)).page)


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
    if not folders:
        raise BlurnetError("a report needs at least one folder of blurnet run or blurnet evaluate")
    resolved = [folder.resolve() for folder in folders]
    for place, folder in enumerate(resolved):
        if folder in resolved[:place]:
            raise BlurnetError(f"{folders[place]}: given twice; give each folder once")
    sources = [read_source(folder) for folder in folders]
    single = len(sources) == 1
    subject = subject_of(sources[0].what if single else "comparison", folders)
    page, about = out / REPORT, "" if resolved == [out.resolve()] else subject
    check_page(page, about)
    content = _single(sources[0]) if single else _together(sources, out, subject)
    put_page(page, content.page, about)
    drawn = [section.content for section in content.sections]
    written = write_drawings(drawn, figures or out / FIGURES, on_step)
    files = {"report": str(page), "figures": [str(path) for path in written]}
    return Report(page, written, files | content.told)


def _single(source: Source) -> _Content:
    sections = source.sections()
    subject = subject_of(source.what, [source.folder])
    page = render(source.name, source.heading, sections, source.downloads(), subject)
    return _Content(sections, page, {"runs": [_read(source).model_dump(mode="json")]})


def _together(sources: Sequence[Source], out: Path, subject: str) -> _Content:
    beside = named(sources)
    found = Comparison(
        runs=tuple(map(_read, sources)), differences=differences(beside), rows=_rows(beside)
    )
    told = found.model_dump(mode="json")
    there = {source.what for source in sources}
    kinds = [called for what, called in CALLED.items() if what in there]
    heading = f"{len(sources)} {' and '.join(kinds)} side by side"
    downloads = {"comparison.json": data_uri("application/json", to_json(told))}
    sections = comparison.sections(beside, out)
    return _Content(sections, render("comparison", heading, sections, downloads, subject), told)


def _read(source: Source) -> Read:
    return Read(folder=str(source.folder), experiment=source.name, created=source.created)


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
            pair=_pair(row.rates),
        )
        for table in compared_tables(compared)
        for row in table.rows
    )


def _pair(rates: Sequence[Measured | None]) -> Difference | None:
    if len(rates) != 2 or rates[0] is None or rates[1] is None:
        return None
    return difference_of(rates[0].counted, rates[1].counted)


def _limits(measured: Measured) -> Limits:
    return Limits(
        value=measured.value,
        low=measured.limits.low,
        high=measured.limits.high,
        images=measured.images,
    )
