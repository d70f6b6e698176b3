"""Zip archives of PyTorch's, looked into before PyTorch opens them.

``torch.export.load`` trusts its file: it unpickles what it likes, loads compiled libraries,
evaluates texts, and calls any function of PyTorch's that a graph names. What is let through here
holds tensors and a graph of tensor operators, and unpacks to no more than it weighs.
"""

import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.files import parse_json

SLACK = 64 * 2**20
"""Bytes that what is unpacked may be larger than its file."""

_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|torchvision|quantized|quantized_decomposed)\.(?!from_file\b|save\b)"
    r"(_?[A-Za-z0-9]\w*|__i?(and|or|xor|lshift|rshift)__)(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|torch\._?sym_\w+|math\.[a-z]\w*"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_|xor"
    r"|not_|invert|lshift|rshift|getitem)"
)
_EXPRESSION = re.compile(r"[\w ()+\-*/,<>=!&|~]{1,500}", re.ASCII)
_KNOWN_IN_EXPRESSIONS = re.compile(
    r"[suz]f?\d+|FloorDiv|ModularIndexing|Where|PythonMod|Mod|CleanDiv|CeilToInt|FloorToInt|CeilDiv"
    r"|IntTrueDiv|FloatTrueDiv|TruncToFloat|TruncToInt|RoundToInt|ToFloat|Identity|Max|Min|Eq|Ne|Lt"
    r"|Le|Gt|Ge|And|Or|Not|Abs|True|False|oo|int_oo|Symbol|Integer|Rational|Float|Add|Mul|Pow"
    r"|positive|nonnegative|negative|integer|real|finite|StrictLessThan|LessThan|Equality|Unequality"
    r"|StrictGreaterThan|GreaterThan|BooleanTrue|BooleanFalse|precision"
)
_RUNS_CODE = ("default_factory_module", "__enum__")
"""In a description of nested outputs: modules that PyTorch would import."""

_environment = Lock()
_TENSORS_ALONE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


@contextmanager
def tensors_alone() -> Iterator[None]:
    """Let every ``torch.load`` in the block refuse pickles that hold more than tensors."""
    with _environment:
        before = os.environ.get(_TENSORS_ALONE)
        os.environ[_TENSORS_ALONE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_TENSORS_ALONE]
            else:
                os.environ[_TENSORS_ALONE] = before


def check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to much more than it weighs.

    Args:
        path: a file; one that is no zip archive is let through.

    Raises:
        BlurnetError: if it is a zip bomb, or its directory cannot be read.

    """
    if _is_archive(path):
        with _opened(path):
            pass


def checked_program(path: Path) -> io.BytesIO:
    """Give an exported program for PyTorch to open, or refuse one that holds code, or names it.

    It is packed anew: PyTorch finds an archive's members otherwise than Python does, and so gets
    what was looked at here.

    Args:
        path: what ``torch.export.save`` wrote.

    Raises:
        BlurnetError: if it is no such archive, a zip bomb, or holds more than tensors and a graph
            of PyTorch's tensor operators; the message says what.

    """
    if not _is_archive(path):
        raise BlurnetError(f"{path}: not an exported program, which is a zip archive")
    packed = io.BytesIO()
    with _opened(path) as archive, zipfile.ZipFile(packed, "w") as anew:
        names = archive.namelist()
        if len({name.lower() for name in names}) < len(names):
            raise BlurnetError(f"{path}: two of its members have one name")
        for name in names:
            content = archive.read(name)
            inner = name.partition("/")[2]
            if "aotinductor" in name:
                raise BlurnetError(f"{path}: it holds a compiled library, which is not opened")
            if inner.endswith("_config.json"):
                _check_payloads(path, _json(path, name, content))
            elif inner.startswith("models/") or name.endswith("serialized_exported_program.json"):
                _check_graph(path, _json(path, name, content))
            anew.writestr(zipfile.ZipInfo(name), content)
    packed.seek(0)
    return packed


def check_sizes(path: Path, tensors: Iterable[Tensor]) -> None:
    """Refuse tensors that stand for more than is stored, by strides of 0.

    Raises:
        BlurnetError: for such a tensor of more than ``SLACK`` bytes.

    """
    for tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        if size > SLACK and not tensor.is_meta and size > tensor.untyped_storage().nbytes():
            raise BlurnetError(
                f"{path}: a tensor of {' × '.join(map(str, tensor.shape))} that is stored as "
                f"{tensor.untyped_storage().nbytes()} bytes"
            )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_weight(path, archive)
            yield archive
    except BlurnetError:
        raise
    except Exception as error:  # zipfile, zlib and decoding raise what they like
        said = " ".join(str(error).split()) or type(error).__name__
        raise BlurnetError(f"{path}: an archive that cannot be read: {said}") from None


def _check_weight(path: Path, archive: zipfile.ZipFile) -> None:
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > path.stat().st_size + SLACK:
        raise BlurnetError(
            f"{path}: it unpacks to {unpacked} bytes, many times what it weighs; PyTorch writes "
            "archives that are not compressed"
        )


def _is_archive(path: Path) -> bool:
    """Whether PyTorch, which looks at the start, or Python, at the end, takes it for an archive."""
    with path.open("rb") as file:
        if file.read(4) == b"PK\3\4":
            return True
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def _json(path: Path, name: str, content: bytes) -> Any:
    try:
        return parse_json(content.decode())
    except ValueError:
        raise BlurnetError(f"{path}: its {name} is not JSON") from None


def _check_payloads(path: Path, content: Any) -> None:
    for each in _objects(content):
        if each.get("use_pickle"):
            raise BlurnetError(f"{path}: it holds a pickle, which can run any code; not opened")
        place = str(each.get("path_name", "weight_0"))
        if not re.fullmatch(r"(weight|tensor)_\d+", place):
            raise BlurnetError(f"{path}: it holds {place!r}, where only tensors are expected")


def _check_graph(path: Path, content: Any) -> None:
    for each in _objects(content):
        target = each.get("target") if "inputs" in each else each.get("as_operator")
        if target is not None and not _OPERATOR.fullmatch(str(target)):
            raise BlurnetError(
                f"{path}: its graph calls {target!r}, which is none of PyTorch's tensor operators"
            )
        if "expr_str" in each and not _is_expression(each["expr_str"]):
            raise BlurnetError(f"{path}: {each['expr_str']!r} is no expression of lengths")
        for text in each.values():
            if isinstance(text, str) and any(marker in text for marker in _RUNS_CODE):
                raise BlurnetError(f"{path}: its outputs are described by a module to import")


def _is_expression(text: Any) -> bool:
    """Whether SymPy, which evaluates a text as Python, finds lengths and arithmetic in it alone."""
    if not isinstance(text, str):
        return False
    text = re.sub(r"'[a-z]{1,4}\d{1,9}'", "0", text)  # the names of symbols
    text = re.sub(r"\b\d+\.\d*", "0", text)
    if not _EXPRESSION.fullmatch(text) or "**" in text or "." in text or text.count("Pow") > 1:
        return False
    if "Pow" in text and re.search(r"\d{5}", text):
        return False
    return all(_KNOWN_IN_EXPRESSIONS.fullmatch(name) for name in re.findall(r"[^\W\d]\w*", text))


def _objects(content: Any) -> Iterator[Mapping[str, Any]]:
    ahead = [content]
    while ahead:
        value = ahead.pop()
        if isinstance(value, dict):
            yield value
            ahead += value.values()
        elif isinstance(value, list):
            ahead += value
