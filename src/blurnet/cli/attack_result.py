"""What ``blurnet attack`` prints."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from blurnet.evaluation import Rate
    from blurnet.report.attack_files import AttackedScene


def print_attack(scene: "AttackedScene", folder: Path, page: Path, *, as_json: bool) -> None:
    """Print an attack's figures.

    Args:
        scene: the attack.
        folder: where its files are.
        page: its page.
        as_json: whether as ``attack.json`` has them, or for people.

    """
    from blurnet.evaluation import summary_of
    from blurnet.report.attack_files import told

    if as_json:
        typer.echo(told(scene).model_dump_json(indent=1))
        return
    figures = summary_of(scene.found)
    several = len(figures.targets) > 1
    over = f", the mean over {len(figures.targets)} targets" if several else ""
    lines = [
        ("accuracy", f"{_percent(figures.accuracy)} of {figures.images} views"),
        ("attack success", f"{_rate(figures.attack_success_rate)}{over}"),
        ("random colours", f"{_rate(figures.control_success_rate)}, the control"),
    ]
    if figures.strongest_control_rate is not None:
        strongest = f"{figures.strongest_control}: {_rate(figures.strongest_control_rate)}"
        lines.append(("strongest control", strongest))
    if figures.target_reached_rate is not None:
        lines.append(("target reached", f"{_rate(figures.target_reached_rate)}{over}"))
    if several:
        worst, name = figures.worst_success_rate, figures.worst_target
        lines.append(("worst target", f"{name}: {_rate(worst)}"))
        lines.append(("any target", _rate(figures.any_target_success_rate)))
    if figures.l2_dissimilarity is not None:
        lines.append(("L2 dissimilarity", f"{figures.l2_dissimilarity:.4f}"))
    if figures.loss_first is not None and figures.loss_last is not None:
        first, last = figures.loss_first, figures.loss_last
        lines.append(("objective", f"{first:.2f} at the first step, {last:.2f} at the last"))
    dead = 100 * figures.dead_gradient_share
    lines.append(("dead gradient", f"{dead:.0f} % of the sticker's values, at the end"))
    if scene.rectangles is not None:
        lines.append(("mask found", f"{figures.mask_pixels} pixels, mask.png"))
    lines += [("files", str(folder)), ("report", str(page))]
    typer.echo("\n".join(f"{name:21}{text}" for name, text in lines))


def _percent(rate: "Rate") -> str:
    return f"{100 * rate.value:.1f} %"


def _rate(rate: "Rate") -> str:
    return f"{_percent(rate)} (95 % interval {100 * rate.low:.1f}–{100 * rate.high:.1f})"
