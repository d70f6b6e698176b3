"""An experiment's file: read, changed by --set, and checked."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from blurnet.errors import BlurnetError


class Settings(BaseModel):
    """The base of an experiment's settings: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SettingsType = TypeVar("SettingsType", bound=Settings)


def shipped() -> list[str]:
    """Name the experiments that come with blurnet."""
    folder = files("blurnet.experiments")
    return sorted(
        f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")
    )


def read_experiment(name_or_file: str) -> dict[str, Any]:
    """Read an experiment's file, as it stands there.

    Args:
        name_or_file: the name of a shipped experiment, or the path of a YAML file.

    Raises:
        BlurnetError: if there is no such experiment or the file is not a YAML mapping.

    """
    path = Path(name_or_file)
    if name_or_file in shipped():
        text = files("blurnet.experiments").joinpath(f"{name_or_file}.yaml").read_text("utf-8")
    elif path.suffix in {".yaml", ".yml"} and path.is_file():
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BlurnetError(f"{path}: cannot be read as text: {error}") from None
    else:
        raise BlurnetError(
            f"no experiment {name_or_file!r}; there are: {', '.join(shipped())}; or give the path "
            "of a .yaml file"
        )
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BlurnetError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BlurnetError(f"{path}: an experiment is a mapping of settings; see blurnet list")
    return content


def change(content: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Apply ``key=value`` assignments to an experiment's content.

    Args:
        content: as ``read_experiment`` gives it; not changed.
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
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise BlurnetError(f"--set {assignment}: {text!r} is not a YAML value") from None
        *outer, last = key.split(".")
        place = changed
        for name in outer:
            inner = place.get(name, {})
            if not isinstance(inner, dict):
                raise BlurnetError(f"--set {assignment}: {name!r} has no settings inside it")
            place[name] = dict(inner)
            place = place[name]
        place[last] = value
    return changed


def check(kind: type[SettingsType], content: Mapping[str, Any]) -> SettingsType:
    """Turn an experiment's content into its typed settings.

    Raises:
        BlurnetError: naming the first setting that is wrong, what was found, and what would do.

    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise BlurnetError(_in_words(kind, error)) from None


def _in_words(kind: type[Settings], error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        outer = first["loc"][:-1]
        inside = f" in {'.'.join(map(str, outer))}" if outer else ""
        return f"unknown setting {place!r}; there are{inside}: {', '.join(_fields(kind, outer))}"
    if first["type"] == "missing":
        return f"the setting {place!r} is missing"
    more = f" ({len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
    return f"setting {place}: {first['msg']}; found {first['input']!r}{more}"


def _fields(kind: type[Any], path: Sequence[int | str]) -> list[str]:
    for name in path:
        if isinstance(name, int):
            continue
        annotations = getattr(kind, "model_fields", None)
        kind = annotations[name].annotation if annotations and name in annotations else kind
        arguments = getattr(kind, "__args__", None)
        kind = arguments[0] if arguments else kind
    fields = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {})
    return list(fields)
