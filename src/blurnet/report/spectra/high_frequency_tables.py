"""The tables of high frequencies: of an experiment's networks, or of one network's layers."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from blurnet.experiments.results import Interval, LayerSpectra, RaisedMaps, SpectraRow
from blurnet.report.spectra.words import RAISED, change, is_input, points, ratio, signed
from blurnet.report.tables import NOTHING, Cell, Column, Row, Table, Words, share_cell
from blurnet.report.words import ABSENT, number

BRACKETS = (
    "In brackets the 95\u00a0% interval, paired by view. A layer's maps are those that the next "
    "layer gets: behind the filter, where one follows."
)


def by_layer(rows: Sequence[SpectraRow]) -> dict[str, dict[str, LayerSpectra]]:
    """Give layer → network → what was measured there; the input and its channels come last."""
    layers = dict.fromkeys(chain.from_iterable(row.layers for row in rows))
    return {
        layer: {row.label: row.layers[layer] for row in rows if layer in row.layers}
        for layer in sorted(layers, key=is_input)
    }


def clean_table(title: str, rows: Mapping[str, LayerSpectra], *, labels: str = "Network") -> Table:
    """Lay out the share of high frequencies in clean images, where there is no attack."""
    columns = (Column("clean", "\nclean", interval=True),)
    cells = {name: (_share(each.clean, bounds=True),) for name, each in rows.items()}
    return Table(title, columns, _rows(cells), labels=labels)


def share_table(
    title: str, rows: Mapping[str, LayerSpectra], *, labels: str = "Network", below: str = ""
) -> Table:
    """Lay out the share of high frequencies, clean, attacked and under the control.

    Args:
        title: what it is about.
        rows: name → what was measured.
        labels: what the names are of.
        below: what the terminal says below it.

    """
    columns = (
        Column("clean", "\nclean"),
        Column("attacked", "at-\ntacked"),
        Column("random colours", "random\ncolours"),
        Column("attacked − clean, points", "att. −\nclean", interval=True),
        Column("attacked − random, points", "att. −\nrandom", interval=True),
    )
    cells = {
        name: (
            _share(each.clean),
            _share(each.attacked),
            _share(each.control),
            _difference(each.attacked_minus_clean),
            _difference(each.attacked_minus_control),
        )
        for name, each in rows.items()
    }
    return Table(title, columns, _rows(cells), labels=labels, below=below, caption=BRACKETS)


def energy_table(
    title: str, rows: Mapping[str, LayerSpectra], *, labels: str = "Network", below: str = ""
) -> Table:
    """Lay out the energy of high frequencies, and their share of what the stickers changed.

    Args:
        title: what it is about.
        rows: name → what was measured.
        labels: what the names are of.
        below: what the terminal says below it.

    """
    energy, changed = "energy, ratio", "share of the change"
    columns = (
        Column("attacked / clean", "energy\n/ clean", group=energy, interval=True),
        Column("attacked / random", "energy\n/ random", group=energy, interval=True),
        Column("by the attack", "change,\nattack", group=changed),
        Column("by random colours", "change,\nrandom", group=changed),
    )
    cells = {
        name: (
            _ratio(each.energy_over_clean),
            _ratio(each.energy_over_control),
            _share(each.difference),
            _share(each.control_difference),
        )
        for name, each in rows.items()
    }
    return Table(
        title,
        columns,
        _rows(cells),
        labels=labels,
        unit="ratio; 1 is no change; shares in %",
        below=below,
    )


def raised_table(title: str, rows: Mapping[str, LayerSpectra], *, labels: str = "Network") -> Table:
    """Lay out how many maps each sticker raises, in the talk's own terms.

    Args:
        title: what it is about.
        rows: name → what was measured.
        labels: what the names are of.

    """
    states = dict.fromkeys(found.state for each in rows.values() for found in each.raised)
    cells = {}
    for name, each in rows.items():
        by_state = {found.state: found for found in each.raised}
        cells[name] = tuple(_raised(by_state.get(state)) for state in states)
    return Table(
        f"{title}: maps raised at high frequencies",
        tuple(Column(state, state.replace(" ", "\n")) for state in states),
        _rows(cells),
        labels=labels,
        unit="maps; × the clean value, the mean over maps",
        caption=RAISED.meaning,
    )


def sides(rows: Mapping[str, LayerSpectra], of: str = "share") -> str:
    """Say for which rows the intervals lie on one side of no change.

    Args:
        rows: name → what was measured.
        of: "share" or "energy".

    """
    lines = []
    for other, what in (("clean", "the clean images"), ("control", "random colours in the mask")):
        found: dict[str, list[str]] = {"higher": [], "lower": [], "no difference seen": []}
        for name, each in rows.items():
            if of == "share":
                minus = {"clean": each.attacked_minus_clean, "control": each.attacked_minus_control}
                side = change(minus[other])
            else:
                over = {"clean": each.energy_over_clean, "control": each.energy_over_control}
                side = change(over[other], 1)
            if side is not None:
                found[side].append(name)
        said = [f"{side} in {', '.join(names)}" for side, names in found.items() if names]
        if said:
            lines.append(f"Attacked against {what}: {'; '.join(said)}.")
    return "\n".join(lines)


def _rows(cells: Mapping[str, tuple[Cell, ...]]) -> tuple[Row, ...]:
    return tuple(Row(name, its) for name, its in cells.items())


def _share(interval: Interval, *, bounds: bool = False) -> Cell:
    if not bounds or interval.mean is None or interval.low is None or interval.high is None:
        return share_cell(interval.mean)
    between = f"{number(interval.low)}–{number(interval.high)}"
    return Words(
        f"{number(interval.mean)} ({between})", short=number(interval.mean), beside=between
    )


def _raised(found: RaisedMaps | None) -> Cell:
    if found is None or found.ratio is None:
        return NOTHING
    return Words(f"{found.raised}/{found.maps}\u00a0(×{found.ratio:.2f})")


def _difference(interval: Interval) -> Cell:
    return _words(points(interval), interval, signed)


def _ratio(interval: Interval) -> Cell:
    return _words(ratio(interval), interval, "{:.2f}".format)


def _words(text: str, interval: Interval, write: Callable[[float], str]) -> Cell:
    """Give a cell that the terminal parts into the mean and its interval."""
    if interval.mean is None:
        return NOTHING
    known = interval.low is not None and interval.high is not None
    beside = "…".join(write(x) for x in (interval.low, interval.high) if x is not None)
    return Words(text, short=write(interval.mean), beside=beside if known else ABSENT)
