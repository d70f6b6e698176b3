"""The page's sections for spectra; see ``sections.py`` for how they are shown."""

import json
from collections.abc import Mapping
from typing import Any

from blurnet.report.run import Run, Sections, Values
from blurnet.report.spectra.depth import by_size, depth_verdict
from blurnet.report.spectra.drawings import depth, kernels, maps, ratios, shares
from blurnet.report.spectra.words import (
    RATES,
    SHARE_MEASURES,
    defended,
    groups,
    points,
    ratio,
    smoothest,
    undefended,
    verdicts,
)
from blurnet.report.words import INTERVAL

Row = Mapping[str, Any]

NOTE = (
    "These are means over views of one kind of sign, under one sticker for each network, and "
    "nothing is corrected for looking at many rows. That a filter takes frequencies away does not "
    "show that an attacker who knows of it needs them."
)


def asked(run: Run) -> Values:
    """Say what was asked for, and all that the numbers depend on."""
    settings, rows = run.results["settings"], run.results["rows"]
    where = "held-out signs" if settings["data"] else "drawn signs"
    facts = {
        "Views": f"{rows[0]['images']} photographs published with RP2 ({settings['rp2']})"
        if settings["rp2"]
        else f"{rows[0]['images']} {where} of “{settings['true_class']}”",
        "The sticker's aim": f"“{settings['target']}”",
        "High frequencies": f"from {settings['cutoff']:g} cycles per pixel of the map on",
        "Filters' border": settings["padding"],
    }
    if settings["data"] is not None or settings["rp2"] is None:
        facts["Data"] = settings["data"] or "synthetic (drawn signs)"
        facts["Seed"] = str(settings["seed"])
    facts |= run.facts
    return {"facts": facts, "settings": json.dumps(settings, indent=1, ensure_ascii=False)}


def summary(run: Run) -> Values:
    """Say in plain words what came out, of each of the talk's claims."""
    settings = run.results["settings"]
    said = {}
    for name, rows in groups(run.results["rows"], settings).items():
        deeper = any(row["layer"] for row in rows)
        if deeper:
            said[f"{name}: Does a deeper filter cost more?"] = depth_verdict(rows)
        answers = verdicts(rows, settings)
        said |= {f"{name}: {question}": answer for question, answer in answers.items()}
        if not deeper and any(defended(row) for row in rows):
            said[f"{name}: Which defense leaves the fewest high frequencies?"] = smoothest(rows)
    return {"verdicts": said, "note": NOTE}


def answers(run: Run) -> Values:
    """Lay out what the networks answer, clean and attacked."""
    rows = run.results["rows"]
    return {
        "groups": {
            name: [{**row, "sticker": _sticker(row)} for row in its]
            for name, its in groups(rows, run.results["settings"]).items()
        },
        "tested": any("test_accuracy" in row for row in rows),
        "whitebox": any(row["whitebox"] for row in rows),
        "names": {key: measure.name for key, measure in RATES.items()},
    }


def high_frequencies(run: Run) -> Values:
    """Lay out each layer's share of high frequencies, clean, attacked and under the control."""
    tables = []
    for group, rows in groups(run.results["rows"], run.results["settings"]).items():
        layers = dict.fromkeys(layer for row in rows for layer in row["layers"])
        for layer in sorted(layers, key=lambda layer: layer.startswith("input")):
            its = [(row["label"], row["layers"][layer]) for row in rows if layer in row["layers"]]
            tables.append(
                {
                    "for": {"Networks": group, "Layer": layer},
                    "title": f"{group}: {layer}",
                    "drawing": shares(run, group, layer),
                    "rows": [
                        {
                            "label": label,
                            **{
                                state: measured[state]["mean"]
                                for state in ("clean", "attacked", "control")
                            },
                            "minus_clean": points(measured["attacked_minus_clean"]),
                            "minus_random": points(measured["attacked_minus_control"]),
                            "energy": ratio(measured["energy_over_clean"]),
                            "energy_random": ratio(measured["energy_over_control"]),
                        }
                        for label, measured in its
                    ],
                }
            )
    return {"tables": tables, "axes": ["Networks", "Layer"]}


def map_spectra(run: Run) -> Values:
    """Draw the spectra of the input and of each layer's maps."""
    return {"axes": ["Network", "Layer", "Views"], "parts": list(maps(run))}


def over_frequencies(run: Run) -> Values:
    """Draw what the sticker does to the power at each frequency."""
    return {"axes": ["Network"], "parts": list(ratios(run))}


def learned_kernels(run: Run) -> Values:
    """Draw learned kernels and their frequency responses."""
    return {"axes": ["Network"], "parts": list(kernels(run))}


def filtering_deeper(run: Run) -> Values:
    """Draw accuracy and success over the layer that is filtered, beside the share there."""
    drawn = []
    for name, rows in groups(run.results["rows"], run.results["settings"]).items():
        if not by_size(rows):
            continue
        plain = undefended(rows)
        drawn.append({"title": name, "drawing": depth(rows, name), "plain": plain, "rows": rows})
    return {"groups": drawn, "tested": any("test_accuracy" in r for r in run.results["rows"])}


def definitions(run: Run) -> Values:
    """Define every number."""
    rows = run.results["rows"]
    left_out = set()
    if not any(row["whitebox"] for row in rows):
        left_out.add("whitebox")
    if not any("test_accuracy" in row for row in rows):
        left_out.add("test_accuracy")
    rates = [measure for key, measure in RATES.items() if key not in left_out]
    return {"measures": [*SHARE_MEASURES.values(), *rates], "interval": f"Of rates: {INTERVAL}"}


def sections(run: Run) -> Sections:
    """Give the sections that a run has something for."""
    rows = run.results["rows"]
    has = {
        "Filtering deeper": any(row["layer"] for row in rows),
        "Learned kernels": any(row["kernels"] for row in rows),
    }
    every = {
        "What was asked": asked,
        "What came out": summary,
        "Filtering deeper": filtering_deeper,
        "High frequencies": high_frequencies,
        "Spectra": map_spectra,
        "What the sticker adds": over_frequencies,
        "Learned kernels": learned_kernels,
        "Answers": answers,
        "What the numbers mean": definitions,
    }
    return {title: section for title, section in every.items() if has.get(title, True)}


def _sticker(row: Row) -> str:
    made = "made on this network" if row["attacker"] == "itself" else "made on the undefended one"
    return f"sticker {made}"
