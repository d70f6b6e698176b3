"""What ``blurnet attack`` prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from blurnet.evaluation.attack import Attacked


def values_of(found: "list[Attacked]", seconds: float, images: int, folder: Path) -> dict[str, Any]:
    """Give what ``--json`` prints: of several targets the means, and each one's rates."""
    rates = ["attack_success_rate", "prediction_altered_rate", "target_reached_rate"]
    known = [name for name in rates if name in found[0].rates]
    result: dict[str, Any] = {
        name: sum(attacked.rates[name]["value"] for attacked in found) / len(found)
        for name in known
    }
    result["dead_gradient_share"] = sum(a.dead_gradient_share for a in found) / len(found)
    for name, place in (("loss_first", 0), ("loss_last", -1)):
        result[name] = sum(attacked.loss[place] for attacked in found) / len(found)
    result["accuracy"] = found[0].rates["accuracy"]["value"]
    distances = [attacked.rates["l2_dissimilarity"] for attacked in found]
    result["l2_dissimilarity"] = None if None in distances else sum(distances) / len(distances)
    if len(found) == 1:
        result["intervals"] = {
            name: [found[0].rates[name]["low"], found[0].rates[name]["high"]] for name in known
        }
    else:
        result["worst"] = max(found, key=lambda a: a.rates["attack_success_rate"]["value"]).target
        result["targets"] = {
            attacked.target: {name: attacked.rates[name]["value"] for name in known}
            for attacked in found
        }
    return result | {"images": images, "seconds": round(seconds, 2), "folder": str(folder)}


def print_values(found: "list[Attacked]", result: dict[str, Any]) -> None:
    """Print it for people."""
    over = "" if len(found) == 1 else f", the mean over {len(found)} targets"
    lines = [f"accuracy             {100 * result['accuracy']:.1f} % of {result['images']} views"]
    for name in ("attack_success_rate", "target_reached_rate"):
        if name in result:
            low, high = result.get("intervals", {}).get(name, (None, None))
            interval = "" if low is None else f" (95 % interval {100 * low:.1f}–{100 * high:.1f})"
            lines.append(f"{name.replace('_', ' '):20} {100 * result[name]:.1f} %{interval}{over}")
    if result["l2_dissimilarity"] is not None:
        lines.append(f"L2 dissimilarity     {result['l2_dissimilarity']:.3f}")
    first, last = result["loss_first"], result["loss_last"]
    lines.append(f"objective            {first:.2f} at the first step, {last:.2f} at the last")
    dead = 100 * result["dead_gradient_share"]
    lines.append(f"dead gradient        {dead:.0f} % of the sticker's values, at the end")
    if "rectangles" in result["mask"]:
        lines.append(f"mask found           {result['mask']['pixels']} pixels, mask.png")
    if "worst" in result:
        worst = result["targets"][result["worst"]]["attack_success_rate"]
        lines.append(f"worst target         {result['worst']}: {100 * worst:.1f} %")
    lines.append(f"files                {result['folder']}")
    typer.echo("\n".join(lines))
