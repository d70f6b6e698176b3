"""A step: one unit of work, known by the hash of what its result depends on."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel
from torch import Tensor

from blurnet.settings import Settings

NOT_IN_KEY = {"in_key": False}
"""Metadata of a dataclass field that changes no result, such as the size of a piece."""


class OnStep(Protocol):
    """Told how far a step's work is."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Take what is done, what there is in all, and how it goes in a few words."""


ValuesType = TypeVar("ValuesType", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Outcome(Generic[ValuesType]):
    """What a step found.

    Args:
        values: what JSON can hold, typed.
        tensors: the rest, by name.

    """

    values: ValuesType
    tensors: dict[str, Tensor] = field(default_factory=dict)


Needs = Mapping[str, Outcome[Any]]
Work = Callable[[Needs, OnStep, Path], Outcome[ValuesType]]


@dataclass(frozen=True, eq=False)
class Step(Generic[ValuesType]):
    """One unit of work, such as training one network or attacking another.

    Args:
        kind: names the kind of work, for people and in the record's folder.
        version: of the kind; raised when the meaning of its configuration or its outcome changes,
            a default included, so that records of before are not read for those of now.
        title: one line for the progress display.
        config: what the result depends on: settings, seeds, and the content hashes of what is read
            from disk. Where files lie is not part of it.
        values: the type of its outcome's values.
        work: does it. Called with the outcomes of ``needs``, by role, a callback for its progress,
            and a folder of its own for what a killed step goes on from.
        needs: the steps whose outcomes the work reads, by role.

    """

    kind: str
    version: int
    title: str
    config: Settings
    values: type[ValuesType]
    work: Work[ValuesType]
    needs: Mapping[str, "Step[Any]"] = field(default_factory=dict)

    @property
    def description(self) -> dict[str, Any]:
        """All that the outcome depends on, as JSON: what ``key`` hashes."""
        needs = {role: step.key for role, step in self.needs.items()}
        return _description(self.kind, self.version, canonical(self.config), needs)

    @cached_property
    def key(self) -> str:
        """The step's name: its kind and a hash of its description."""
        needs = {role: step.key for role, step in self.needs.items()}
        return key_of(self.kind, self.version, canonical(self.config), needs)


class Described(Protocol):
    """What a record is kept of: a step, or as much of it as another process gets."""

    @property
    def key(self) -> str:
        """The step's name."""

    @property
    def kind(self) -> str:
        """The kind of work."""

    @property
    def title(self) -> str:
        """One line for the progress display."""

    @property
    def description(self) -> dict[str, Any]:
        """All that the outcome depends on, as JSON."""


def key_of(kind: str, version: int, config: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    """Give a step's name: its kind and a hash of its description, canonical already."""
    text = json.dumps(
        _description(kind, version, config, needs), sort_keys=True, ensure_ascii=False
    )
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def _description(
    kind: str, version: int, config: Mapping[str, Any], needs: Mapping[str, str]
) -> dict[str, Any]:
    return {"kind": kind, "version": version, "config": dict(config), "needs": dict(needs)}


def canonical(value: Any) -> Any:
    """Give settings as JSON without the fields that have their default or are ``NOT_IN_KEY``.

    So a field that is added later leaves all keys as they are until somebody sets it.
    """
    if isinstance(value, BaseModel):
        known = type(value).model_fields.items()
        given = {name: info.get_default(call_default_factory=True) for name, info in known}
        return _but_defaults(value, given)
    if is_dataclass(value) and not isinstance(value, type):
        counted = [each for each in fields(value) if each.metadata.get("in_key", True)]
        return _but_defaults(value, {each.name: _default(each) for each in counted})
    if isinstance(value, Mapping):
        return {str(name): canonical(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def in_order(steps: Iterable[Step[Any]]) -> list[Step[Any]]:
    """List the steps and all they need, each once, each after what it needs."""
    ordered: dict[str, Step[Any]] = {}

    def add(step: Step[Any]) -> None:
        if step.key not in ordered:
            for need in step.needs.values():
                add(need)
            ordered[step.key] = step

    for step in steps:
        add(step)
    return list(ordered.values())


def _but_defaults(value: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Give a description's fields, without those that are as by default."""
    found = {name: getattr(value, name) for name in defaults}
    return {
        name: canonical(each) for name, each in found.items() if not _alike(each, defaults[name])
    }


def _alike(value: Any, default: Any) -> bool:
    """Say whether two values make no difference to a key."""
    return bool(value == default) or (
        type(value) is type(default) and canonical(value) == canonical(default)
    )


def _default(each: Any) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default
