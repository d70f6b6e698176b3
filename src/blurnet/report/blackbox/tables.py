"""The tables of a black-box experiment, for the page and the terminal."""

from collections.abc import Sequence

from blurnet.experiments.results import BlackboxRow
from blurnet.report.blackbox.rows import (
    TRANSFERS,
    BlackboxResults,
    by_transfer,
    published,
    published_words,
    unfiltered,
)
from blurnet.report.blocks import Block, Definitions
from blurnet.report.bracket_table import bracket_table, strongest_words
from blurnet.report.pairs import PAIRED, difference_cell, difference_of
from blurnet.report.tables import (
    NOTHING,
    Cell,
    Column,
    Number,
    Published,
    Row,
    Table,
    rate_cell,
)
from blurnet.report.words import (
    ACCURACY,
    ALTERED,
    CEILING,
    CONTROL,
    L2_DISSIMILARITY,
    REACHED,
    STRONGEST,
    SUCCESS,
    TEST_ACCURACY,
    blur_words,
)

SMALL_FIGURES = "Small figures: 95\u00a0% interval."


def tables(results: BlackboxResults) -> list[Block]:
    """Give what the terminal prints: the rates for each way of transfer, and what they mean."""
    groups = by_transfer(results.rows).values()
    shown: list[Block] = []
    for rows in groups:
        shown += [rates_table(results, rows), *brackets(rows)]
    tested = {row.label: row for row in results.rows if row.rates.test_accuracy is not None}
    if tested:
        shown.append(_test_table(list(tested.values())))
    every = (ACCURACY, SUCCESS, ALTERED, REACHED, CONTROL, STRONGEST, CEILING, L2_DISSIMILARITY)
    return [*shown, Definitions(every)]


def rates_table(results: BlackboxResults, rows: Sequence[BlackboxRow]) -> Table:
    """Lay out the rates of the rows of one way of transfer, published beside measured."""
    compared = any(published(results, row) for row in rows)
    tested = any(row.rates.test_accuracy is not None for row in rows)
    columns = (
        *_columns(ACCURACY.name, "accu-\nracy", compared=compared),
        *_columns(SUCCESS.name, "attack\nsuccess", compared=compared, leading=True),
        *[Column(PAIRED.name)] * (len(rows) > 1),
        Column(ALTERED.name, "predict.\naltered"),
        Column(REACHED.name, "target\nreached"),
        Column(CONTROL.name, "con-\ntrol"),
        Column(STRONGEST.name),
        Column(CEILING.name),
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
        tuple(_row(results, row, compared=compared, tested=tested, beside=rows) for row in rows),
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


def brackets(rows: Sequence[BlackboxRow]) -> list[Table]:
    """Lay out control, ceiling and bracket of the rows of one way of transfer."""
    known = TRANSFERS.get(rows[0].transfer, rows[0].transfer)
    named = [(row.label, row.bracket) for row in rows if row.bracket is not None]
    return [bracket_table(f"The bracket. {known}", named)] if named else []


def _row(
    results: BlackboxResults,
    row: BlackboxRow,
    *,
    compared: bool,
    tested: bool,
    beside: Sequence[BlackboxRow],
) -> Row:
    rates, given = row.rates, published(results, row)
    pair = (None, None) if given is None else (given.accuracy, given.attack_success_rate)
    covered, plain = row.covered, unfiltered(beside)
    cells: list[Cell] = []
    for rate, share in zip((rates.accuracy, rates.attack_success_rate), pair, strict=True):
        cells.append(rate_cell(rate))
        if compared:
            cells.append(Published((share,)))
    cells += [
        *[
            NOTHING
            if plain is None or plain is row
            else difference_cell(difference_of(plain.fooled, row.fooled))
        ]
        * (len(beside) > 1),
        rate_cell(rates.prediction_altered_rate),
        rate_cell(rates.target_reached_rate),
        rate_cell(rates.control_success_rate),
        NOTHING if covered is None else rate_cell(covered.strongest, note=strongest_words(covered)),
        NOTHING if covered is None else rate_cell(covered.ceiling, note=", ".join(covered.fills)),
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
