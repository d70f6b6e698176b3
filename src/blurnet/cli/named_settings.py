"""Options of the form NAME:KEY=VALUE,KEY=VALUE."""

from typing import Any

import yaml

from blurnet.errors import BlurnetError


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
        return name, {key: yaml.safe_load(value) for key, _, value in pairs}
    except yaml.YAMLError:
        raise BlurnetError(f"{option} {text}: a value cannot be read") from None
