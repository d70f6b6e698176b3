"""Options of the form NAME:KEY=VALUE,KEY=VALUE."""

from typing import Any

from blurnet.errors import BlurnetError
from blurnet.plain_yaml import from_yaml


def named_settings(option: str, text: str) -> tuple[str, dict[str, Any]]:
    """Part an option's text into a name and settings, their values in YAML.

    Raises:
        BlurnetError: if a setting has no ``=``, or its value is no YAML.

    """
    name, _, settings = text.partition(":")
    pairs = [pair.partition("=") for pair in settings.split(",") if pair]
    if any(not equals for _, equals, _ in pairs):
        raise BlurnetError(f"{option} {text}: write NAME or NAME:KEY=VALUE,KEY=VALUE")
    try:
        return name, {key: from_yaml(value) for key, _, value in pairs}
    except BlurnetError as error:
        raise BlurnetError(f"{option} {text}: a value cannot be read: {error}") from None
