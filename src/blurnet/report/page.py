"""The page: one HTML file that shows a run, made from its records."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from blurnet.engine import RESULTS, Records
from blurnet.errors import BlurnetError
from blurnet.files import read_json, write_whole

from .figures import data_uri
from .kinds import kind_of
from .sections import Run
from .words import percent, span

REPORT = "report.html"


def write_page(folder: Path) -> Path:
    """Write a run's ``report.html``, self-contained: it loads nothing and runs no script.

    Args:
        folder: a run's folder, with ``results.json`` and records. A page that would be the same is
            left as it is.

    Returns:
        The page's path.

    Raises:
        BlurnetError: if the folder holds no results, if one of its records is missing or broken, or
            if the disk does not take the page.

    """
    source, path = folder / RESULTS, folder / REPORT
    if not source.is_file():
        raise BlurnetError(f"{source}: no such file; choose a folder that blurnet run has filled")
    results = read_json(source)
    if not isinstance(results, dict) or not {"experiment", "settings", "rows"} <= results.keys():
        raise BlurnetError(f"{source}: not a file of blurnet's; choose another folder")
    run = Run(results, Records(folder))
    shown = kind_of(results).sections(run)
    sections = [(title, make.__name__, make(run)) for title, make in shown.items()]
    page = _environment().get_template("page.html.j2")
    content = page.render(
        results=results,
        sections=sections,
        raw=data_uri("application/json", source.read_bytes()),
    ).encode()
    if not path.exists() or path.read_bytes() != content:
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
