"""The drawings of spectra: of an experiment from its records, of a command as it measured them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from torch import Tensor

from blurnet.engine import Outcome
from blurnet.evaluation import Rate
from blurnet.experiments.results import Interval, LayerSpectra, SpectraRow
from blurnet.experiments.spectra import Spectra as SpectraSettings
from blurnet.experiments.steps.values import SpectraValues, StickerValues
from blurnet.filters import frequency_response
from blurnet.report.blocks import Part
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import kernel_sheet
from blurnet.report.run import Run
from blurnet.report.spectra.depth import by_size, right
from blurnet.report.spectra.depth_plot import Panel, depth_curves
from blurnet.report.spectra.plots import (
    COLUMNS,
    STATES,
    Estimate,
    map_spectra,
    profile_curves,
    ratio_curves,
    share_bars,
)
from blurnet.report.spectra.words import deeper, layers_of, name_of, undefended, views_of
from blurnet.spectra import INPUT, Spectra, input_channels, profile_band

SpectraRun = Run[SpectraSettings, SpectraRow]


def shares(title: str, layer: str, rows: Mapping[str, LayerSpectra]) -> Drawing:
    """Draw one layer's share of high frequencies.

    Args:
        title: whose.
        layer: the layer.
        rows: network → what was measured there.

    """
    estimates = {
        name: {
            state: point
            for state, of in zip(STATES, (each.clean, each.attacked, each.control), strict=True)
            if (point := _estimate(of)) is not None
        }
        for name, each in rows.items()
    }
    return Drawing(
        f"Share of high frequencies, {layer}, {title}",
        f"{layer}: the share of high frequencies in clean views, attacked views and under random "
        "colours, for each network; the figures are in the table below",
        partial(share_bars, f"High frequencies in {layer}, share of the energy", estimates),
        "Lines: 95\u00a0% intervals.",
    )


def maps(
    name: str,
    what: str,
    layer: str,
    shown: tuple[int, ...],
    count: int,
    spectra: Mapping[str, Tensor],
    photographs: Sequence[Tensor] = (),
) -> Drawing:
    """Draw the spectra of a layer's maps.

    Args:
        name: the drawing's.
        what: what they are means over, and of which network.
        layer: the layer.
        shown: the places of the maps that are drawn.
        count: how many there are.
        spectra: state → log magnitudes, not normalised, one for each map that is drawn.
        photographs: what is drawn above the states.

    """
    height, width = next(iter(spectra.values())).shape[-2:]
    named = [str(place) for place in shown]
    if layer == INPUT:
        named = [channel.removeprefix(f"{INPUT} ") for channel in input_channels(count)] or [""]
    number = f"{len(shown)} of {count} maps" if len(shown) < count else f"{count} maps"
    of = f"{number}, " if count > 1 and layer != INPUT else ""
    title = f"{what}\n{of}{height} × {width} frequencies, middle 0, borders ±0.5 cycles per pixel"
    states = {state: each for state, each in spectra.items() if state in COLUMNS}
    return Drawing(
        name,
        f"Log-magnitude Fourier spectra of {layer}, {what}: "
        f"{', '.join(COLUMNS[state] for state in states)}",
        partial(map_spectra, title, named, states, photographs),
    )


def ratios(name: str, layers: Mapping[str, LayerSpectra], cutoff: float) -> Drawing | None:
    """Draw what a sticker does to the power at each frequency; None where that is not known.

    Args:
        name: the drawing's.
        layers: layer → what was measured there.
        cutoff: where high frequencies begin.

    """
    rings = {
        layer: found.rings
        for layer, found in layers.items()
        if found.rings and any(ring.over_clean.low is not None for ring in found.rings)
    }
    if not rings:
        return None
    return Drawing(
        name,
        f"{name}: the power at each frequency in attacked views over that in clean ones and under "
        "random colours, for the input and each layer",
        partial(ratio_curves, rings, cutoff),
        "Geometric means over the views; bands: 95\u00a0% intervals.",
    )


def profiles(name: str, layers: Mapping[str, Spectra], cutoff: float) -> Drawing:
    """Draw the power over radial frequencies, as it was measured.

    Args:
        name: the drawing's.
        layers: layer → its spectra.
        cutoff: where high frequencies begin.

    """
    bands = {
        layer: (
            found.frequencies,
            {state: profile_band(power[:, None]) for state, power in found.profiles.items()},
        )
        for layer, found in layers.items()
    }
    return Drawing(
        name,
        "The power spectral density over radial frequency, for each state and layer",
        partial(profile_curves, bands, cutoff),
        "Means over the images; bands: 95\u00a0% intervals.",
    )


def map_parts(run: SpectraRun) -> Iterator[Part]:
    """Draw the spectra of the maps: means over the views, and of the undefended ones one view's.

    Where every layer in turn is filtered, of the networks without a filter only.
    """
    rows = run.results.rows
    for row in rows:
        if deeper(rows) and row.defense:
            continue
        record = run.read(row.steps.spectra, SpectraValues)
        for layer in (INPUT, *layers_of(row)):
            for views in ("mean",) if row.defense else ("mean", "view"):
                many = "the first view"
                if views == "mean":
                    many = f"the mean over {views_of(row)} views"
                choice = {"Network": name_of(row), "Layer": layer, "Views": many}
                yield Part(choice, (_maps(run, row, record, layer, views, many),))


def _maps(
    run: SpectraRun,
    row: SpectraRow,
    record: Outcome[SpectraValues],
    layer: str,
    views: str,
    many: str,
) -> Drawing:
    described = record.values.layers[layer]
    photographs = _photographs(run, row) if (layer, views) == (INPUT, "view") else ()
    names = [f"{views}/{layer}/{state}" for state in COLUMNS]
    return maps(
        f"Spectra of {layer}, {name_of(row)}, {many}",
        f"{name_of(row)}: {layer}, {many}",
        layer,
        described.shown,
        described.maps,
        dict(zip(COLUMNS, run.tensors(row.steps.spectra, record, *names), strict=True)),
        photographs,
    )


def _photographs(run: SpectraRun, row: SpectraRow) -> list[Tensor]:
    """Give the first view, clean and attacked, and what the sticker changed around grey."""
    key = run.need(row.steps.spectra, "sticker")
    if key is None:
        return []
    views, stuck = run.tensors(key, run.read(key, StickerValues), "clean", "adversarial")
    clean, attacked = views[0].float() / 255, stuck[0]
    return [clean, attacked, ((1 + clean - attacked) / 2).clamp(0, 1)]


def ratio_parts(run: SpectraRun) -> Iterator[Part]:
    """Draw what the sticker does to the power at each frequency, for each network."""
    for row in run.results.rows:
        layers = {layer: row.layers[layer] for layer in (INPUT, *layers_of(row))}
        name = f"What the sticker adds by frequency, {name_of(row)}"
        drawing = ratios(name, layers, run.results.settings.cutoff)
        if drawing is not None:
            yield Part({"Network": name_of(row)}, (drawing,))


def kernel_parts(run: SpectraRun) -> Iterator[Part]:
    """Draw the learned kernels of every network that has some."""
    for row in run.results.rows:
        effects = row.kernels
        if effects is None:
            continue
        key = row.steps.spectra
        (weights,) = run.tensors(key, run.read(key, SpectraValues), "kernels")
        drawing = Drawing(
            f"Learned kernels, {name_of(row)}",
            f"“{name_of(row)}”: learned kernels above, their frequency responses below",
            partial(kernel_sheet, weights, frequency_response(weights)),
            f"{100 * effects.low_pass_kernels:.0f}\u00a0% of the {effects.kernels} kernels pass "
            "low frequencies better than high ones; mean low-pass share "
            f"{100 * effects.low_pass_share:.0f}\u00a0% (50\u00a0%: all alike).",
        )
        yield Part({"Network": name_of(row)}, (drawing,))


def depth(rows: Sequence[SpectraRow], group: str) -> Drawing:
    """Draw shares and rates over the filtered layer, for one group's rows."""
    sizes, plain = by_size(rows), undefended(rows)
    layers = list(dict.fromkeys(str(row.layer) for its in sizes.values() for row in its))
    there = {} if plain is None else plain.layers
    shares_there = {
        "clean": [_estimate(there[layer].clean) if layer in there else None for layer in layers],
        "attacked": [
            _estimate(there[layer].attacked) if layer in there else None for layer in layers
        ],
    }
    tested = all(row.rates.test_accuracy is not None for row in rows)
    panels = [
        Panel(
            "test accuracy" if tested else "accuracy",
            {
                size: [_rate(right(row, tested=tested)) for row in its]
                for size, its in sizes.items()
            },
            None if plain is None else right(plain, tested=tested).value,
        ),
        Panel(
            "success of the\ncarried-over sticker",
            {
                size: [_rate(row.rates.attack_success_rate) for row in its]
                for size, its in sizes.items()
            },
            None if plain is None else plain.rates.attack_success_rate.value,
        ),
    ]
    if all(row.whitebox is not None for row in rows):
        panels.append(
            Panel(
                "white-box success,\nmean over targets",
                {
                    size: [_rate(row.whitebox.mean) for row in its if row.whitebox is not None]
                    for size, its in sizes.items()
                },
                plain.whitebox.mean.value if plain is not None and plain.whitebox else None,
            )
        )
    return Drawing(
        f"Filtering deeper, {group}",
        "Share of high frequencies in each layer, and accuracy and attack success with a filter "
        "after it; the figures are in the table below",
        partial(depth_curves, layers, shares_there, panels),
        "Whiskers: 95\u00a0% intervals. Dotted: without a filter.",
    )


def _estimate(interval: Interval) -> Estimate | None:
    mean = interval.mean
    if mean is None:
        return None
    low, high = interval.low, interval.high
    return Estimate(mean, mean if low is None else low, mean if high is None else high)


def _rate(rate: Rate) -> Estimate:
    return Estimate(rate.value, rate.low, rate.high)
