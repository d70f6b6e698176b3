"""Tensors from and to safetensors files; a pickle is never opened."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.files import check_file


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors of a safetensors file, and its metadata.

    Returns:
        The tensors by name, in memory of their own, and the metadata (empty where there is none).

    Raises:
        BlurnetError: if the file is missing, cut short, or in another format.

    """
    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        raise BlurnetError(f"{path}: not a whole safetensors file: {_found(path, error)}") from None
    except OSError as error:
        raise BlurnetError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a type or a shape that PyTorch does not have
        said = " ".join(str(error).split()) or type(error).__name__
        raise BlurnetError(f"{path}: it holds what PyTorch cannot: {said}") from None


def to_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Give what a safetensors file holds: the same bytes each time, unlike ``save``.

    Args:
        tensors: by name; contiguous.
        metadata: written in the order of its names, where ``save`` draws one.

    """
    # with neither tensors nor metadata, safetensors 0.8 writes a header that nothing reads
    here = {name: tensor.cpu() for name, tensor in tensors.items()}
    drawn = save(here, dict(metadata) or None)
    end = 8 + int.from_bytes(drawn[:8], "little")
    header = json.loads(drawn[8:end]) | {"__metadata__": dict(sorted(metadata.items()))}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + drawn[end:]


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, shapes and contents (SHA-256, hexadecimal)."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _found(path: Path, error: SafetensorError) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((b"\x80", b"PK\x03\x04")):
        return "it looks like a pickle, which can run any code and is not opened; convert it"
    return " ".join(str(error).split())
