"""What random_kills.py compares: files without dates and seconds, and what is finished."""

import base64
import json
import re

TIMES = ("created", "finished", "seconds")
"""Names, or their ends, of what is another at another time."""


def finished(out):
    """Name what is finished in a folder and may not be made again: records, or the whole answer."""
    asked = out / "asked.json"
    if asked.exists():
        return ["."] if json.loads(asked.read_bytes())["files"] else []
    return [f"records/{each.name}" for each in (out / "records").glob("[!.]*")]


def sealed(out, name):
    """Give all bytes of what is finished."""
    files = sorted(file for file in (out / name).rglob("*") if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def outputs(out):
    """Give the content of all files, hidden ones too, as it is compared: without times."""
    files = [file for file in sorted(out.rglob("*")) if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(out)): timeless(file) for file in files}


def timeless(file):
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
    return re.sub(r"<table.*?</table>", without_last_seconds, text, flags=re.DOTALL)


def without_last_seconds(table):
    """Leave out the last column of a table that ends with one of seconds."""
    if not re.search(r"seconds[\w ]*</th>\s*</tr>", table[0]):
        return table[0]
    return re.sub(r"<td>[\d.]+</td>\s*</tr>", "SECONDS", table[0])


def without_times(values):
    if isinstance(values, dict):
        return {
            name: without_times(each) for name, each in values.items() if not name.endswith(TIMES)
        }
    return [without_times(each) for each in values] if isinstance(values, list) else values


def compared(wanted, found):
    """Name what differs, is missing, or should not be there."""
    return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
