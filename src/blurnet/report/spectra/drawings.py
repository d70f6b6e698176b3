"""The drawings of an experiment's spectra, made from its records."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from blurnet.engine.step import Outcome
from blurnet.filters import frequency_response
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import kernel_sheet
from blurnet.report.run import Run, Values
from blurnet.report.spectra.depth import by_size
from blurnet.report.spectra.plots import (
    COLUMNS,
    STATES,
    Point,
    depth_curves,
    map_rows,
    ratio_curves,
    share_bars,
)
from blurnet.report.spectra.words import defended, groups, layers_of, name_of, undefended

Row = Mapping[str, Any]

BOUNDS = ("mean", "low", "high")


def shares(run: Run, group: str, layer: str) -> Drawing:
    """Draw one layer's share of high frequencies in every network of a group."""
    rows = groups(run.results["rows"], run.results["settings"])[group]
    measured = {row["label"]: row["layers"][layer] for row in rows if layer in row["layers"]}
    points = {
        name: {state: point for state in STATES if (point := _point(each[state])) is not None}
        for name, each in measured.items()
    }
    return Drawing(
        f"Share of high frequencies, {layer}, {group}",
        f"{layer}: the share of high frequencies in clean views, attacked views and under random "
        "colours, for each network; the figures are in the table below",
        partial(share_bars, f"High frequencies in {layer}, share of the energy", points),
        "Lines: 95\u00a0% intervals.",
    )


def maps(run: Run) -> Iterator[Values]:
    """Draw the spectra of the maps: means over the views, and of the undefended ones one view's.

    Where every layer in turn is filtered, of the networks without a filter only.
    """
    rows = run.results["rows"]
    deeper = any(row["layer"] for row in rows)
    for row in rows:
        if deeper and defended(row):
            continue
        record = run.records[row["cells"]["spectra"]]
        for layer in ("input", *layers_of(row)):
            for views in ("mean",) if defended(row) else ("mean", "view"):
                many = (
                    f"the mean over {row['images']} views" if views == "mean" else "the first view"
                )
                yield {
                    "for": {"Network": name_of(row), "Layer": layer, "Views": many},
                    "drawing": _maps(run, row, record, layer, views, many),
                }


def _maps(run: Run, row: Row, record: Outcome, layer: str, views: str, many: str) -> Drawing:
    described = record.values["layers"][layer]
    shown, count = described["shown"], described["maps"]
    names = ["R", "G", "B"] if layer == "input" else [str(place) for place in shown]
    size = f"{described['height']} × {described['width']}"
    some = f"{len(shown)} of {count} maps, " if len(shown) < count else ""
    title = f"{name_of(row)}: {layer}, {many}\n{some}{size} frequencies, middle 0, borders ±0.5"
    photographs = _photographs(run, row) if (layer, views) == ("input", "view") else ()
    spectra = {state: record.tensors[f"{views}/{layer}/{state}"] for state in COLUMNS}
    return Drawing(
        f"Spectra of {layer}, {name_of(row)}, {many}",
        f"Log-magnitude Fourier spectra of {layer} in “{name_of(row)}”, {many}: a row for each "
        "map, clean, attacked and their difference",
        partial(map_rows, title, names, spectra, photographs),
    )


def _photographs(run: Run, row: Row) -> list[Tensor]:
    """Give the first view, clean and attacked, and what the sticker changed around grey."""
    sticker = run.records[run.needs(row["cells"]["spectra"])["sticker"]].tensors
    clean, attacked = sticker["clean"][0].float() / 255, sticker["adversarial"][0]
    return [clean, attacked, ((1 + clean - attacked) / 2).clamp(0, 1)]


def ratios(run: Run) -> Iterator[Values]:
    """Draw what the sticker does to the power at each frequency, for each network."""
    for row in run.results["rows"]:
        rings = {}
        for layer in ("input", *layers_of(row)):
            known = [ring for ring in row["layers"][layer]["rings"] if None not in _numbers(ring)]
            if known:
                rings[layer] = (
                    [ring["frequency"] for ring in known],
                    {
                        state: [_bounds(ring[f"over_{state}"]) for ring in known]
                        for state in ("clean", "control")
                    },
                )
        if not rings:
            continue
        yield {
            "for": {"Network": name_of(row)},
            "drawing": Drawing(
                f"What the sticker adds by frequency, {name_of(row)}",
                f"“{name_of(row)}”: the power at each frequency in attacked views over that in "
                "clean ones and under random colours, for the input and each layer",
                partial(ratio_curves, rings, run.results["settings"]["cutoff"]),
                "Geometric means over the views; bands: 95\u00a0% intervals.",
            ),
        }


def kernels(run: Run) -> Iterator[Values]:
    """Draw the learned kernels of every network that has some."""
    for row in run.results["rows"]:
        if row["kernels"] is None:
            continue
        weights = run.records[row["cells"]["spectra"]].tensors["kernels"]
        effects = row["kernels"]
        yield {
            "for": {"Network": name_of(row)},
            "drawing": Drawing(
                f"Learned kernels, {name_of(row)}",
                f"“{name_of(row)}”: learned kernels above, their frequency responses below",
                partial(kernel_sheet, weights, frequency_response(weights)),
                f"{100 * effects['low_pass_kernels']:.0f}\u00a0% of the {effects['kernels']} "
                "kernels pass low frequencies better than high ones; mean low-pass share "
                f"{100 * effects['low_pass_share']:.0f}\u00a0% (50\u00a0%: all alike).",
            ),
        }


def depth(rows: Sequence[Row], group: str) -> Drawing:
    """Draw shares and rates over the filtered layer, for one group's rows."""
    sizes, plain = by_size(rows), undefended(rows)
    layers = list(dict.fromkeys(row["layer"] for its in sizes.values() for row in its))
    there = {} if plain is None else plain["layers"]
    shares_there = {
        state: [_point(there[layer][state]) if layer in there else None for layer in layers]
        for state in ("clean", "attacked")
    }
    tested = all("test_accuracy" in row for row in rows)
    panels = {
        "test accuracy" if tested else "accuracy": "test_accuracy" if tested else "accuracy",
        "success of the\ncarried-over sticker": "attack_success_rate",
    }
    rates = {
        title: {
            size: [(row[key], *row["intervals"][key]) for row in its] for size, its in sizes.items()
        }
        for title, key in panels.items()
    }
    baseline = {} if plain is None else {title: plain[key] for title, key in panels.items()}
    if all(row["whitebox"] for row in rows):
        title = "white-box success,\nmean over targets"
        rates[title] = {
            size: [_rate(row["whitebox"]["mean"]) for row in its] for size, its in sizes.items()
        }
        if plain is not None:
            baseline[title] = plain["whitebox"]["mean"]["value"]
    return Drawing(
        f"Filtering deeper, {group}",
        "Share of high frequencies in each layer, and accuracy and attack success with a filter "
        "after it; the figures are in the table below",
        partial(depth_curves, layers, shares_there, rates, baseline),
        "Whiskers: 95\u00a0% intervals. Dotted: without a filter.",
    )


def _numbers(ring: Row) -> list[float | None]:
    return [ring[f"over_{s}"][bound] for s in ("clean", "control") for bound in BOUNDS]


def _bounds(interval: Mapping[str, float]) -> Point:
    return interval["mean"], interval["low"], interval["high"]


def _point(interval: Mapping[str, float | None]) -> Point | None:
    mean = interval["mean"]
    if mean is None:
        return None
    low, high = interval["low"], interval["high"]
    return mean, mean if low is None else low, mean if high is None else high


def _rate(rate: Row) -> Point:
    return rate["value"], rate["interval"][0], rate["interval"][1]
