"""The page's sections for a matrix of defenses and attacks."""

from collections.abc import Iterator

from blurnet.experiments.matrix import Matrix
from blurnet.experiments.results import MatrixRow
from blurnet.report.blocks import (
    Bar,
    Bars,
    Block,
    Charts,
    Definitions,
    Details,
    Fact,
    Facts,
    Paragraph,
    Section,
    Verdict,
    blocks,
)
from blurnet.report.matrix.tables import MEASURES, certificates, matrices
from blurnet.report.matrix.verdict import NOTE, verdict
from blurnet.report.matrix.words import WORST, name_of
from blurnet.report.run import Run
from blurnet.report.unfinished import NO_VERDICT
from blurnet.report.words import INTERVAL

MatrixRun = Run[Matrix, MatrixRow]


def sections(run: MatrixRun) -> list[Section]:
    """Give the sections that a run has something for."""
    results = run.results
    certified = tuple(certificates(results))
    return [
        blocks("What was asked", *_asked(run)),
        blocks("What came out", *_summary(run)),
        blocks("Defenses against attacks", *matrices(results)),
        *([blocks("Certified behind masking", *certified)] if certified else []),
        blocks("What the numbers mean", Definitions((*MEASURES, INTERVAL))),
    ]


def _asked(run: MatrixRun) -> Iterator[Block]:
    settings, rows = run.results.settings, run.results.rows
    suite = settings.suite if isinstance(settings.suite, str) else settings.suite.name
    facts = [
        Fact("Data", settings.data or "synthetic (drawn signs)"),
        Fact("Suite", suite),
        Fact("Training seeds", ", ".join(map(str, settings.seeds))),
        Fact("Clean signs", f"{rows[0].test_accuracy.total} test signs"),
    ]
    yield Facts((*facts, *run.facts))
    yield Details("All settings", settings.model_dump_json(indent=1))


def _summary(run: MatrixRun) -> Iterator[Block]:
    rows = run.results.rows
    if not run.results.finished:
        yield Paragraph(NO_VERDICT)
        return
    for place, scene in enumerate(rows[0].scenes):
        yield Verdict(f"On {scene.true_class}", verdict(rows, place))
        bars = tuple(Bar(name_of(row), row.scenes[place].worst) for row in rows)
        yield Charts((Bars(f"Worst case on {scene.true_class}", WORST.name, bars),))
    yield Paragraph(NOTE, "note")
