"""Evidence on disk: JSON, pictures as safetensors, and the page."""

import importlib
from pathlib import Path

from safetensors.torch import save as tensors_to_bytes

from blurnet.data.tensors import read_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, read_json, write_whole
from blurnet.settings import check

from .evidence import Evidence

EVIDENCE, TENSORS, PAGE = "evidence.json", "tensors.safetensors", "report.html"


def save(evidence: Evidence, path: Path) -> Path:
    """Write the page, the figures, or everything; see ``Evidence.save``."""
    if path.suffix in (".html", ".json"):
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        html = path.suffix == ".html"
        write_whole(path, (page_of(evidence) if html else evidence.to_json()).encode())
        return path
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    page = page_of(evidence)
    if evidence.tensors:
        tensors = {name: tensor.contiguous() for name, tensor in evidence.tensors.items()}
        write_whole(path / TENSORS, tensors_to_bytes(tensors))
    else:
        (path / TENSORS).unlink(missing_ok=True)
    write_whole(path / PAGE, page.encode())
    write_whole(path / EVIDENCE, evidence.to_json().encode())
    return path


def load(folder: Path) -> Evidence:
    """Read what ``save`` wrote into a folder; see ``Evidence.load``."""
    if not (folder / EVIDENCE).is_file():
        raise BlurnetError(f"{folder}: no {EVIDENCE} there, which blurnet evaluate writes")
    try:
        evidence = check(Evidence, read_json(folder / EVIDENCE))
    except BlurnetError as error:
        where = "" if str(folder / EVIDENCE) in str(error) else f"{folder / EVIDENCE}: "
        raise BlurnetError(f"{where}{error}; the command that made it makes it again") from None
    if not (folder / TENSORS).is_file():
        return evidence
    return evidence.with_tensors(read_safetensors(folder / TENSORS)[0])


def page_of(evidence: Evidence) -> str:
    """Give the page: the one thing that is asked of ``blurnet.report``, which stands above."""
    page: str = importlib.import_module("blurnet.report.evidence").page_of(evidence)
    return page
