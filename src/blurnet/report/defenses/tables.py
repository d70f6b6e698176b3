"""The tables of defenses, for the page and the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blurnet.experiments.results import AttackedScene, DefenseRow
from blurnet.report.blocks import Block, Definitions, Paragraph
from blurnet.report.bracket_table import bracket_table, strongest_words
from blurnet.report.defenses.words import (
    ACCURACY,
    AGAINST,
    ATTACK_MEASURES,
    CLEAN_MEASURES,
    CONTROL,
    LOW_PASS,
    MEAN,
    REACHED,
    SPREAD,
    TEST_ACCURACY,
    VARIATION,
    WORST,
    DefenseResults,
    covered_at,
    left_out,
    matched,
    name_of,
    published,
    row_words,
    scene_of,
    scene_title,
    seeds_of,
    seeds_span,
)
from blurnet.report.pairs import difference_cell, difference_of, seeds_words
from blurnet.report.tables import (
    NOTHING,
    Cell,
    Column,
    Published,
    Row,
    Table,
    Words,
    number_cell,
    rate_cell,
    share_cell,
)
from blurnet.report.words import ABSENT, CEILING, L2_DISSIMILARITY, STRONGEST, percent


@dataclass(frozen=True)
class AttackTable:
    """One attack on one scene: its table, and the rows and scenes that it is made of."""

    attack: str
    place: int
    rows: tuple[DefenseRow, ...]
    scenes: tuple[AttackedScene, ...]
    table: Table


def tables(results: DefenseResults) -> list[Block]:
    """Give what the terminal prints: clean signs, each attack on each scene, what it means."""
    attacked = [each.table for each in attack_tables(results)]
    why = left_out(results)
    measures = (*CLEAN_MEASURES, *(ATTACK_MEASURES if attacked else ()))
    return [
        clean_table(results),
        *bracket_tables(results),
        *attacked,
        *[Paragraph(why)] * bool(why),
        Definitions(measures),
    ]


def clean_table(results: DefenseResults) -> Table:
    """Lay out what the networks do on clean signs, and what training did to maps and kernels."""
    rows, settings = results.rows, results.settings
    learned = any(row.kernels for row in rows)
    compared = any(_published_accuracy(results, row) is not None for row in rows)
    part = "validation signs" if settings.validation else "test signs"
    columns = [
        Column(TEST_ACCURACY.name, "test\naccuracy", interval=True),
        *[Column("published", published=True)] * compared,
        Column("over seeds", "over\nseeds"),
        Column(f"called “{results.true_class}”", f"called\n{results.true_class[:6]}"),
        Column("total variation"),
        Column(VARIATION.name, "varia-\ntion"),
    ]
    if learned:
        columns += [
            Column("kernels: largest"),
            Column(LOW_PASS.name, "low-\npass"),
            Column(SPREAD.name, "\nspread"),
        ]
    caption = (
        "Small figures: 95\u00a0% interval. “Over seeds”: the lowest and the highest accuracy. "
        f"Maps: those of layer {settings.layer}, filtered where a filter follows it."
    )
    if compared:
        caption += " Published: the talk's Table 2, on a split that it does not state."
    return Table(
        f"Clean: {rows[0].test_accuracy.total} {part}, {seeds_of(rows)}",
        tuple(columns),
        tuple(
            Row(
                name_of(row),
                tuple(_clean(results, row, compared=compared, learned=learned)),
                row_words(row, rows[0].model),
            )
            for row in rows
        ),
        caption=caption,
    )


def _clean(
    results: DefenseResults, row: DefenseRow, *, compared: bool, learned: bool
) -> Iterator[Cell]:
    yield rate_cell(row.test_accuracy)
    if compared:
        yield Published((_published_accuracy(results, row),))
    yield Words(seeds_span(row))
    yield rate_cell(row.called_true_class)
    yield number_cell(row.maps.total_variation, ".3g")
    yield number_cell(row.maps.relative_variation, ".2f")
    kernels = row.kernels
    if learned and kernels is not None:
        yield number_cell(kernels.largest, ".3g")
        yield share_cell(kernels.low_pass_share, f"{percent(kernels.low_pass_kernels)} of kernels")
        yield number_cell(kernels.spread, ".2f")
    elif learned:
        yield from [NOTHING] * 3


def _published_accuracy(results: DefenseResults, row: DefenseRow) -> float | None:
    given = published(results, row)
    return None if given is None else given.accuracy


def class_table(results: DefenseResults) -> Table:
    """Lay out the accuracy on each class's signs."""
    rows = results.rows
    return Table(
        "Accuracy for each class",
        tuple(Column(name_of(row)) for row in rows),
        tuple(
            Row(
                name,
                tuple(rate_cell(row.class_accuracy.get(name), interval=False) for row in rows),
                f"{rate.total} signs",
            )
            for name, rate in rows[0].class_accuracy.items()
        ),
        labels="Class",
    )


def attack_tables(results: DefenseResults) -> Iterator[AttackTable]:
    """Lay out every attack on every scene, published beside measured."""
    rows = results.rows
    for attack, scenes in rows[0].attacks.items():
        for place in range(len(scenes)):
            its = tuple(row.attacks.get(attack, ())[place] for row in rows)
            yield AttackTable(attack, place, rows, its, _attack(results, attack, place, its))


def _attack(
    results: DefenseResults, attack: str, place: int, scenes: Sequence[AttackedScene]
) -> Table:
    rows, targeted = results.rows, scenes[0].targeted
    given = [published(results, row, attack, place) for row in rows]
    compared = any(given)
    beside = [Column("published", published=True)] * compared
    columns = (
        Column(ACCURACY.name, "accu-\nracy"),
        Column(MEAN.name, "mean\nsuccess", interval=True),
        *beside,
        Column(WORST.name if targeted else "", "worst\ntarget"),
        *beside,
        Column(REACHED.name if targeted else "", "target\nreached"),
        Column(CONTROL.name, "con-\ntrol"),
        Column(STRONGEST.name),
        Column(CEILING.name),
        Column(AGAINST.name),
        Column(L2_DISSIMILARITY.name, "L2\ndissim."),
        Column("loss, first and last step"),
        *[Column("", "published\nmean/worst", style="cyan", published=True)] * compared,
    )
    shown = []
    for row, scene, told in zip(rows, scenes, given, strict=True):
        mean, worst = (None, None) if told is None else (told.mean, told.worst)
        far = None if told is None else told.l2_dissimilarity
        cells: list[Cell] = [
            rate_cell(scene.accuracy),
            rate_cell(scene.mean),
            *[Published((mean,))] * compared,
            _worst(scene),
            *[Published((worst,))] * compared,
            rate_cell(scene.reached),
            rate_cell(scene.control),
            *_references(row, place),
            _against(rows, row, attack, place),
            number_cell(
                scene.l2_dissimilarity, ".3f", "" if far is None else f"published {far:.3f}"
            ),
            Words(_loss(scene)),
            *[Published((mean, worst))] * compared,
        ]
        words = row_words(row, rows[0].model)
        covered = covered_at(row, place)
        if covered is not None and not covered.well_posed:
            words += "; ILL-POSED here: this measures covering, do not quote it"
        shown.append(Row(name_of(row), tuple(cells), words))
    under = "; under the worst target, its name (for each seed)" * targeted
    caption = (
        f"Small figures: 95\u00a0% interval{under}. “{AGAINST.name}”: beside the undefended "
        "network of the same training and seed; “no match”: the run has none."
    )
    if compared:
        caption += " Published: the talk's Table 2, on networks that are not ours."
    title = scene_title(attack, scenes, seeds_of(rows))
    return Table(title, columns, tuple(shown), caption=caption)


def bracket_tables(results: DefenseResults) -> Iterator[Table]:
    """Lay out the bracket of every row, scene by scene."""
    rows = results.rows
    for place in range(min(len(row.brackets) for row in rows)):
        named = [(name_of(row), row.brackets[place]) for row in rows]
        seeds = seeds_words(len(rows[0].networks))
        yield bracket_table(f"The bracket on {named[0][1].scene}, {seeds}", named)


def _references(row: DefenseRow, place: int) -> tuple[Cell, Cell]:
    covered = covered_at(row, place)
    if covered is None:
        return NOTHING, NOTHING
    return (
        rate_cell(covered.strongest, note=strongest_words(covered)),
        rate_cell(covered.ceiling, note=", ".join(covered.fills)),
    )


def _against(rows: Sequence[DefenseRow], row: DefenseRow, attack: str, place: int) -> Cell:
    plain = matched(rows, row)
    before, here = scene_of(plain, attack, place), scene_of(row, attack, place)
    if before is None or here is None:
        return Words("no match") if row.defense and row.trained_as else NOTHING
    return difference_cell(difference_of(before.fooled, here.fooled))


def _worst(scene: AttackedScene) -> Cell:
    if not scene.targeted:
        return NOTHING
    names = ", ".join(dict.fromkeys(scene.worst_targets))
    return rate_cell(scene.worst, note=names)


def _loss(scene: AttackedScene) -> str:
    if scene.loss_first is None or scene.loss_last is None:
        return ABSENT
    return f"{scene.loss_first:.2f} → {scene.loss_last:.2f}"
