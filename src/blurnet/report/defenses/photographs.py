"""The sections for defenses that show views: what each target's sticker did, and photographs."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from blurnet.evaluation import mean_rate
from blurnet.report.defenses.words import name_of
from blurnet.report.figures.images import image_uri, interval_bar
from blurnet.report.figures.photographs import answer, sheet, uris, views_shown
from blurnet.report.run import Run, Values

Row = Mapping[str, Any]

MOST_ROWS = 12
"""Networks in a figure for a paper."""


def targets(run: Run) -> Values:
    """Show what each target's attack did, and its sticker where that was recorded."""
    panels = []
    for row in run.results["rows"]:
        for attack, scenes in row["attacks"].items():
            for scene in scenes:
                if scene["targets_tried"] > 1:
                    panels.append(_targets(run, row, attack, scene))
    return {"panels": panels, "axes": ["Attack", "Signs", "Network"]}


def _targets(run: Run, row: Row, attack: str, scene: Row) -> Values:
    found = [run.records[network["cell"]] for network in scene["networks"]]
    values, tensors = found[0].values, found[0].tensors
    answers = torch.tensor([each.values["attacked"] for each in found])
    noise, mask = tensors.get("noise"), tensors["mask"]
    pasted = run.results["settings"]["attacks"][attack]["settings"]["placement"] == "paste"
    bars = []
    for place, target in enumerate(values["targets"]):
        name = values["classes"][target]
        success = mean_rate(answers[:, place] != values["true"])
        limits = [success.low, success.high]
        sticker = None if noise is None else mask * noise[place]
        shown = sticker if sticker is None or pasted else (1 + sticker) / 2
        bars.append(
            {
                "target": name,
                "success": success.value,
                "interval": limits,
                "reached": float((answers[:, place] == target).float().mean()),
                "bar": interval_bar(f"{name_of(row)}, {name}", success.value, limits),
                "sticker": None if shown is None else image_uri(shown.clamp(0, 1)),
            }
        )
    return {
        "for": {"Attack": attack, "Signs": scene["true_class"], "Network": name_of(row)},
        "title": f"{name_of(row)}: {attack} on {scene['images']} views of {scene['true_class']}",
        "bars": sorted(bars, key=lambda bar: -bar["success"]),
        "stickers": noise is not None,
    }


def photographs(run: Run) -> Values:
    """Show views clean and attacked at the worst target, with each network's answers."""
    rows = run.results["rows"]
    shown = sum(len(s["networks"]) for row in rows for ss in row["attacks"].values() for s in ss)
    sets = [
        _photographs(run, attack, place, shown)
        for attack, scenes in rows[0]["attacks"].items()
        for place in range(len(scenes))
    ]
    unknown = any(n["clean"][0]["confidence"] is None for s in sets for n in s["networks"])
    return {"sets": sets, "axes": ["Attack", "Signs", "Network", "Seed"], "unknown": unknown}


def _photographs(run: Run, attack: str, scene: int, shown: int) -> Values:
    networks: list[Values] = []
    sheets: dict[str, tuple[Tensor, Any]] = {}
    for row in run.results["rows"]:
        for judged, cell in zip(
            row["networks"], row["attacks"][attack][scene]["networks"], strict=True
        ):
            outcome = run.records[cell["cell"]]
            views, clean = outcome.values["views"], outcome.tensors["clean"]
            places = views_shown(len(views), shown)
            told = _answers(outcome.values)
            networks.append(
                {
                    **told,
                    "label": f"{name_of(row)}, seed {judged['seed']}",
                    "for": {"Network": name_of(row), "Seed": str(judged["seed"])},
                    "images": uris(outcome.tensors["worst"], places),
                }
            )
            if judged is row["networks"][0] and len(sheets) < MOST_ROWS:
                sheets[name_of(row)] = (outcome.tensors["worst"], told["attacked"])
    signs = run.results["rows"][0]["attacks"][attack][scene]["true_class"]
    title = f"{attack}, {signs}"
    return {
        "for": {"Attack": attack, "Signs": signs},
        "title": title,
        "networks": networks,
        "views": [
            {"name": views[place], "place": place, "clean": uri, "attacked": None}
            for place, uri in zip(places, uris(clean, places), strict=True)
        ],
        "of": len(views),
        "sheet": sheet(title, views, clean, sheets),
    }


def _answers(values: Row) -> Values:
    """Name the answers on the clean views and on those attacked at the worst target."""
    classes, true, worst = values["classes"], values["true"], values["worst_target"]
    target = worst if values["goal"] == "targeted" else None
    given = {
        "clean": values["clean"],
        "attacked": values["attacked"][values["targets"].index(worst)],
    }
    known = values.get("confidence", {})
    told = {
        state: [
            answer(classes, each, true, target, confidence)
            for each, confidence in zip(
                answers,
                known.get({"attacked": "worst"}.get(state, state), [None] * len(answers)),
                strict=True,
            )
        ]
        for state, answers in given.items()
    }
    wrong = sum(each != true for each in given["attacked"])
    aim = "untargeted" if target is None else f"aimed at “{classes[target]}”, its worst target"
    return {**told, "sentence": f"{wrong} of {len(given['attacked'])} wrong, {aim}."}
