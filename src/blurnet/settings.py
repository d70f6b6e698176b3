"""Settings: typed, frozen, refused in one line where they are wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from reprlib import Repr
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from blurnet.errors import BlurnetError
from blurnet.plain_yaml import from_yaml

DEEPEST = 10
"""Names in the dotted key of an assignment."""


class Settings(BaseModel):
    """The base of every description and result stored as JSON: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


SettingsType = TypeVar("SettingsType", bound=BaseModel)
Made = TypeVar("Made")

_shortened = Repr()
_shortened.maxlevel, _shortened.maxstring, _shortened.maxother = 4, 200, 200
_shortened.maxlist = _shortened.maxtuple = _shortened.maxdict = 20


def check(kind: type[SettingsType], content: Mapping[str, Any]) -> SettingsType:
    """Turn plain content into typed settings.

    Raises:
        BlurnetError: naming the first setting that is wrong, what was found, and what would do.

    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise BlurnetError(_in_words(kind, error)) from None
    except (TypeError, ValueError, OverflowError) as error:  # raised by what checks a value
        raise BlurnetError(f"{type(error).__name__}: {error}") from None


def make(what: str, kind: type[Made], given: Mapping[str, Any]) -> Made:
    """Make a dataclass of settings by name, such as those of ``NAME:KEY=VALUE`` on a command line.

    Args:
        what: what is made, for the error's text, such as "transform rotation".
        kind: the dataclass.
        given: its settings by name.

    Raises:
        BlurnetError: for an unknown setting, the message lists those that there are, and for a
            value out of its range.

    """
    assert is_dataclass(kind)
    known = [field.name for field in fields(kind) if field.init]
    for name in given:
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "it has none"
            raise BlurnetError(f"{what}: no setting {name!r}; {there}")
    try:
        return kind(**given)
    except TypeError as error:
        raise BlurnetError(f"{what}: {error}") from None


def change(content: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Apply ``key=value`` assignments to plain settings.

    Args:
        content: not changed.
        assignments: each ``key=value``, the key dotted for nested settings (``attack.steps=500``),
            the value in YAML.

    Raises:
        BlurnetError: if an assignment has no ``=``, or goes inside something that has no inside.

    """
    changed = dict(content)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise BlurnetError(f"--set {assignment}: write key=value, such as padding=reflect")
        try:
            value = from_yaml(text)
        except BlurnetError as error:
            raise BlurnetError(
                f"--set {assignment}: {text!r} is not a YAML value: {error}"
            ) from None
        *outer, last = key.split(".")
        if len(outer) >= DEEPEST:
            raise BlurnetError(f"--set {assignment}: settings are at most {DEEPEST} names deep")
        place = changed
        for name in outer:
            inner = place.get(name, {})
            if not isinstance(inner, dict):
                raise BlurnetError(f"--set {assignment}: {name!r} has no settings inside it")
            place[name] = dict(inner)
            place = place[name]
        place[last] = value
    return changed


def _in_words(kind: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        outer = first["loc"][:-1]
        inside = f" in {'.'.join(map(str, outer))}" if outer else ""
        return f"unknown setting {place!r}; there are{inside}: {', '.join(_fields(kind, outer))}"
    if first["type"] == "missing":
        return f"the setting {place!r} is missing"
    more = f" ({len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
    return f"setting {place}: {first['msg']}; found {_shortened.repr(first['input'])}{more}"


def _fields(kind: Any, path: Sequence[int | str]) -> list[str]:
    """List the settings there are at a place inside settings."""
    for name in path:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif not isinstance(name, int):
            fields_ = getattr(kind, "model_fields", {})
            kind = fields_[name].annotation if name in fields_ else kind
        if get_origin(kind) is not dict and get_args(kind):
            kind = get_args(kind)[0]
    names = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {})
    return list(names)
