"""What the same filter after each layer in turn says in words."""

from collections.abc import Sequence

from blurnet.evaluation import Rate
from blurnet.experiments.results import SpectraRow
from blurnet.report.spectra.words import undefended
from blurnet.report.words import percent, span


def by_size(rows: Sequence[SpectraRow]) -> dict[str, list[SpectraRow]]:
    """Part the rows that filter one layer; the filter's size → its rows, as deep as they go."""
    sizes: dict[str, list[SpectraRow]] = {}
    for row in rows:
        if row.layer is not None:
            size = row.defense.filters[0].size
            sizes.setdefault(f"{size}×{size}", []).append(row)
    return sizes


def right(row: SpectraRow, *, tested: bool) -> Rate:
    """Give the accuracy on test images, or on the clean views."""
    if tested and row.rates.test_accuracy is not None:
        return row.rates.test_accuracy
    return row.rates.accuracy


def depth_verdict(rows: Sequence[SpectraRow]) -> str:
    """Say whether the same filter costs more accuracy the deeper it stands.

    Args:
        rows: one group's; those with a ``layer`` and perhaps one without a filter.

    """
    sentences = []
    plain = undefended(rows)
    for size, its in by_size(rows).items():
        tested = all(row.rates.test_accuracy is not None for row in its)
        told = ", ".join(
            f"{percent(right(row, tested=tested).value)} after {row.layer}" for row in its
        )
        without = ""
        if plain is not None and (not tested or plain.rates.test_accuracy is not None):
            without = f" ({percent(right(plain, tested=tested).value)} without)"
        sentences.append(
            f"A {size} filter leaves {told}{without} of the "
            f"{'test images' if tested else 'clean views'}; {_costs(its, tested=tested)}."
        )
        sentences.append(_success(its, plain))
    return " ".join(sentences)


def _costs(rows: Sequence[SpectraRow], *, tested: bool) -> str:
    rates = [right(row, tested=tested) for row in rows]
    first, deeper = rates[0], rates[1:]
    worse = [row for row, rate in zip(rows[1:], deeper, strict=True) if rate.high < first.low]
    better = [row for row, rate in zip(rows[1:], deeper, strict=True) if rate.low > first.high]
    each_worse = all(rate.high < before.low for before, rate in zip(rates, deeper, strict=False))
    if deeper and each_worse:
        return "so each deeper layer costs more than the one before, as the talk says"
    beside = f"so beside {rows[0].layer}"
    if not worse and not better:
        return f"{beside} no difference is seen beyond the intervals"
    which = [f"more after {_layers(worse)}"] * bool(worse)
    which += [f"less after {_layers(better)}"] * bool(better)
    same = len(worse) + len(better) < len(deeper)
    others = "; for the others no difference is seen beyond the intervals" * same
    return f"{beside} it costs {', and '.join(which)}{others}"


def _success(rows: Sequence[SpectraRow], plain: SpectraRow | None) -> str:
    told = "; ".join(
        f"{percent(row.rates.attack_success_rate.value)} ({span(row.rates.attack_success_rate)}) "
        f"after {row.layer}, where random colours have "
        f"{percent(row.rates.control_success_rate.value)}"
        for row in rows
    )
    without = "" if plain is None else f"; {percent(plain.rates.attack_success_rate.value)} without"
    return f"The sticker's success: {told}{without}."


def _layers(rows: Sequence[SpectraRow]) -> str:
    return " and ".join(str(row.layer) for row in rows)
