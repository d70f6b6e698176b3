"""The page's sections for defenses side by side."""

from collections.abc import Iterator

from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import DefenseRow
from blurnet.report.blocks import (
    Bar,
    Bars,
    Block,
    Charts,
    Definitions,
    Details,
    Fact,
    Facts,
    Folded,
    Paragraph,
    Plots,
    Section,
    Verdict,
    blocks,
)
from blurnet.report.defenses.curves import curves
from blurnet.report.defenses.durations import durations_drawings, durations_verdict
from blurnet.report.defenses.kernels import kernels
from blurnet.report.defenses.photographs import photographs
from blurnet.report.defenses.tables import (
    AttackTable,
    attack_tables,
    bracket_tables,
    class_table,
    clean_table,
)
from blurnet.report.defenses.targets import target_panels
from blurnet.report.defenses.verdict import NOT_ATTACKED, NOTE, clean_verdict, verdicts
from blurnet.report.defenses.words import (
    ATTACK_MEASURES,
    CLEAN_MEASURES,
    MEAN,
    covered_at,
    left_out,
    name_of,
    published,
)
from blurnet.report.pairs import detectable_words
from blurnet.report.provenance import differs_words, photographs_words
from blurnet.report.run import Run
from blurnet.report.unfinished import NO_VERDICT
from blurnet.report.words import INTERVAL, L2_DISSIMILARITY, Measure

DefenseRun = Run[Defenses, DefenseRow]


def sections(run: DefenseRun) -> list[Section]:
    """Give the sections that a run has something for."""
    attacked = bool(run.results.rows[0].attacks)
    drawn = (*durations_drawings(run.results.rows), *curves(run))
    panels = target_panels(run)
    made = [
        blocks("What was asked", *_asked(run)),
        blocks("What came out", *_summary(run)),
    ]
    if drawn:
        made.append(blocks("Curves", Plots(drawn)))
    if attacked:
        made.append(blocks("White-box attack", *_attacks(run)))
    clean = clean_table(run.results)
    by_class = Folded("Class by class", (class_table(run.results),))
    made.append(blocks("Clean signs", clean, by_class))
    if panels is not None:
        made.append(Section("Target by target", "targets.html.j2", panels))
    if attacked:
        made.append(Section("Photographs and answers", "photographs.html.j2", photographs(run)))
    if any(row.kernels for row in run.results.rows):
        made.append(blocks("Learned kernels", kernels(run)))
    made.append(blocks("What the numbers mean", _definitions(run, attacked=attacked)))
    return made


def _asked(run: DefenseRun) -> Iterator[Block]:
    settings, rows = run.results.settings, run.results.rows
    held_out = "signs held out of the training part" if settings.validation else "test signs"
    facts = [
        Fact("Data", settings.data or "synthetic (drawn signs)"),
        Fact("Evaluated on", f"{rows[0].test_accuracy.total} {held_out}"),
        Fact("Training seeds", ", ".join(map(str, settings.seeds))),
    ]
    scene = next((scenes[0] for scenes in rows[0].attacks.values()), None)
    if scene is not None:
        where = "held-out signs" if settings.data else "drawn signs"
        facts.append(
            Fact(
                "Attacked",
                photographs_words(run.results, scene.images)
                if settings.rp2
                else f"{scene.images} {where} of “{scene.true_class}”",
            )
        )
    yield Facts((*facts, *run.facts))
    if differs_words(run.results):
        yield Paragraph(differs_words(run.results), "note")
    yield Details("All settings", settings.model_dump_json(indent=1))


def _summary(run: DefenseRun) -> Iterator[Block]:
    if not run.results.finished:
        yield Paragraph(NO_VERDICT)
        return
    rows = run.results.rows
    if not rows[0].attacks:
        yield Verdict("Clean signs", clean_verdict(rows))
        yield Paragraph(NOT_ATTACKED, "note")
        return
    for attack in rows[0].attacks:
        duration = durations_verdict(rows, attack)
        if duration:
            yield Verdict(f"{attack}: how long was trained", duration)
            continue
        for title, text in verdicts(rows, attack).items():
            yield Verdict(title, text)
    yield Paragraph(NOTE, "note")


def _attacks(run: DefenseRun) -> Iterator[Block]:
    why = left_out(run.results)
    if why:
        yield Paragraph(why, "caption")
    yield from bracket_tables(run.results)
    for shown in attack_tables(run.results):
        yield shown.table
        yield Charts((_bars(run, shown),))


def _bars(run: DefenseRun, shown: AttackTable) -> Bars:
    bars = []
    for row, scene in zip(shown.rows, shown.scenes, strict=True):
        given = published(run.results, row, shown.attack, shown.place)
        covered = covered_at(row, shown.place)
        bars.append(
            Bar(
                name_of(row),
                scene.mean,
                None if given is None else given.mean,
                None if covered is None else covered.strongest.value,
                None if covered is None else 1 - covered.ceiling.value,
            )
        )
    where = shown.scenes[0].scene
    return Bars(f"Mean success, {shown.attack}, {where}", MEAN.name, tuple(bars))


def _definitions(run: DefenseRun, *, attacked: bool) -> Definitions:
    if not attacked:
        return Definitions((*CLEAN_MEASURES, INTERVAL))
    first = next(iter(run.results.rows[0].attacks.values()))[0]
    told = Measure("detectable", detectable_words(first.images))
    return Definitions((*CLEAN_MEASURES, *ATTACK_MEASURES, L2_DISSIMILARITY, INTERVAL, told))
