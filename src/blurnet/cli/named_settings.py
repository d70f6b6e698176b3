"""Options of the form NAME:KEY=VALUE,KEY=VALUE."""

from typing import Any

import yaml

from blurnet.errors import BlurnetError


def named_settings(option: str, text: str) -> tuple[str, dict[str, Any]]:
    """Part an option's text into a name and settings, their values in YAML.

    Raises:
        BlurnetError: if a setting has no ``=``.

    """
    name, _, settings = text.partition(":")
    pairs = [pair.partition("=") for pair in settings.split(",") if pair]
    if any(not equals for _, equals, _ in pairs):
        raise BlurnetError(f"{option} {text}: write NAME or NAME:KEY=VALUE,KEY=VALUE")
    return name, {key: yaml.safe_load(value) for key, _, value in pairs}
