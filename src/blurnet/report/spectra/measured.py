"""From spectra that were just measured to what tables and figures show of an experiment's."""

from dataclasses import fields

from blurnet.experiments.results import LayerSpectra
from blurnet.spectra import Comparison, Spectra, compare_rings, comparison_of, mean_interval

_UNKNOWN = {"mean": None, "low": None, "high": None}


def layer_spectra(found: Spectra) -> LayerSpectra:
    """Give one layer's figures; without an attack the share of the clean images alone."""
    if "attacked" not in found.measured:
        unknown = {field.name: _UNKNOWN for field in fields(Comparison)}
        clean = mean_interval(found.measured["clean"].share).plain()
        content = unknown | {"maps": found.maps, "clean": clean, "rings": None}
        return LayerSpectra.model_validate(content)
    rings = [ring.plain() for ring in compare_rings(found.frequencies, found.profiles)]
    compared = comparison_of(found.measured).plain()
    return LayerSpectra.model_validate({"maps": found.maps, "rings": rings, **compared})
