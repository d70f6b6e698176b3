"""The page: one HTML file that loads nothing, made of sections."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, write_whole
from blurnet.report.blocks import Section
from blurnet.report.figures.images import interval_bar
from blurnet.report.words import percent, span

REPORT = "report.html"
MARK = b"<title>blurnet: "
"""By this a page is known as one of blurnet's, which may be replaced."""


def render(
    name: str,
    heading: str,
    sections: Sequence[Section],
    downloads: Mapping[str, str],
    subject: str = "",
) -> bytes:
    """Make a page.

    Args:
        name: for the window's title.
        heading: the page's first.
        sections: what it shows, in order. A section's template gets its content as ``content``. It
            switches between parts with ``data-switch`` and ``data-for``, and enlarges what has
            ``data-zoom``; see ``templates/page.js``.
        downloads: file name → content, as URI; see ``data_uri``.
        subject: what the page is about; see ``subject_of``.

    """
    script = files("blurnet.report").joinpath("templates/page.js").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template("page.html.j2")
    return page.render(
        name=name,
        heading=heading,
        sections=[(section, _anchor(section.title)) for section in sections],
        downloads=downloads,
        subject=subject,
        script=script,
        script_hash=f"sha256-{digest}",
    ).encode()


def subject_of(what: str, folders: Sequence[Path]) -> str:
    """Say what a page is about, so that no page of something else replaces it.

    Args:
        what: "run", "evidence" or "comparison".
        folders: which.

    Returns:
        Readable text and a hash, which is that of the folders' places.

    """
    places = [folder.resolve() for folder in folders]
    digest = hashlib.sha256("\n".join(map(str, places)).encode()).hexdigest()[:12]
    return f"{what} of {', '.join(place.name for place in places)} ({digest})"


def check_page(path: Path, subject: str = "") -> None:
    """Make sure that a page may be written.

    Args:
        path: where to.
        subject: what the new page is about; "" if a page about anything may be replaced.

    Raises:
        BlurnetError: if a file that is no page of blurnet's is in its place, or a page about
            something else.

    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    with disk_errors(path):
        head = path.read_bytes()[:4096] if path.is_file() else b""
    if MARK not in head:
        raise BlurnetError(f"{path}: not a page of blurnet's; choose another folder with --out")
    found = re.search(
        r'<meta name="blurnet-subject" content="([^"]*)">', head.decode("utf-8", "replace")
    )
    if subject and (found is None or found[1] != _escaped(subject)):
        about = "something else" if found is None else f"another {found[1]}"
        raise BlurnetError(
            f"{path}: the page of {about} is there; choose another folder with --out, or remove it"
        )


def put_page(path: Path, content: bytes, subject: str = "") -> Path:
    """Write a page, unless it is there already.

    Raises:
        BlurnetError: as ``check_page``, and if the disk does not take the page.

    """
    check_page(path, subject)
    if not path.exists() or path.read_bytes() != content:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    return path


def _escaped(text: str) -> str:
    return _environment().from_string("{{ text }}").render(text=text)


def _anchor(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("blurnet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "span": span,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
    }
    environment.globals |= {"interval_bar": interval_bar}
    return environment
