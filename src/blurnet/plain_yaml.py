"""YAML as settings need it: names, lists and plain values, nothing that grows when it is read."""

from collections import Counter
from typing import Any

import yaml

from blurnet.errors import BlurnetError

LONGEST = 2**16
"""Characters."""

LARGEST = 10_000
"""Values, where each alias counts as all that it stands for."""

DEEPEST = 20
"""Levels of mappings and lists."""

_WHOLE = range(-(2**63), 2**64)


def from_yaml(text: str) -> Any:
    """Read a YAML document: mappings with names, lists, texts, numbers, yes and no, and nothing.

    Raises:
        BlurnetError: for anything else, such as a date, a name that is there twice, or aliases that
            stand for more than ``LARGEST`` values. The message does not say where the text is from.

    """
    if len(text) > LONGEST:
        raise BlurnetError(f"{len(text)} characters of YAML, where at most {LONGEST} are expected")
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node, {})
        value = loader.construct_document(node)
    except BlurnetError:
        raise
    except RecursionError:
        raise BlurnetError("YAML nested too deeply") from None
    except Exception as error:  # PyYAML's own errors, and what Python says of a wrong !!int
        raise BlurnetError(f"not YAML: {' '.join(str(error).split())}") from None
    finally:
        if loader is not None:
            loader.dispose()
    _refuse_others(value)
    return value


def _measure(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Give how many values a node stands for, and how many levels deep it is."""
    if id(node) in known:
        found = known[id(node)]
        if found is None:
            raise BlurnetError("YAML that contains itself")
        return found
    known[id(node)] = None
    inside: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        names = Counter(name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode))
        if names and names.most_common(1)[0][1] > 1:
            raise BlurnetError(f"the name {names.most_common(1)[0][0]!r} is there twice")
        inside = [each for pair in node.value for each in pair]
    elif isinstance(node, yaml.SequenceNode):
        inside = node.value
    parts = [_measure(each, known) for each in inside]
    values = 1 + sum(count for count, _ in parts)
    levels = 1 + max((deep for _, deep in parts), default=0)
    if values > LARGEST:
        raise BlurnetError(f"YAML that stands for more than {LARGEST} values")
    if levels > DEEPEST:
        raise BlurnetError(f"YAML of more than {DEEPEST} levels")
    known[id(node)] = values, levels
    return values, levels


def _refuse_others(value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise BlurnetError(f"the name {name!r} is no text; write it in quotes")
            _refuse_others(name)
            _refuse_others(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_others(inner)
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
            raise BlurnetError(f"the text {value!r} has characters that no file can hold")
    elif isinstance(value, int) and value not in _WHOLE:
        raise BlurnetError("a whole number of more than 64 bits")
    elif not isinstance(value, int | float | None):
        raise BlurnetError(f"a {type(value).__name__} is no setting; for a text, use quotes")
