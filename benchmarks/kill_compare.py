"""What random_kills.py compares: files without dates and seconds, and what is finished."""

import base64
import json
import re

TIMES = {"created", "finished", "seconds"}


def finished(out):
    """Name what is finished in a folder and may not be made again: records, or the whole answer."""
    if (out / "asked.json").exists():
        return ["."]
    return [f"records/{each.name}" for each in (out / "records").glob("[!.]*")]


def sealed(out, name):
    """Give all bytes of what is finished."""
    files = sorted(file for file in (out / name).rglob("*") if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def outputs(out):
    """Give the content of all files, hidden ones too, as it is compared: without times."""
    files = [file for file in sorted(out.rglob("*")) if file.is_file() and file.name != ".lock"]
    times = {f">{seconds:.1f}<" for file in files for seconds in seconds_in(file)}
    return {str(file.relative_to(out)): timeless(file, times) for file in files}


def timeless(file, times):
    content = file.read_bytes()
    if file.suffix == ".json":
        values = without_times(json.loads(content))
        if file.name == "asked.json":  # with the hashes of files that have times
            del values["files"]
        return values
    if file.suffix != ".html":
        return content
    text = re.sub(
        r"data:application/json;base64,([\w+/=]+)",
        lambda found: str(without_times(json.loads(base64.b64decode(found[1])))),
        content.decode(),
    )
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\+00:00)?", "DATE", text)
    text = re.sub(r"\b\d+(\.\d+)? (s|min)\b", "SECONDS", text)
    for each in times:
        text = text.replace(each, ">SECONDS<")
    return text


def without_times(values):
    if isinstance(values, dict):
        return {name: without_times(each) for name, each in values.items() if name not in TIMES}
    return [without_times(each) for each in values] if isinstance(values, list) else values


def seconds_in(file):
    found = re.findall(rb'"seconds": ([\d.]+)', file.read_bytes()) if file.suffix == ".json" else ()
    return [float(each) for each in found]


def compared(wanted, found):
    """Name what differs, is missing, or should not be there."""
    return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
