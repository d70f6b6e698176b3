"""The page's sections for the black-box experiment; see ``sections.py`` for how they are shown."""

import json
from typing import Any

from torch import Tensor

from .figures import image_uri, interval_bar, line_chart
from .sections import Run, Sections, Values
from .verdict import NOTE, verdict
from .words import (
    INTERVAL,
    L2_DISSIMILARITY,
    MEASURES,
    TRANSFERS,
    filter_words,
    published_words,
)


def asked(run: Run) -> Values:
    """Say what was asked for, and all that the numbers depend on."""
    settings, versions = run.results["settings"], run.results["versions"]
    made = run.records[next(iter(run.stickers.values()))].values
    views = f"{len(made['views'])} {{}} of “{made['true_class']}”"
    facts = {
        "Scene": views.format("drawn signs")
        if settings["rp2"] is None
        else f"{views.format('photographs')}, published with RP2 ({settings['rp2']})",
        "The sticker's aim": f"“{made['target']}”",
    }
    if settings["data"] is not None or settings["rp2"] is None:
        facts["Data"] = settings["data"] or "synthetic (drawn signs)"
        facts["Seeds"] = f"network {settings['seed']}, surrogate {settings['surrogate_seed']}"
    facts |= {
        "Filters' border": settings["padding"],
        "Created": run.results["created"],
        "Machine": versions["machine"],
        "Versions": ", ".join(f"{k} {v}" for k, v in versions.items() if k != "machine"),
    }
    return {
        "facts": facts,
        "settings": json.dumps(settings, indent=1, ensure_ascii=False),
    }


def summary(run: Run) -> Values:
    """Say in plain words what came out."""
    return {
        "verdicts": {TRANSFERS[name]: verdict(rows) for name, rows in run.groups.items()},
        "note": NOTE,
    }


def results(run: Run) -> Values:
    """Lay out the table, published beside measured, and draw the intervals."""
    tables = []
    for name, rows in run.groups.items():
        published = any(row["published"] for row in rows)
        tables.append(
            {
                "title": TRANSFERS[name],
                "rows": [{**row, "filters": filter_words(row["defense"])} for row in rows],
                "published": published_words(run.results["settings"]) if published else None,
                "tested": "test_accuracy" in rows[0],
                "bars": {
                    measure: [(row["label"], row[measure], _bar(row, measure)) for row in rows]
                    for measure in ("attack_success_rate", "accuracy")
                },
            }
        )
    return {"tables": tables, "names": {key: m.name for key, m in MEASURES.items()}}


def definitions(_run: Run) -> Values:
    """Define every number."""
    return {"measures": [*MEASURES.values(), L2_DISSIMILARITY], "interval": INTERVAL}


def sticker(run: Run) -> Values:
    """Show each sticker: where it is, what it adds, how it was made."""
    shown = []
    for name, key in run.stickers.items():
        outcome = run.records[key]
        mask, noise = outcome.tensors["mask"], outcome.tensors["noise"]
        loss = outcome.values.get("loss")
        shown.append(
            {
                "title": TRANSFERS[name],
                "record": outcome.values,
                "config": run.records.description(key)["config"],
                "mask": image_uri(mask),
                "noise": image_uri(((1 + mask * noise) / 2).clamp(0, 1)),
                "covered": float(mask.mean()),
                "loss": loss,
                "chart": line_chart("RP2's loss", loss) if loss else None,
            }
        )
    return {"stickers": shown}


def photographs(run: Run) -> Values:
    """Show every view, clean and attacked, with every network's answers."""
    sets = []
    for name, rows in run.groups.items():
        outcome = run.records[run.stickers[name]]
        clean, attacked = _uris(outcome.tensors["clean"]), _uris(outcome.tensors["adversarial"])
        networks = [_answers(row["label"], run.records[row["cell"]].values) for row in rows]
        sets.append(
            {
                "id": name,
                "title": TRANSFERS[name],
                "networks": networks,
                "views": list(zip(outcome.values["views"], clean, attacked, strict=True)),
                "true": outcome.values["true_class"],
                "target": outcome.values["target"],
            }
        )
    return {"sets": sets, "most_networks": max(len(s["networks"]) for s in sets)}


def networks(run: Run) -> Values:
    """Tell where each network came from, and how its training went."""
    roles: dict[str, list[str]] = {}
    for name, rows in run.groups.items():
        for key, role in (
            (run.needs(rows[0]["cell"])["network"], "the network that the filters are put on"),
            (run.needs(run.stickers[name]).get("network"), f"made the sticker: {TRANSFERS[name]}"),
        ):
            if key is not None and role not in roles.setdefault(key, []):
                roles[key].append(role)
    shown = []
    for key, its_roles in roles.items():
        values, config = run.records[key].values, run.records.description(key)["config"]
        losses = values.get("epoch_losses")
        shown.append(
            {
                "roles": its_roles,
                "record": values,
                "config": config,
                "chart": line_chart("Training loss by epoch", losses) if losses else None,
            }
        )
    return {"networks": shown}


def sections(_run: Run) -> Sections:
    """Give the sections that every such run has."""
    return {
        "What was asked": asked,
        "What came out": summary,
        "Results": results,
        "What the numbers mean": definitions,
        "The sticker": sticker,
        "Photographs and answers": photographs,
        "Networks": networks,
    }


def _bar(row: Values, measure: str) -> str:
    published = (row["published"] or {}).get(measure)
    name = f"{row['label']}, {MEASURES[measure].name}"
    return interval_bar(name, row[measure], row["intervals"][measure], published)


def _uris(images: Tensor) -> list[str]:
    return [image_uri(image) for image in images]


def _answers(label: str, values: Values) -> Values:
    """Name a network's answers, clean and attacked for each view, and how each stands."""
    true, target, classes = values["true"], values["target"], values["classes"]

    def told(state: str) -> list[dict[str, Any]]:
        return [
            {
                "class": classes[answer],
                "confidence": confidence,
                "kind": "right" if answer == true else "target" if answer == target else "wrong",
            }
            for answer, confidence in zip(
                values[state]["classes"], values[state]["confidence"], strict=True
            )
        ]

    clean, attacked = told("clean"), told("attacked")
    return {
        "label": label,
        "answers": list(zip(clean, attacked, strict=True)),
        "clean_right": sum(a["kind"] == "right" for a in clean),
        "attacked_right": sum(a["kind"] == "right" for a in attacked),
        "target_reached": sum(a["kind"] == "target" for a in attacked),
    }
