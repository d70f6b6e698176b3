"""The tables of high-frequency shares on a terminal."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from blurnet.spectra import MeanInterval

Intervals = Mapping[str, MeanInterval | None]


def print_shares(
    images: int,
    layers: Mapping[str, Intervals],
    cutoff: float,
    window: str | None,
    console: Console | None = None,
) -> None:
    """Print what was measured in each layer, in 80 columns.

    Args:
        images: how many images the means are over.
        layers: layer → the fields of a ``Claim``, or ``clean`` alone.
        cutoff: where high frequencies begin, in cycles per pixel.
        window: the window's name, if there was one.
        console: where to; standard output by default.

    """
    console = console or Console()
    first = next(iter(layers.values()))
    console.print(
        Text.assemble(
            ("Share of high frequencies, in %", "bold"),
            f" ({cutoff:g} cycles per pixel of the map and above; {images} "
            f"image{'s' * (images != 1)}{', Hann window' * (window is not None)}; in brackets the "
            "95 % interval of the mean)",
        )
    )
    table = _table("clean" if "attacked" in first else "clean (95 % interval)")
    if "attacked" in first:
        _columns(table, "attacked", "random\ncolours", "attacked\n− clean", "attacked\n− random")
    for layer, found in layers.items():
        if "attacked" not in first:
            table.add_row(Text(layer), _span(found["clean"], 100))
            continue
        table.add_row(
            Text(layer),
            *(_mean(found[state], 100) for state in ("clean", "attacked", "control")),
            _span(found["attacked_minus_clean"], 100, signed=True),
            _span(found["attacked_minus_control"], 100, signed=True),
        )
    console.print(table)
    if "attacked" not in first:
        return
    for line in _reading(layers, "attacked_minus_clean", "attacked_minus_control", unchanged=0):
        console.print(Text(line))
    console.print(
        Text.assemble(
            ("\nEnergy of high frequencies", "bold"),
            " (a ratio; 1 is no change), and ",
            ("their share of what the sticker changed", "bold"),
            ", in %",
        )
    )
    table = _table("attacked\n/ clean")
    _columns(table, "attacked\n/ random", "change by\nthe attack", "change by\nrandom colours")
    for layer, found in layers.items():
        table.add_row(
            Text(layer),
            _span(found["energy_over_clean"], 1, places=2),
            _span(found["energy_over_control"], 1, places=2),
            _mean(found["difference"], 100),
            _mean(found["control_difference"], 100),
        )
    console.print(table)
    for line in _reading(layers, "energy_over_clean", "energy_over_control", unchanged=1):
        console.print(Text(line))


def _reading(
    layers: Mapping[str, Intervals], over_clean: str, over_control: str, *, unchanged: float
) -> list[str]:
    """Say in words which intervals lie on one side of no change."""
    lines = []
    for name, other in (
        (over_clean, "the clean images"),
        (over_control, "random colours in the same mask"),
    ):
        groups: dict[str, list[str]] = {"higher": [], "lower": [], "no difference seen": []}
        for layer, found in layers.items():
            interval = found[name]
            if interval is None or interval.low.isnan():
                continue
            above, below = interval.low > unchanged, interval.high < unchanged
            groups["higher" if above else "lower" if below else "no difference seen"].append(layer)
        said = [f"{verdict} in {', '.join(named)}" for verdict, named in groups.items() if named]
        if said:
            lines.append(f"Attacked against {other}: {'; '.join(said)}.")
    return lines


def _table(first: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, header_style="")
    table.add_column("layer", max_width=16, no_wrap=True)
    _columns(table, first)
    return table


def _columns(table: Table, *headers: str) -> None:
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)


def _mean(interval: MeanInterval | None, scale: float) -> str:
    if interval is None or interval.mean.isnan():
        return "–"
    return f"{scale * float(interval.mean):.1f}"


def _span(
    interval: MeanInterval | None, scale: float, *, places: int = 1, signed: bool = False
) -> str:
    if interval is None or interval.mean.isnan():
        return "–"
    sign = "+" if signed else ""
    mean, low, high = (f"{scale * float(bound):{sign}.{places}f}" for bound in interval)
    if interval.low.isnan():
        return mean.replace("-", "−")
    return f"{mean} ({low} to {high})".replace("-", "−")
