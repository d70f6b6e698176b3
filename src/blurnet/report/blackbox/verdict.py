"""What a table's rows say in plain words, and no more than that."""

from collections.abc import Mapping, Sequence
from typing import Any

from blurnet.report.words import percent, span

NOTE = (
    "One sticker was made without knowledge of the filter and carried over. A low rate under it "
    "is a claim to attack, not a proof of robustness: an attacker who knows the filter was not "
    "tried here, and neither were other objects."
)
WEAK = 0.5
"""Below this success on the unfiltered network, a sticker says little about filters."""


def verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """Compare the filtered networks of one table with its unfiltered one.

    Args:
        rows: rows of ``results.json`` that share a sticker, at least one.

    """
    plain = next((row for row in rows if not row["defense"]), None)
    filtered = [row for row in rows if row["defense"]]
    if not filtered:
        return "No filtered network was tried."
    best = min(filtered, key=lambda row: (row["attack_success_rate"], -row["accuracy"]))
    sentences = [
        _lowest(best, plain, len(filtered)),
        _control(best),
        _cost(best, plain),
        _share_without(best),
    ]
    if plain is not None:
        sentences += [_difference(best, plain), _strength(plain)]
    return " ".join(filter(None, sentences))


def _lowest(best: Mapping[str, Any], plain: Mapping[str, Any] | None, count: int) -> str:
    opening = f"Of {count} filtered networks," if count > 1 else "The one filtered network,"
    verb = "had the lowest attack success rate" if count > 1 else "had an attack success rate of"
    against = (
        "" if plain is None else f", against {percent(plain['attack_success_rate'])} unfiltered"
    )
    return (
        f"{opening} “{best['label']}” {verb}{':' if count > 1 else ''} "
        f"{percent(best['attack_success_rate'])} of {best['images']} images "
        f"(95\u00a0% interval {span(best['intervals']['attack_success_rate'])}){against}."
    )


def _control(best: Mapping[str, Any]) -> str:
    control, limits = best["control_success_rate"], best["intervals"]["control_success_rate"]
    sentence = (
        f"Stickers of random colours in the same mask alone make {percent(control)} wrong "
        f"({span(limits)})"
    )
    if best["attack_success_rate"] <= limits[1]:
        return f"{sentence}: the attack does not stand out from mere covering."
    return f"{sentence}."


def _cost(best: Mapping[str, Any], plain: Mapping[str, Any] | None) -> str:
    parts = []
    for key, images in (("accuracy", "clean views"), ("test_accuracy", "test images")):
        if key in best:
            against = "" if plain is None else f" (unfiltered: {percent(plain[key])})"
            parts.append(f"{percent(best[key])} of the {images}{against}")
    return f"It classifies {' and '.join(parts)} correctly."


def _share_without(best: Mapping[str, Any]) -> str:
    if best["accuracy"] == 1:
        return ""
    return (
        f"It is wrong on {percent(1 - best['accuracy'])} of the views without any sticker; the "
        f"sticker changes its answer on {percent(best['prediction_altered_rate'])}."
    )


def _difference(best: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    if best["attack_success_rate"] >= plain["attack_success_rate"]:
        return "So no filter lowered the attack success rate."
    if best["intervals"]["attack_success_rate"][1] >= plain["intervals"]["attack_success_rate"][0]:
        return f"The two intervals overlap: {best['images']} images do not settle that it helped."
    return ""


def _strength(plain: Mapping[str, Any]) -> str:
    if plain["attack_success_rate"] >= WEAK:
        return ""
    return (
        "The sticker works on less than half of the views even without a filter, which makes this "
        "a weak test of any."
    )
