"""An experiment's file: read, changed by --set and flags, and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.files import read_bytes
from blurnet.plain_yaml import LONGEST, from_yaml
from blurnet.settings import change, check

from .inputs import Inputs
from .kinds import KINDS
from .plan import Plan


@dataclass(frozen=True)
class Experiment:
    """What is run.

    Args:
        name: a shipped experiment's, or that of its file without its suffix.
        settings: what is asked.
        folder: that of its file, where the file of a user's own model is looked for first.

    """

    name: str
    settings: Inputs
    folder: Path = Path()

    def expand(self) -> Plan[Any]:
        """Read and check all inputs, and lay out the steps; see ``Inputs.expand``."""
        return self.settings.expand(self.folder)


def load(
    name_or_file: str, assignments: Sequence[str] = (), changes: Mapping[str, Any] | None = None
) -> Experiment:
    """Read an experiment, change it, and check it.

    Args:
        name_or_file: the name of a shipped experiment, or the path of a YAML file.
        assignments: ``key=value`` settings that replace the file's, as ``--set`` takes them.
        changes: settings that replace the file's, by name.

    Raises:
        BlurnetError: if it does not exist, is not YAML, has a wrong setting, or one that ``rp2``
            makes void.

    """
    own = name_or_file not in shipped()
    content = read_experiment(name_or_file)
    changed = change(content, assignments) | dict(changes or {})
    kind = changed.get("kind")
    if kind is None:
        raise BlurnetError(
            f"{name_or_file}: a line such as kind: blackbox is missing; there are: "
            f"{', '.join(KINDS)}; the shipped files in {Path(__file__).parent} are examples"
        )
    if not isinstance(kind, str) or kind not in KINDS:
        raise BlurnetError(f"{name_or_file}: kind: {kind!r} is not one of: {', '.join(KINDS)}")
    try:
        settings = check(KINDS[kind], changed)
    except BlurnetError as error:
        raise BlurnetError(f"{name_or_file}: {error}" if own else str(error)) from None
    given = {assignment.partition("=")[0].partition(".")[0] for assignment in assignments}
    _refuse_void(settings, given | set(changes or {}), set(content) if own else set())
    path = Path(name_or_file)
    return Experiment(path.stem, settings, path.parent if own else Path())


@cache
def shipped() -> tuple[str, ...]:
    """Name the experiments that come with blurnet."""
    folder = files("blurnet.experiments")
    names = (file.name for file in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


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
            text = read_bytes(path, 4 * LONGEST).decode()
        except UnicodeDecodeError as error:
            raise BlurnetError(f"{path}: cannot be read as text: {error}") from None
    else:
        raise BlurnetError(
            f"no experiment {name_or_file!r}; there are: {', '.join(shipped())}; or give the path "
            "of a .yaml file"
        )
    try:
        content = from_yaml(text)
    except BlurnetError as error:
        raise BlurnetError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise BlurnetError(f"{path}: an experiment is a mapping of settings; see blurnet list")
    return content


def _refuse_void(settings: Inputs, given: set[str], written: set[str]) -> None:
    """Raise a BlurnetError for a setting that was given or changed and that ``rp2`` makes void.

    Args:
        settings: all of them.
        given: the names of those that a flag or --set gave.
        written: of those that a user's own file has; what a shipped file has too is no change.

    """
    if settings.rp2 is None:
        return
    for name in settings.void():
        if name in given or (name in written and _changed(settings, name)):
            with_data = settings.model_copy(update={"data": "given"})
            of_use = settings.data is None and name not in with_data.void()
            raise BlurnetError(
                f"setting {name}: --rp2 brings its own, so it would change nothing; leave it out"
                + (", or give --data, which networks are trained on" if of_use else "")
            )


def _changed(settings: Inputs, name: str) -> bool:
    value, kind = getattr(settings, name), type(settings)
    alike = [check(kind, content) for content in _shipped_of(settings.kind)]
    return value != kind.model_fields[name].default and all(
        value != getattr(each, name) for each in alike
    )


def _shipped_of(kind: str) -> list[dict[str, Any]]:
    contents = (read_experiment(name) for name in shipped())
    return [content for content in contents if content["kind"] == kind]
