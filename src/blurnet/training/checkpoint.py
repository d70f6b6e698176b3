"""Checkpoints: one safetensors file that says what it is, written whole."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blurnet.data.tensors import read_safetensors, to_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import disk_errors, parse_json, write_whole

FORMAT = "blurnet training checkpoint 2"

_log = logging.getLogger("blurnet")


@dataclass(frozen=True)
class Checkpoints:
    """Where and when a training keeps checkpoints.

    Args:
        path: the file, such as ``out/training.safetensors``; each checkpoint replaces the last.
        description: what is trained, in values that JSON has: ``architecture``, ``classes``,
            ``defense`` and whatever else tells it from other trainings.
        every_steps: keep one after so many steps; 0 for never by count.
        every_seconds: keep one when so many seconds have passed since the last; 0 for never.

    Raises:
        BlurnetError: for negative numbers.

    """

    path: Path
    description: Mapping[str, Any] = field(default_factory=dict)
    every_steps: int = 0
    every_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.every_steps < 0 or not self.every_seconds >= 0:
            raise BlurnetError(
                "checkpoints: every_steps and every_seconds are at least 0; found "
                f"{self.every_steps} and {self.every_seconds}"
            )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training at one moment between two steps, or finished.

    Args:
        description: what is trained: the description in ``Checkpoints`` and, from ``fit``,
            ``settings``, ``penalties``, ``augment``, ``harden``, ``data`` and ``validation``.
        progress: how far it is: ``step``, ``steps``, ``finished``, the losses, the best so far.
        tensors: ``model.*``, the weights; while unfinished also ``best.*``, ``optimizer.*``, the
            epoch's ``order`` and the states of both generators (and of a GPU's, with the network
            there).

    """

    description: dict[str, Any]
    progress: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """Give the tensors called ``name.*``, without that prefix."""
        start = f"{name}."
        return {k.removeprefix(start): t for k, t in self.tensors.items() if k.startswith(start)}

    @property
    def weights(self) -> dict[str, Tensor]:
        """The best weights so far, or the last where no validation tells them apart."""
        return self.part("best") or self.part("model")


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. A kill at any moment leaves the old file or the new.

    Raises:
        BlurnetError: if the disk does not take it.

    """
    content = {
        "format": FORMAT,
        "description": checkpoint.description,
        "progress": checkpoint.progress,
    }
    tensors = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content)
    metadata = {"blurnet": text, "sha256": _hash(text, tensors)}
    write_whole(path, to_safetensors(tensors, metadata))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        BlurnetError: if the file is missing, cut short, changed, or not a checkpoint of blurnet's.

    """
    tensors, metadata = read_safetensors(path)
    try:
        content = parse_json(metadata["blurnet"])
        found = content["format"]
        parts = content["description"], content["progress"]
        if found == FORMAT and all(isinstance(part, dict) for part in parts):
            if metadata["sha256"] != _hash(metadata["blurnet"], tensors):
                raise BlurnetError(f"{path}: not what was written there")
            return Checkpoint(*parts, tensors)
    except (KeyError, TypeError, ValueError):
        found = "no such entry in its metadata"
    raise BlurnetError(f"{path}: not a checkpoint of blurnet's ({FORMAT!r}); found {found!r}")


def set_aside_broken(path: Path) -> None:
    """Rename a checkpoint that cannot be read, and say so: the training begins anew.

    For files that are blurnet's own, such as those of a step at work.
    """
    if not path.exists():
        return
    try:
        read_checkpoint(path)
    except BlurnetError as error:
        aside = path.with_name(f"{path.name}.damaged")
        with disk_errors(path):
            path.replace(aside)
        _log.warning("the training begins anew; its checkpoint lies in %s now: %s", aside, error)


def refuse_other(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise a BlurnetError if a checkpoint's description is not the wanted one.

    Args:
        path: the checkpoint's file, for the error's text.
        found: its description.
        wanted: what is to be trained.

    """
    there, here = _flat(found), _flat(json.loads(json.dumps(wanted)))
    differing = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    if differing:
        name = differing[0]
        more = f" ({len(differing) - 1} more differences)" if len(differing) > 1 else ""
        raise BlurnetError(
            f"{path}: a checkpoint of another training: {name} is {there.get(name)!r} there and "
            f"{here.get(name)!r} here{more}; choose another file, or remove it"
        )


def describe(part: object) -> Any:
    """Describe a callable for a checkpoint: a dataclass by its fields, a function by its name."""
    if part is None:
        return None
    if is_dataclass(part) and not isinstance(part, type):
        return {"name": type(part).__name__, **asdict(part)}
    return str(getattr(part, "__qualname__", type(part).__qualname__))


def _hash(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Hash all that a checkpoint holds."""
    found = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict) or not values:
        return {prefix: values}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}.{name}" if prefix else name)
    return flat
