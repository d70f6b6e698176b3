"""The page's sections for the black-box experiment; see ``sections.py`` for how they are shown."""

import json
from collections import Counter
from collections.abc import Sequence

from blurnet.report.blackbox.verdict import NOTE, verdict
from blurnet.report.figures.bars import rate_bars
from blurnet.report.figures.images import image_uri, interval_bar
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.photographs import answer, sheet, uris, views_shown
from blurnet.report.figures.plots import loss_curves
from blurnet.report.run import Run, Sections, Values
from blurnet.report.words import (
    INTERVAL,
    L2_DISSIMILARITY,
    MEASURES,
    TRANSFERS,
    comparable,
    filter_words,
    published_words,
)


def asked(run: Run) -> Values:
    """Say what was asked for, and all that the numbers depend on."""
    settings = run.results["settings"]
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
    facts |= {"Filters' border": settings["padding"]} | run.facts
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
    settings = run.results["settings"]
    tables = []
    for name, rows in run.groups.items():
        published = comparable(settings) and any(row["published"] for row in rows)
        shown = [row if published else {**row, "published": None} for row in rows]
        tables.append(
            {
                "title": TRANSFERS[name],
                "rows": [{**row, "filters": filter_words(row["defense"])} for row in shown],
                "published": published,
                "words": published_words(settings) if any(r["published"] for r in rows) else "",
                "tested": "test_accuracy" in rows[0],
                "bars": {
                    measure: [(row["label"], row[measure], _bar(row, measure)) for row in shown]
                    for measure in ("attack_success_rate", "accuracy")
                },
                "drawings": [
                    _bars(name, shown, key) for key in ("attack_success_rate", "accuracy")
                ],
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
                "chart": _loss(f"RP2's loss, {name}", loss, "step") if loss else None,
            }
        )
    return {"stickers": shown}


def photographs(run: Run) -> Values:
    """Show every view, clean and attacked, with every network's answers."""
    sets = []
    for name, rows in run.groups.items():
        outcome = run.records[run.stickers[name]]
        views, tensors = outcome.values["views"], outcome.tensors
        places = views_shown(len(views), len(run.groups))
        networks = [_answers(row["label"], run.records[row["cell"]].values) for row in rows]
        attacked = {n["label"]: (tensors["adversarial"], n["attacked"]) for n in networks}
        sets.append(
            {
                "for": {"Attacker": TRANSFERS[name]},
                "title": TRANSFERS[name],
                "networks": networks,
                "views": [
                    {"name": views[place], "place": place, "clean": clean, "attacked": stuck}
                    for place, clean, stuck in zip(
                        places,
                        uris(tensors["clean"], places),
                        uris(tensors["adversarial"], places),
                        strict=True,
                    )
                ],
                "of": len(views),
                "sheet": sheet(TRANSFERS[name], views, tensors["clean"], attacked),
            }
        )
    return {"sets": sets, "axes": ["Attacker", "Network"], "unknown": False}


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
                "chart": _loss(f"Training loss, seed {config['seed']}", losses, "epoch")
                if losses
                else None,
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


def _bars(name: str, rows: Sequence[Values], measure: str) -> Drawing:
    title = f"{MEASURES[measure].name}, {name.replace('_', ' ')}"
    bars = [
        (r["label"], r[measure], r["intervals"][measure], (r["published"] or {}).get(measure))
        for r in rows
    ]
    return Drawing(title, title, lambda: rate_bars(title, bars))


def _loss(name: str, losses: Sequence[float], step: str) -> Drawing:
    alt = f"{name}: from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} {step}s"
    return Drawing(name, alt, lambda: loss_curves(name, {"loss": losses}, step))


def _bar(row: Values, measure: str) -> str:
    published = (row["published"] or {}).get(measure)
    name = f"{row['label']}, {MEASURES[measure].name}"
    return interval_bar(name, row[measure], row["intervals"][measure], published)


def _answers(label: str, values: Values) -> Values:
    """Name a network's answers, clean and attacked for each view, and how each stands."""
    true, target, classes = values["true"], values["target"], values["classes"]
    told = {
        state: [
            answer(classes, given, true, target, confidence)
            for given, confidence in zip(
                values[state]["classes"], values[state]["confidence"], strict=True
            )
        ]
        for state in ("clean", "attacked")
    }
    kinds = Counter(given["kind"] for given in told["attacked"])
    clean_right = sum(given["kind"] == "right" for given in told["clean"])
    return {
        **told,
        "label": label,
        "for": {"Network": label},
        "images": None,
        "sentence": f"right on {clean_right} of {len(told['clean'])} clean views and on "
        f"{kinds['right']} with the sticker; {kinds['target']} taken for “{classes[target]}”.",
    }
