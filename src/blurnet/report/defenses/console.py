"""The tables of defenses on a terminal; published figures beside the first attack alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from blurnet.report.defenses.words import (
    ATTACK_MEASURES,
    CLEAN_MEASURES,
    PUBLISHED_OTHERWISE,
    name_of,
    published_attack,
    scene_title,
    seeds_span,
)
from blurnet.report.tables import number, table
from blurnet.report.words import span

Row = Mapping[str, Any]

CLEAN, ATTACKED, PUBLISHED = 52, 54, 11
"""Columns of the terminal that the numbers take."""


def print_defenses(results: Mapping[str, Any], console: Console) -> None:
    """Print the clean signs' table, and one for each attack on each scene."""
    rows = results["rows"]
    part = "validation signs" if results["settings"]["validation"] else "test signs"
    seeds = len(rows[0]["networks"])
    title = f"Clean: {rows[0]['test_images']} {part}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    console.print(Text(f"{title} (in %)", style="bold"))
    console.print(_clean(rows, console.width - CLEAN, results["settings"]["true_class"]))
    measures = dict(CLEAN_MEASURES)
    first = published_attack(results["settings"])
    for attack, scenes in rows[0]["attacks"].items():
        measures |= ATTACK_MEASURES
        for place in range(len(scenes)):
            attacked = [(row, row["attacks"][attack][place]) for row in rows]
            title = scene_title(attack, [scene for _, scene in attacked], seeds)
            console.print(Text(f"\n{title} (in %)", style="bold"))
            published = attack == first and place == 0 and any(row["published"] for row in rows)
            width = console.width - ATTACKED - published * PUBLISHED
            console.print(_attacked(attacked, width, published=published))
    if first is None and rows[0]["attacks"] and any(row["published"] for row in rows):
        console.print(Text(f"\n{PUBLISHED_OTHERWISE}"))
    console.print()
    for measure in measures.values():
        console.print(Text.assemble((measure.name, "bold"), ": ", measure.meaning))


def _clean(rows: Sequence[Row], label_width: int, true_class: str) -> Any:
    columns = ["test\naccuracy", "95 %\ninterval", "over\nseeds", f"called\n{true_class[:6]}"]
    columns.append("varia-\ntion")
    learned = any(row["kernels"] for row in rows)
    if learned:
        columns += ["low-\npass", "spread"]
    shown = table(label_width, columns)
    for row in rows:
        called, kernels = row["called_true_class"], row["kernels"]
        cells = [
            number(row["test_accuracy"]),
            span(row["test_accuracy_interval"]),
            seeds_span(row),
            number(None if called is None else called["value"]),
            f"{row['maps']['relative_variation']:.2f}",
        ]
        if learned:
            cells += (
                [number(kernels["low_pass_share"]), f"{kernels['spread']:.2f}"]
                if kernels
                else ["–", "–"]
            )
        shown.add_row(Text(name_of(row)), *cells)
    return shown


def _attacked(pairs: Sequence[tuple[Row, Row]], label_width: int, *, published: bool) -> Any:
    columns = ["accu-\nracy", "mean\nsuccess", "95 %\ninterval", "worst\ntarget"]
    columns += ["target\nreached", "con-\ntrol", "L2\ndissim."]
    if published:
        columns.append("published\nmean/worst")
    shown = table(label_width, columns)
    for row, scene in pairs:
        mean, targeted = scene["mean"], scene["targets_tried"] > 0
        cells = [
            number(scene["accuracy"]),
            number(mean["attack_success_rate"]["value"]),
            span(mean["attack_success_rate"]["interval"]),
            number(scene["worst"]["attack_success_rate"]["value"] if targeted else None),
            number((mean["target_reached_rate"] or {}).get("value")),
            number(scene["control_success_rate"]["value"]),
            f"{scene['l2_dissimilarity']:.3f}",
        ]
        if published:
            given = row["published"] or {}
            pair = (given.get("mean"), given.get("worst"))
            cells.append("/".join("–" if share is None else f"{100 * share:.3g}" for share in pair))
        shown.add_row(Text(name_of(row)), *cells)
    return shown
