"""What a table's rows say in plain words, and no more than that."""

from collections.abc import Sequence

from blurnet.evaluation import Rate
from blurnet.experiments.results import BlackboxRow
from blurnet.report.blackbox.rows import unfiltered
from blurnet.report.bracket_table import weak_words
from blurnet.report.pairs import pair_of, settled_words
from blurnet.report.words import percent, span

NOTE = (
    "One sticker was made without knowledge of the filter and carried over. A low rate under it "
    "is a claim to attack, not a proof of robustness: an attacker who knows the filter was not "
    "tried here, and neither were other objects."
)
WEAK = 0.5
"""Below this success on the unfiltered network, a sticker says little about filters."""


def verdict(rows: Sequence[BlackboxRow]) -> str:
    """Compare the filtered networks of one table with its unfiltered one.

    Args:
        rows: those that share a sticker, at least one.

    """
    plain = unfiltered(rows)
    filtered = [row for row in rows if row.filters]
    if not filtered:
        return "No filtered network was tried."
    best = min(filtered, key=lambda row: (_success(row), -row.rates.accuracy.value))
    sentences = [
        _lowest(best, plain, len(filtered)),
        _control(best),
        _cost(best, plain),
        _share_without(best),
    ]
    if plain is not None:
        sentences += [_difference(best, plain, len(filtered)), _strength(plain)]
    return " ".join(filter(None, sentences))


def _success(row: BlackboxRow) -> float:
    return row.rates.attack_success_rate.value


def _lowest(best: BlackboxRow, plain: BlackboxRow | None, count: int) -> str:
    opening = f"Of {count} filtered networks," if count > 1 else "The one filtered network,"
    verb = "had the lowest attack success rate:" if count > 1 else "had an attack success rate of"
    against = "" if plain is None else f", against {percent(_success(plain))} unfiltered"
    rate = best.rates.attack_success_rate
    return (
        f"{opening} “{best.label}”{'' if count > 1 else ','} {verb} {percent(rate.value)} of "
        f"{rate.total} images (95\u00a0% interval {span(rate)}){against}."
    )


def _control(best: BlackboxRow) -> str:
    control = best.rates.control_success_rate
    sentence = (
        f"Stickers of random colours in the same mask alone make {percent(control.value)} wrong "
        f"({span(control)})"
    )
    weak = weak_words(best.rates.attack_success_rate, best.covered)
    if _success(best) <= control.high:
        return f"{sentence}: the attack does not stand out from mere covering. {weak}".strip()
    return f"{sentence}. {weak}".strip()


def _cost(best: BlackboxRow, plain: BlackboxRow | None) -> str:
    before = None if plain is None else plain.rates
    parts = [
        _right(best.rates.accuracy, None if before is None else before.accuracy, "clean views")
    ]
    if best.rates.test_accuracy is not None:
        unfiltered = None if before is None else before.test_accuracy
        parts.append(_right(best.rates.test_accuracy, unfiltered, "test images"))
    return f"It classifies {' and '.join(parts)} correctly."


def _right(rate: Rate, unfiltered: Rate | None, images: str) -> str:
    against = "" if unfiltered is None else f" (unfiltered: {percent(unfiltered.value)})"
    return f"{percent(rate.value)} of the {images}{against}"


def _share_without(best: BlackboxRow) -> str:
    accuracy = best.rates.accuracy.value
    if accuracy == 1:
        return ""
    return (
        f"It is wrong on {percent(1 - accuracy)} of the views without any sticker; the sticker "
        f"changes its answer on {percent(best.rates.prediction_altered_rate.value)}."
    )


def _difference(best: BlackboxRow, plain: BlackboxRow, compared: int) -> str:
    if _success(best) >= _success(plain):
        return "So no filter lowered the attack success rate."
    pair = pair_of(plain.fooled, best.fooled)
    if pair is not None:
        fools = "the sticker fools the"
        return settled_words(
            pair, f"{fools} unfiltered network", f"{fools} filtered network", compared
        )
    rate = best.rates.attack_success_rate
    if rate.high >= plain.rates.attack_success_rate.low:
        return f"The two intervals overlap: {rate.total} images do not settle that it helped."
    return ""


def _strength(plain: BlackboxRow) -> str:
    if _success(plain) >= WEAK:
        return ""
    return (
        "The sticker works on less than half of the views even without a filter, which makes this "
        "a weak test of any."
    )
