"""What the same filter after each layer in turn says in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from blurnet.report.spectra.words import undefended
from blurnet.report.words import percent, span

Row = Mapping[str, Any]


def depth_verdict(rows: Sequence[Row]) -> str:
    """Say whether the same filter costs more accuracy the deeper it stands.

    Args:
        rows: one group's; those with a ``layer`` and perhaps one without a filter.

    """
    sentences = []
    plain = undefended(rows)
    for size, its in by_size(rows).items():
        key = "test_accuracy" if all("test_accuracy" in row for row in its) else "accuracy"
        on = "test signs" if key == "test_accuracy" else "clean views"
        told = ", ".join(f"{percent(row[key])} after {row['layer']}" for row in its)
        without = "" if plain is None or key not in plain else f" ({percent(plain[key])} without)"
        first, deeper = its[0], its[1:]
        worse = [row for row in deeper if row["intervals"][key][1] < first["intervals"][key][0]]
        better = [row for row in deeper if row["intervals"][key][0] > first["intervals"][key][1]]
        steps = zip(its, deeper, strict=False)
        told_worse, told_better = (_layers(found) for found in (worse, better))
        same = len(worse) + len(better) < len(deeper)
        if deeper and all(row["intervals"][key][1] < by["intervals"][key][0] for by, row in steps):
            verdict = "so each deeper layer costs more than the one before, as the talk says"
        elif worse or better:
            which = [f"more after {told_worse}"] * bool(worse)
            which += [f"less after {told_better}"] * bool(better)
            verdict = f"so beside {first['layer']} it costs {', and '.join(which)}"
            verdict += "; for the others no difference is seen beyond the intervals" * same
        else:
            verdict = f"so beside {first['layer']} no difference is seen beyond the intervals"
        sentences.append(f"A {size} filter leaves {told}{without} of the {on}; {verdict}.")
        sentences.append(_success(its, plain))
    return " ".join(sentences)


def _success(rows: Sequence[Row], plain: Row | None) -> str:
    told = "; ".join(
        f"{percent(row['attack_success_rate'])} ({span(row['intervals']['attack_success_rate'])}) "
        f"after {row['layer']}, where random colours have {percent(row['control_success_rate'])}"
        for row in rows
    )
    without = "" if plain is None else f"; {percent(plain['attack_success_rate'])} without"
    return f"The sticker's success: {told}{without}."


def _layers(rows: Sequence[Row]) -> str:
    return " and ".join(row["layer"] for row in rows)


def by_size(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Part the rows that filter one layer; the filter's size → its rows, as deep as they go."""
    sizes: dict[str, list[Row]] = {}
    for row in rows:
        if row["layer"] is not None:
            size = row["defense"]["filters"][0]["size"]
            sizes.setdefault(f"{size}×{size}", []).append(row)
    return sizes
