"""Options that describe a defense: --blur, --learned, --penalty, --augmentation, --adversarial."""

from collections.abc import Sequence
from typing import Any

from blurnet.cli.named_settings import named_settings
from blurnet.errors import BlurnetError
from blurnet.plain_yaml import from_yaml


def defense_content(
    blur: Sequence[str] | None,
    learned: Sequence[str] | None,
    penalty: Sequence[str] | None,
    augmentation: str | None,
    adversarial: str | None,
) -> dict[str, Any]:
    """Give what the options say as the content of a ``Defense``, which checks it.

    Args:
        blur: fixed filters, each KERNEL:SIZE or KERNEL:SIZE:AFTER.
        learned: learned ones, each START:SIZE or START:SIZE:AFTER.
        penalty: terms of the loss, each NAME:ALPHA or NAME:ALPHA:LAYER.
        augmentation: NAME or NAME:KEY=VALUE,KEY=VALUE.
        adversarial: likewise.

    Raises:
        BlurnetError: if one is written otherwise.

    """
    return {
        "filters": [_blur("--blur", text, trainable=False) for text in blur or ()]
        + [_blur("--learned", text, trainable=True) for text in learned or ()],
        "penalties": [_penalty(text) for text in penalty or ()],
        "augmentation": None if augmentation is None else _named("--augmentation", augmentation),
        "adversarial": None if adversarial is None else _named("--adversarial", adversarial),
    }


def _blur(option: str, text: str, *, trainable: bool) -> dict[str, Any]:
    form = "START:SIZE:AFTER" if trainable else "KERNEL:SIZE:AFTER"
    kernel, size, *after = _parts(option, text, form)
    try:
        width = from_yaml(size)
    except BlurnetError as error:
        raise BlurnetError(f"{option} {text}: {error}") from None
    return {
        "kernel": kernel,
        "size": width,
        "after": after[0] if after else None,
        "trainable": trainable,
    }


def _penalty(text: str) -> dict[str, Any]:
    name, alpha, *layers = _parts("--penalty", text, "NAME:ALPHA:LAYER")
    try:
        return {"name": name, "alpha": float(alpha), "layers": layers}
    except ValueError:
        raise BlurnetError(f"--penalty {text}: {alpha!r} is not a number") from None


def _parts(option: str, text: str, form: str) -> Sequence[str]:
    """Part a text at its colons: two parts and perhaps a third, which may have colons in it."""
    parts = text.split(":", 2)
    if len(parts) < 2 or not all(parts):
        first, second, third = form.split(":")
        raise BlurnetError(f"{option} {text}: write {first}:{second} or {first}:{second}:{third}")
    return parts


def _named(option: str, text: str) -> dict[str, Any]:
    name, settings = named_settings(option, text)
    return {"name": name} | settings
