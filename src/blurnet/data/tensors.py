"""Tensors from safetensors files; a pickle is never opened."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from blurnet.errors import BlurnetError


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors of a safetensors file, and its metadata.

    Returns:
        The tensors by name, in memory of their own, and the metadata (empty where there is none).

    Raises:
        BlurnetError: if the file is missing, cut short, or in another format.

    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except FileNotFoundError:
        raise BlurnetError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise BlurnetError(f"{path}: not a whole safetensors file: {_found(path, error)}") from None
    except OSError as error:
        raise BlurnetError(f"{path}: cannot be read: {error.strerror or error}") from None


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
