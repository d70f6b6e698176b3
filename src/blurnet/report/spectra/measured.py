"""Spectra that were just measured, of one network or of images alone: tables and figures."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from blurnet.experiments.results import LayerSpectra
from blurnet.experiments.spectra_rows import raised_maps
from blurnet.report.blocks import Block
from blurnet.report.figures.drawings import Drawing
from blurnet.report.spectra.drawings import maps, profiles, ratios
from blurnet.report.spectra.high_frequency_tables import (
    clean_table,
    energy_table,
    raised_table,
    share_table,
    sides,
)
from blurnet.report.words import counted
from blurnet.spectra import (
    INPUT,
    Comparison,
    Spectra,
    compare_rings,
    comparison_of,
    mean_interval,
)

_UNKNOWN = {"mean": None, "low": None, "high": None}
_COMPARED = tuple(field.name for field in fields(Comparison))


def layer_spectra(found: Spectra) -> LayerSpectra:
    """Give one layer's figures; without an attack the share of the clean images alone."""
    if "attacked" not in found.measured:
        clean = mean_interval(found.measured["clean"].share).plain()
        content = dict.fromkeys(_COMPARED, _UNKNOWN) | {"clean": clean}
        return LayerSpectra.model_validate(content | {"maps": found.maps, "rings": None})
    stretched = {state: each.stretched for state, each in found.measured.items()}
    rings = [ring.plain() for ring in compare_rings(found.frequencies, found.profiles)]
    compared = comparison_of(found.measured).plain()
    about: dict[str, Any] = {"maps": found.maps, "rings": rings, "raised": raised_maps(stretched)}
    return LayerSpectra.model_validate(about | compared)


def tables_of(
    measured: Mapping[str, LayerSpectra], images: int, cutoff: float, window: str | None
) -> Iterator[Block]:
    """Lay out what was measured in each layer.

    Args:
        measured: by layer.
        images: how many the means are over.
        cutoff: where high frequencies begin, in cycles per pixel of the map.
        window: the window's name, if there was one.

    """
    window_words = "" if window is None else f", {window.capitalize()} window"
    about = f"from {cutoff:g} cycles per pixel of the map on{window_words}"
    title = f"Share of high frequencies, {about}; {counted(images, 'image')}"
    if all(each.attacked.mean is None for each in measured.values()):
        yield clean_table(title, measured, labels="layer")
        return
    yield share_table(title, measured, labels="layer", below=sides(measured))
    title = "Energy of high frequencies, and their share of what the stickers changed"
    yield energy_table(title, measured, labels="layer", below=sides(measured, of="energy"))
    yield raised_table("In the talk's terms", measured, labels="layer")


def drawings_of(
    found: Mapping[str, Spectra],
    measured: Mapping[str, LayerSpectra],
    cutoff: float,
    images: int,
) -> list[Drawing]:
    """Draw what was measured: every layer's maps, and the power over frequencies.

    Args:
        found: the spectra, by layer.
        measured: the same as figures, by layer.
        cutoff: where high frequencies begin, in cycles per pixel of the map.
        images: how many the means are over.

    """
    whole = {name: of for name, of in found.items() if not name.startswith(f"{INPUT} ")}
    many = f", the mean over {images} images" if images > 1 else ""
    drawn = [
        maps(f"spectra-{name}", f"{name}{many}", name, of.shown, of.maps, of.mean)
        for name, of in whole.items()
    ]
    drawn.append(profiles("radial-profiles", whole, cutoff))
    ratio = ratios("radial-ratios", {name: measured[name] for name in whole}, cutoff)
    return drawn if ratio is None else [*drawn, ratio]


def plain(
    measured: Mapping[str, LayerSpectra], found: Mapping[str, Spectra]
) -> list[dict[str, Any]]:
    """Give what JSON can hold: the intervals of each layer that there are figures for."""
    rows = []
    for name, each in measured.items():
        states = found[name].measured
        known = [
            field
            for field in _COMPARED
            if field == "clean"
            or ("attacked" in states and ("control" not in field or "control" in states))
        ]
        values = each.model_dump(mode="json")
        rows.append({"layer": name} | {field: values[field] for field in (*known, "raised")})
    return rows
