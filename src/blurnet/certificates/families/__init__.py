"""Families of stickers: one file each, and a line in ``FAMILIES``."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from blurnet.errors import BlurnetError
from blurnet.settings import check

from .area import Area as Area
from .family import Family as Family
from .rectangle import Rectangle as Rectangle
from .shifted_mask import ShiftedMask as ShiftedMask
from .square import Square as Square
from .two_squares import TwoSquares as TwoSquares

FAMILIES: dict[str, type[Family]] = {
    kind.KIND: kind
    for kind in (
        Square,
        Rectangle,
        Area,
        TwoSquares,
        ShiftedMask,
    )
}
"""By the name on a command line."""


def family_of(given: str | Family, mask: Tensor | None = None) -> Family:
    """Give the family that is written as on a command line, such as "any:5"; itself, if it is one.

    Args:
        given: a family, or its name and what it is about.
        mask: where the sticker is, H × W, for "mask:2".

    Raises:
        BlurnetError: if it says no family; the message lists those that there are.

    """
    if isinstance(given, Family):
        return given
    kind, _, text = given.partition(":")
    if kind not in FAMILIES:
        forms = "; ".join(each.FORM for each in FAMILIES.values())
        raise BlurnetError(f"no family of stickers {given!r}; there are: {forms}")
    return FAMILIES[kind].read(text, mask)


def family_to_json(family: Family) -> dict[str, Any]:
    """Write a family as JSON."""
    return {"kind": family.KIND, **family.model_dump(mode="json")}


def family_from_json(content: Mapping[str, Any]) -> Family:
    """Read what ``family_to_json`` wrote.

    Raises:
        BlurnetError: if it is no family.

    """
    kind = content.get("kind")
    if kind not in FAMILIES:
        raise BlurnetError(f"no family of stickers {kind!r}; there are: {', '.join(FAMILIES)}")
    return check(FAMILIES[kind], {name: each for name, each in content.items() if name != "kind"})
