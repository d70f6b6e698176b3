"""The page's sections for defenses side by side; see ``sections.py`` for how they are shown."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from blurnet.filters import frequency_response

from .defense_words import (
    ATTACK_MEASURES,
    CLEAN_MEASURES,
    defended_by,
    defense_words,
    name_of,
    scene_title,
    seeds_span,
    verdict,
)
from .figures import data_uri, image_uri, interval_bar
from .plots import alpha_curves, kernel_sheet
from .sections import Run, Sections, Values
from .words import INTERVAL, L2_DISSIMILARITY, percent

NOTE = (
    "A low success under one attack is a claim to attack, not a proof. Every attacker here knew "
    "the network, filter and weights included; whether a stronger search does better was not asked."
)


def asked(run: Run) -> Values:
    """Say what was asked for, and all that the numbers depend on."""
    settings, versions = run.results["settings"], run.results["versions"]
    rows = run.results["rows"]
    facts = {
        "Data": settings["data"] or "synthetic (drawn signs)",
        "Judged on": f"{rows[0]['test_images']} "
        + ("signs held out of the training part" if settings["validation"] else "test signs"),
        "Training seeds": ", ".join(map(str, settings["seeds"])),
        "Created": run.results["created"],
        "Machine": versions["machine"],
        "Versions": ", ".join(f"{k} {v}" for k, v in versions.items() if k != "machine"),
    }
    if settings["attacks"]:
        views = run.results["rows"][0]["attacks"][next(iter(settings["attacks"]))][0]["images"]
        where = "held-out signs" if settings["data"] else "drawn signs"
        facts["Attacked"] = (
            f"{views} photographs published with RP2 ({settings['rp2']})"
            if settings["rp2"]
            else f"{views} {where} of “{settings['true_class']}”"
        )
    return {"facts": facts, "settings": json.dumps(settings, indent=1, ensure_ascii=False)}


def summary(run: Run) -> Values:
    """Say in plain words what came out under each attack."""
    rows = run.results["rows"]
    attacks = rows[0]["attacks"]
    if not attacks:
        return {"verdicts": {"Clean signs": _clean_verdict(run)}, "note": NOT_ATTACKED}
    return {"verdicts": {name: verdict(rows, name) for name in attacks}, "note": NOTE}


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
        "true_class": run.results["settings"]["true_class"],
        "names": {key: measure.name for key, measure in CLEAN_MEASURES.items()},
        "layer": run.results["settings"]["layer"],
    }


def attacks(run: Run) -> Values:
    """Lay out every attack on every scene, published beside measured, intervals drawn."""
    rows = run.results["rows"]
    tables = []
    for at, (attack, scenes) in enumerate(rows[0]["attacks"].items()):
        for place, scene in enumerate(scenes):
            comparable = at == place == 0  # what was published is about the first attack listed
            shown = [
                {
                    "name": name_of(row),
                    "words": _words(run, row),
                    "published": row["published"] if comparable else None,
                    "scene": row["attacks"][attack][place],
                    "bar": _bar(row, row["attacks"][attack][place], published=comparable),
                }
                for row in rows
            ]
            tables.append(
                {
                    "title": scene_title(attack, scene, len(rows[0]["networks"])),
                    "rows": shown,
                    "published": any(each["published"] for each in shown),
                }
            )
    return {"tables": tables, "names": {key: m.name for key, m in ATTACK_MEASURES.items()}}


def curves(run: Run) -> Values:
    """Draw accuracy and success over α for every penalty that the run has several α of."""
    rows = run.results["rows"]
    families: dict[str, list[Any]] = {}
    for row in rows:
        if row["alpha"] is not None:
            families.setdefault(row["label"], []).append(row)
    plain = next((row for row in rows if not defended_by(row)), None)
    shown = []
    for label, family in families.items():
        if len(family) < 2:
            continue
        for attack in family[0]["attacks"] or [None]:
            title = label if attack is None else f"{label} ({attack})"
            series = dict(_series(family, attack))
            baseline = (
                {} if plain is None else {k: p[0][1] for k, (_, p) in _series([plain], attack)}
            )
            svg = alpha_curves(title, series, baseline)
            shown.append({"title": title, "svg": data_uri("image/svg+xml", svg), "rows": family})
    return {"curves": shown, "plain": plain is not None}


def kernels(run: Run) -> Values:
    """Draw learned kernels and their frequency responses."""
    shown = []
    for row in run.results["rows"]:
        if row["kernels"] is None:
            continue
        weights = run.records[row["networks"][0]["judge"]].tensors["kernels"]
        sheet = kernel_sheet(weights, frequency_response(weights))
        shown.append(
            {
                "name": name_of(row),
                "svg": data_uri("image/svg+xml", sheet),
                "effects": row["kernels"],
                "seed": row["networks"][0]["seed"],
            }
        )
    return {"sheets": shown}


def worst_views(run: Run) -> Values:
    """Show the views under each network's worst target, with what it took them for."""
    sets = []
    for row in run.results["rows"]:
        for attack, scenes in row["attacks"].items():
            outcome = run.records[scenes[0]["networks"][0]["cell"]]
            values = outcome.values
            classes, true = values["classes"], values["true"]
            place = values["targets"].index(values["worst_target"])
            answers = values["attacked"][place]
            sets.append(
                {
                    "name": f"{name_of(row)}, {attack}",
                    "target": classes[values["worst_target"]]
                    if values["goal"] == "targeted"
                    else None,
                    "views": [
                        (view, image_uri(image), classes[answer], answer == true)
                        for view, image, answer in zip(
                            values["views"][:SHOWN],
                            outcome.tensors["worst"],
                            answers,
                            strict=False,
                        )
                    ],
                    "wrong": sum(answer != true for answer in answers),
                    "images": len(answers),
                }
            )
    return {"sets": sets, "shown": SHOWN}


SHOWN = 12
"""Views of a scene that the page shows for each network."""


def definitions(run: Run) -> Values:
    """Define every number."""
    measures = [*CLEAN_MEASURES.values()]
    if run.results["settings"]["attacks"]:
        measures += [*ATTACK_MEASURES.values(), L2_DISSIMILARITY]
    return {"measures": measures, "interval": INTERVAL}


def sections(run: Run) -> Sections:
    """Give the sections that a run has something for; title → section, in the page's order."""
    rows = run.results["rows"]
    alphas = [row["label"] for row in rows if row["alpha"] is not None]
    has = {
        "Over α": len(set(alphas)) < len(alphas),
        "White-box attack": bool(rows[0]["attacks"]),
        "Learned kernels": any(row["kernels"] for row in rows),
        "Views under the worst target": bool(rows[0]["attacks"]),
    }
    every = {
        "What was asked": asked,
        "What came out": summary,
        "Over α": curves,
        "White-box attack": attacks,
        "Clean signs": clean,
        "Learned kernels": kernels,
        "Views under the worst target": worst_views,
        "What the numbers mean": definitions,
    }
    return {title: section for title, section in every.items() if has.get(title, True)}


def _series(rows: list[Any], attack: str | None) -> Iterator[tuple[str, tuple[str, list[Any]]]]:
    yield (
        "accuracy",
        (
            "accuracy",
            [(r["alpha"] or 0, r["test_accuracy"], *r["test_accuracy_interval"]) for r in rows],
        ),
    )
    if attack is None:
        return
    for key, name in (("mean", "mean success"), ("worst", "worst target")):
        rates = [row["attacks"][attack][0][key]["attack_success_rate"] for row in rows]
        points = [
            (row["alpha"] or 0, rate["value"], *rate["interval"])
            for row, rate in zip(rows, rates, strict=True)
        ]
        yield key, (name, points)


def _words(run: Run, row: Mapping[str, Any]) -> str:
    words, model = defense_words(row["defense"]), row["defense"]["model"]
    return words if model == run.results["settings"]["model"] else f"{model}; {words}"


def _bar(row: Mapping[str, Any], scene: Mapping[str, Any], *, published: bool) -> Markup:
    mean = scene["mean"]["attack_success_rate"]
    given = (row["published"] or {}).get("mean") if published else None
    return interval_bar(f"{name_of(row)}, mean success", mean["value"], mean["interval"], given)
