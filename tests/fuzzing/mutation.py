"""Changes of inputs that keep their outer structure, so that what is inside is reached."""

import copy
import io
import json
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutate = Callable[[bytes, random.Random, Callable[[bytes], bytes]], bytes]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, 1e308, 1e999,
    float("nan"), "", "a", "NaN", "Infinity", "\n", "\0", "\ud800", "..", "/dev/zero", "../../x",
    "\x1b[31m", "a" * 300, "<script>", [], {}, [[]], [0] * 40, {"": ""}, {"name": []},
    "2020-01-01", "cpu", "conv1", "train-0123456789abcdef0123",
)  # fmt: skip
LINES = (
    "- !!python/object/apply:os.system [x]", "a: &a [*a]", "<<: *x", "2020-13-45", "!!int x",
    "? [a]", "0b_", "1:2", "!!binary x", "&a a", "*a", "{{{{", "[[[[", "- - - - -", "'", '"\\x00"',
    "a: 1\na: 2", "!!timestamp x", "!!bool x", "\t", "%YAML 9.9", "---", "on: off", "=", "a.b.c=1",
    ";;;", "0,0,0", "1e999,0,0", "nan,0,0", "NaN", '"', '"a\nb"', "999999999", "-1", "../..", "/",
)  # fmt: skip


def mutated_json(content: bytes, luck: random.Random, plainly: Callable[[bytes], bytes]) -> bytes:
    """Change a value, a name, or the length of a list."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return plainly(content)
    for _ in range(luck.randint(1, 3)):
        value = _changed(value, luck)
    try:
        return json.dumps(value, ensure_ascii=luck.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return content


def _value(luck: random.Random) -> Any:
    return copy.deepcopy(luck.choice(VALUES))


def _changed(value: Any, luck: random.Random) -> Any:
    places = []
    ahead = [value]
    while ahead:
        outer = ahead.pop()
        keys = (
            outer
            if isinstance(outer, dict)
            else range(len(outer))
            if isinstance(outer, list)
            else ()
        )
        for key in keys:
            places.append((outer, key))
            ahead.append(outer[key])
    if not places:
        return _value(luck)
    outer, key = luck.choice(places)
    what = luck.randrange(6)
    if what == 0:
        del outer[key]
    elif what == 1 and isinstance(outer, dict):
        outer[luck.choice(["", "a\nb", str(key) * 2, "\ud800"])] = outer.pop(key)
    elif what == 2 and isinstance(outer, list):
        outer.insert(key, _value(luck))
    elif what == 3:
        given, name = luck.choice(places)
        outer[key] = copy.deepcopy(given[name])
    elif what == 4 and isinstance(outer[key], int | float):
        outer[key] = outer[key] * luck.choice([-1, 0.5, 2, 1000]) if abs(outer[key]) < 1e300 else 0
    else:
        outer[key] = _value(luck)
    return value


def mutated_lines(content: bytes, luck: random.Random, plainly: Callable[[bytes], bytes]) -> bytes:
    """Change, repeat, leave out or put in lines and parts of lines."""
    text = content.decode("utf-8", "replace")
    for separator in luck.sample(["\n", ";", ",", ":", "=", " "], 2):
        parts = text.split(separator)
        at = luck.randrange(len(parts))
        what = luck.randrange(4)
        if what == 0:
            parts[at] = luck.choice(LINES)
        elif what == 1:
            parts.insert(at, luck.choice(LINES))
        elif what == 2:
            parts.insert(at, parts[luck.randrange(len(parts))])
        else:
            del parts[at]
        text = separator.join(parts)
    return text.encode("utf-8", "replace")


def mutated_safetensors(
    content: bytes, luck: random.Random, plainly: Callable[[bytes], bytes]
) -> bytes:
    """Change the header and keep its length true, mostly."""
    try:
        length = struct.unpack("<Q", content[:8])[0]
        header, data = content[8 : 8 + length], content[8 + length :]
        told = json.loads(header)
    except (struct.error, ValueError, RecursionError, OverflowError):
        return plainly(content)
    what = luck.randrange(6)
    inside = told.get("__metadata__") if isinstance(told, dict) else None
    names = [name for name in told if name != "__metadata__"] if isinstance(told, dict) else []
    if what == 0 and isinstance(inside, dict) and inside:
        name = luck.choice(list(inside))
        inside[name] = mutated_json(
            str(inside[name]).encode("utf-8", "replace"), luck, plainly
        ).decode("utf-8", "replace")
    elif what == 1 and names and isinstance(told[luck.choice(names)], dict):
        entry = told[luck.choice(names)]
        if isinstance(entry, dict):
            kinds = [
                "F32",
                "F64",
                "F16",
                "BF16",
                "I64",
                "U8",
                "BOOL",
                "C64",
                "F8_E4M3",
                "U16",
                "F4",
            ]
            entry["dtype"] = luck.choice(kinds)
    elif what == 2 and names:
        name = luck.choice(names)
        shape = told[name].get("shape") if isinstance(told[name], dict) else None
        if isinstance(shape, list):
            luck.shuffle(shape)
            shape.append(1)
    elif what == 3 and names:
        told[luck.choice(["a", "", "optimizer.x.y", "best.conv.weight", "model."])] = told.pop(
            luck.choice(names)
        )
    elif what == 4 and data:
        values = [b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\xff\x7f", b"\xff" * 8]
        at = luck.randrange(max(1, len(data) // 4)) * 4
        value = luck.choice(values)
        data = data[:at] + value + data[at + len(value) :]
    else:
        told = _changed(told, luck)
    try:
        header = json.dumps(told).encode()
    except (ValueError, RecursionError):
        return content
    header += b" " * (-len(header) % 8)
    length = len(header) if luck.random() < 0.97 else luck.choice([0, 1, 2**40, 2**63, 2**64 - 1])
    return struct.pack("<Q", length) + header + data


def mutated_picture(
    content: bytes, luck: random.Random, plainly: Callable[[bytes], bytes]
) -> bytes:
    """Change a chunk of a PNG and keep the checksums true; other pictures byte by byte."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return plainly(content)
    chunks, at = [], 8
    while at + 8 <= len(content):
        size, kind = struct.unpack(">I", content[at : at + 4])[0], content[at + 4 : at + 8]
        chunks.append([kind, content[at + 8 : at + 8 + size]])
        at += 12 + size
    if not chunks:
        return plainly(content)
    chosen = luck.randrange(len(chunks))
    what = luck.randrange(6)
    if what == 0:
        del chunks[chosen]
    elif what == 1:
        chunks.insert(chosen, list(luck.choice(chunks)))
    elif what == 2:
        extra = [b"tRNS", b"PLTE", b"gAMA", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT", b"zTXt"]
        chunks.insert(chosen, [luck.choice(extra), luck.randbytes(luck.randrange(40))])
    elif what == 3 and len(chunks[0][1]) == 13:
        sides = [0, 1, 2, 7, 8000, 65535, 2**31 - 1, 2**32 - 1]
        kinds = bytes(
            [
                luck.choice([1, 2, 4, 8, 16, 3]),
                luck.choice([0, 2, 3, 4, 6, 9]),
                0,
                0,
                luck.randrange(3),
            ]
        )
        chunks[0][1] = struct.pack(">II", luck.choice(sides), luck.choice(sides)) + kinds
    elif what == 4 and chunks[chosen][0] == b"IDAT":
        chunks[chosen][1] = zlib.compress(luck.randbytes(luck.randrange(200)))
    else:
        chunks[chosen][1] = plainly(chunks[chosen][1])
    made = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return content[:8] + b"".join(made)


def mutated_archive(
    content: bytes, luck: random.Random, plainly: Callable[[bytes], bytes]
) -> bytes:
    """Change a member of a zip archive, and pack it again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [[name, archive.read(name)] for name in archive.namelist()]
    except Exception:
        return plainly(content)
    if not members:
        return plainly(content)
    chosen = luck.randrange(len(members))
    what = luck.randrange(10)
    name, data = members[chosen]
    if what == 0:
        del members[chosen]
    elif what == 1:
        members[chosen][0] = luck.choice([member for member, _ in members])
    elif data.startswith(b"{"):
        members[chosen][1] = mutated_json(data, luck, plainly)
    elif data.startswith(b"PK"):
        members[chosen][1] = mutated_archive(data, luck, plainly)
    else:
        members[chosen][1] = plainly(data)
    packed = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if luck.random() < 0.1 else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", how) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


STRUCTURES: dict[str, Mutate] = {
    "json": mutated_json,
    "text": mutated_lines,
    "table": mutated_lines,
    "yaml": mutated_lines,
    "safetensors": mutated_safetensors,
    "picture": mutated_picture,
    "archive": mutated_archive,
}
