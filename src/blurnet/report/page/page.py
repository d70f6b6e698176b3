"""The page: one HTML file that shows a run, made from its records."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from blurnet.engine import RESULTS
from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, write_whole
from blurnet.report.figures.images import data_uri
from blurnet.report.kinds import kind_of
from blurnet.report.page.reading import read_run
from blurnet.report.page.raw import to_csv
from blurnet.report.run import Run
from blurnet.report.words import percent, span

REPORT = "report.html"
MARK = b"<title>blurnet: "
"""By this a page is known as one of blurnet's, which may be replaced."""


class Section(NamedTuple):
    """A section of a page: its title, the template that shows it, and what that is given."""

    title: str
    name: str
    values: Mapping[str, Any]


def write_page(folder: Path) -> Path:
    """Write a run's ``report.html``, self-contained: it loads nothing.

    Args:
        folder: a run's folder, with ``results.json`` and records. A page that would be the same is
            left as it is.

    Returns:
        The page's path.

    Raises:
        BlurnetError: if the folder holds no finished run, if there is a page that is not blurnet's,
            or if the disk does not take the page.

    """
    run = read_run(folder)
    return put_page(folder / REPORT, run_page(run, run_sections(run)))


def run_sections(run: Run) -> list[Section]:
    """Make the sections that a run has something for."""
    shown = kind_of(run.results).sections(run)
    return [Section(title, make.__name__, make(run)) for title, make in shown.items()]


def run_page(run: Run, sections: Sequence[Section]) -> bytes:
    """Make a run's page of its sections, its raw rows to download with it."""
    name = run.results["experiment"]
    raw = (run.records.folder / RESULTS).read_bytes()
    downloads = {
        RESULTS: data_uri("application/json", raw),
        f"{name}.csv": data_uri("text/csv", to_csv(run.results["rows"])),
    }
    return render(name, f"Experiment “{name}”", sections, downloads)


def render(
    name: str, heading: str, sections: Sequence[Section], downloads: Mapping[str, str]
) -> bytes:
    """Make a page.

    Args:
        name: for the window's title.
        heading: the page's first.
        sections: what it shows, in order. A template switches between parts with ``data-switch``
            and ``data-for``, and enlarges what has ``data-zoom``; see ``templates/page.js``.
        downloads: file name → content, as URI.

    """
    script = files("blurnet.report").joinpath("templates/page.js").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template("page.html.j2")
    return page.render(
        name=name,
        heading=heading,
        sections=sections,
        downloads=downloads,
        script=script,
        script_hash=f"sha256-{digest}",
    ).encode()


def check_page(path: Path) -> None:
    """Make sure that a page may be written.

    Raises:
        BlurnetError: if there is another file in its place.

    """
    if not path.exists():
        return
    with disk_errors(path):
        ours = path.is_file() and MARK in path.read_bytes()[:4096]
    if not ours:
        raise BlurnetError(f"{path}: not a page of blurnet's; choose another folder with --out")


def put_page(path: Path, content: bytes) -> Path:
    """Write a page, unless it is there already.

    Raises:
        BlurnetError: if another file is in its place, or the disk does not take it.

    """
    check_page(path)
    if not path.exists() or path.read_bytes() != content:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("blurnet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "span": span}
    return environment
