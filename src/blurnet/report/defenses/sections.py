"""The page's sections for defenses side by side; see ``sections.py`` for how they are shown."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from blurnet.report.defenses.figures import curves, has_curves, kernels
from blurnet.report.defenses.photographs import photographs, targets
from blurnet.report.defenses.words import (
    ATTACK_MEASURES,
    CLEAN_MEASURES,
    PUBLISHED_OTHERWISE,
    defense_words,
    name_of,
    published_attack,
    scene_title,
    seeds_span,
    verdicts,
)
from blurnet.report.figures.bars import rate_bars
from blurnet.report.figures.images import interval_bar
from blurnet.report.figures.drawings import Drawing
from blurnet.report.run import Run, Sections, Values
from blurnet.report.words import INTERVAL, L2_DISSIMILARITY, percent

NOTE = (
    "A low success under one attack is a claim to attack, not a proof. Every attacker here knew "
    "the network, filter and weights included; whether a stronger search does better was not asked."
)


def asked(run: Run) -> Values:
    """Say what was asked for, and all that the numbers depend on."""
    settings = run.results["settings"]
    rows = run.results["rows"]
    facts = {
        "Data": settings["data"] or "synthetic (drawn signs)",
        "Judged on": f"{rows[0]['test_images']} "
        + ("signs held out of the training part" if settings["validation"] else "test signs"),
        "Training seeds": ", ".join(map(str, settings["seeds"])),
    }
    if settings["attacks"]:
        views = run.results["rows"][0]["attacks"][next(iter(settings["attacks"]))][0]["images"]
        where = "held-out signs" if settings["data"] else "drawn signs"
        facts["Attacked"] = (
            f"{views} photographs published with RP2 ({settings['rp2']})"
            if settings["rp2"]
            else f"{views} {where} of “{settings['true_class']}”"
        )
    facts |= run.facts
    return {"facts": facts, "settings": json.dumps(settings, indent=1, ensure_ascii=False)}


def summary(run: Run) -> Values:
    """Say in plain words what came out under each attack."""
    rows = run.results["rows"]
    attacks = rows[0]["attacks"]
    if not attacks:
        return {"verdicts": {"Clean signs": _clean_verdict(run)}, "note": NOT_ATTACKED}
    said = {title: text for name in attacks for title, text in verdicts(rows, name).items()}
    return {"verdicts": said, "note": NOTE}


NOT_ATTACKED = (
    "Nothing was attacked here: these networks have an accuracy; how robust they are was not asked."
)


def _clean_verdict(run: Run) -> str:
    rows = run.results["rows"]
    best = max(rows, key=lambda row: row["test_accuracy"])
    least = min(rows, key=lambda row: row["test_accuracy"])
    return (
        f"Test accuracy lies between {percent(least['test_accuracy'])} (“{name_of(least)}”) and "
        f"{percent(best['test_accuracy'])} (“{name_of(best)}”)."
    )


def clean(run: Run) -> Values:
    """Lay out what the networks do on clean signs, and what training did to maps and kernels."""
    rows = run.results["rows"]
    return {
        "rows": [
            {
                **row,
                "name": name_of(row),
                "words": _words(run, row),
                "seeds": seeds_span(row),
            }
            for row in rows
        ],
        "learned": any(row["kernels"] for row in rows),
        "published": published_attack(run.results["settings"]) is not None
        and any(row["published"] for row in rows),
        "true_class": run.results["settings"]["true_class"],
        "names": {key: measure.name for key, measure in CLEAN_MEASURES.items()},
        "layer": run.results["settings"]["layer"],
    }


def attacks(run: Run) -> Values:
    """Lay out every attack on every scene, published beside measured, intervals drawn."""
    rows = run.results["rows"]
    published = published_attack(run.results["settings"])
    tables = []
    for attack, scenes in rows[0]["attacks"].items():
        for place, scene in enumerate(scenes):
            same = attack == published and place == 0
            shown = [
                {
                    "name": name_of(row),
                    "words": _words(run, row),
                    "published": row["published"] if same else None,
                    "scene": row["attacks"][attack][place],
                    "bar": _bar(row, row["attacks"][attack][place], published=same),
                }
                for row in rows
            ]
            tables.append(
                {
                    "title": scene_title(
                        attack, [each["scene"] for each in shown], len(rows[0]["networks"])
                    ),
                    "rows": shown,
                    "published": any(each["published"] for each in shown),
                    "targeted": scene["targets_tried"] > 0,
                    "drawing": _bars(f"Mean success, {attack}, {scene['true_class']}", shown),
                }
            )
    left_out = published is None and any(row["published"] for row in rows)
    names = {key: m.name for key, m in ATTACK_MEASURES.items()}
    return {"tables": tables, "names": names, "left_out": PUBLISHED_OTHERWISE if left_out else ""}


def _bars(title: str, shown: Sequence[Values]) -> Drawing:
    bars = []
    for row in shown:
        rate = row["scene"]["mean"]["attack_success_rate"]
        given = (row["published"] or {}).get("mean")
        bars.append((row["name"], rate["value"], rate["interval"], given))
    return Drawing(title, title, partial(rate_bars, title, bars))


def definitions(run: Run) -> Values:
    """Define every number."""
    measures = [*CLEAN_MEASURES.values()]
    if run.results["settings"]["attacks"]:
        measures += [*ATTACK_MEASURES.values(), L2_DISSIMILARITY]
    return {"measures": measures, "interval": INTERVAL}


def sections(run: Run) -> Sections:
    """Give the sections that a run has something for; title → section, in the page's order."""
    rows = run.results["rows"]
    attacked = bool(rows[0]["attacks"])
    targeted = any(s["targets_tried"] > 1 for ss in rows[0]["attacks"].values() for s in ss)
    has = {
        "Curves": has_curves(run),
        "White-box attack": attacked,
        "Target by target": targeted,
        "Learned kernels": any(row["kernels"] for row in rows),
        "Photographs and answers": attacked,
    }
    every = {
        "What was asked": asked,
        "What came out": summary,
        "Curves": curves,
        "White-box attack": attacks,
        "Clean signs": clean,
        "Target by target": targets,
        "Photographs and answers": photographs,
        "Learned kernels": kernels,
        "What the numbers mean": definitions,
    }
    return {title: section for title, section in every.items() if has.get(title, True)}


def _words(run: Run, row: Mapping[str, Any]) -> str:
    words, model = defense_words(row["defense"]), row["defense"]["model"]
    return words if model == run.results["settings"]["model"] else f"{model}; {words}"


def _bar(row: Mapping[str, Any], scene: Mapping[str, Any], *, published: bool) -> Markup:
    mean = scene["mean"]["attack_success_rate"]
    given = (row["published"] or {}).get("mean") if published else None
    return interval_bar(f"{name_of(row)}, mean success", mean["value"], mean["interval"], given)
