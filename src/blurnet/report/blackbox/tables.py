"""The tables of a black-box experiment, for the page and the terminal."""

from collections.abc import Sequence

from blurnet.experiments.results import BlackboxRow
from blurnet.report.blackbox.rows import (
    TRANSFERS,
    BlackboxResults,
    by_transfer,
    published,
    published_words,
)
from blurnet.report.blocks import Block, Definitions
from blurnet.report.tables import Cell, Column, Number, Published, Row, Table, rate_cell
from blurnet.report.words import (
    ACCURACY,
    ALTERED,
    CONTROL,
    L2_DISSIMILARITY,
    REACHED,
    SUCCESS,
    TEST_ACCURACY,
    blur_words,
)

SMALL_FIGURES = "Small figures: 95\u00a0% interval."


def tables(results: BlackboxResults) -> list[Block]:
    """Give what the terminal prints: the rates for each way of transfer, and what they mean."""
    groups = by_transfer(results.rows).values()
    shown: list[Block] = [rates_table(results, rows) for rows in groups]
    tested = {row.label: row for row in results.rows if row.rates.test_accuracy is not None}
    if tested:
        shown.append(_test_table(list(tested.values())))
    every = (ACCURACY, SUCCESS, ALTERED, REACHED, CONTROL, L2_DISSIMILARITY)
    return [*shown, Definitions(every)]


def rates_table(results: BlackboxResults, rows: Sequence[BlackboxRow]) -> Table:
    """Lay out the rates of the rows of one way of transfer, published beside measured."""
    compared = any(published(results, row) for row in rows)
    tested = any(row.rates.test_accuracy is not None for row in rows)
    columns = (
        *_columns(ACCURACY.name, "accu-\nracy", compared=compared),
        *_columns(SUCCESS.name, "attack\nsuccess", compared=compared, leading=True),
        Column(ALTERED.name, "predict.\naltered"),
        Column(REACHED.name, "target\nreached"),
        Column(CONTROL.name, "con-\ntrol"),
        *[Column(TEST_ACCURACY.name)] * tested,
        *[Column("", "published\nacc/succ.", style="cyan", published=True)] * compared,
    )
    first = rows[0].rates
    distance = f"{L2_DISSIMILARITY.name} {first.l2_dissimilarity:.3f}"
    words = published_words(results, rows)
    images = f"{first.accuracy.total} images"
    on_test = (
        ""
        if first.test_accuracy is None
        else (f"Test accuracy: on {first.test_accuracy.total} test images. ")
    )
    return Table(
        TRANSFERS.get(rows[0].transfer, rows[0].transfer),
        columns,
        tuple(_row(results, row, compared=compared, tested=tested) for row in rows),
        caption=f"{images}; {distance}. {on_test}{SMALL_FIGURES} {words}".strip(),
        below="\n".join(filter(None, [words, f"{distance}, {images}"])),
    )


def _columns(name: str, short: str, *, compared: bool, leading: bool = False) -> list[Column]:
    style = "bold" if leading else ""
    if not compared:
        return [Column(name, short, interval=leading, style=style)]
    return [
        Column("measured", short, group=name, interval=leading, style=style),
        Column("published", group=name, published=True),
    ]


def _row(results: BlackboxResults, row: BlackboxRow, *, compared: bool, tested: bool) -> Row:
    rates, given = row.rates, published(results, row)
    pair = (None, None) if given is None else (given.accuracy, given.attack_success_rate)
    cells: list[Cell] = []
    for rate, share in zip((rates.accuracy, rates.attack_success_rate), pair, strict=True):
        cells.append(rate_cell(rate))
        if compared:
            cells.append(Published((share,)))
    cells += [
        rate_cell(rates.prediction_altered_rate),
        rate_cell(rates.target_reached_rate),
        rate_cell(rates.control_success_rate),
        *[rate_cell(rates.test_accuracy)] * tested,
        *[Published(pair)] * compared,
    ]
    return Row(row.label, tuple(cells), "; ".join(map(blur_words, row.filters)) or "no filter")


def _test_table(rows: Sequence[BlackboxRow]) -> Table:
    columns = (
        Column(TEST_ACCURACY.name, "test\naccuracy", interval=True),
        Column("images", "\nimages"),
    )
    shown = tuple(
        Row(row.label, (rate_cell(rate), Number(rate.total, "d")))
        for row in rows
        if (rate := row.rates.test_accuracy) is not None
    )
    return Table("The same networks on clean test images", columns, shown)
