"""The page's sections for spectra."""

from collections.abc import Iterator

from blurnet.report.blocks import (
    Block,
    Details,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Part,
    Section,
    Switch,
    Verdict,
    blocks,
)
from blurnet.report.provenance import differs_words, photographs_words
from blurnet.report.spectra.depth import depth_verdict
from blurnet.report.spectra.drawings import (
    SpectraRun,
    depth,
    kernel_parts,
    map_parts,
    ratio_parts,
    shares,
)
from blurnet.report.spectra.high_frequency_tables import (
    by_layer,
    energy_table,
    raised_table,
    share_table,
)
from blurnet.report.spectra.tables import answers_table, definitions, depth_table
from blurnet.report.spectra.verdicts import smoothest, verdicts
from blurnet.report.spectra.words import deeper, groups, views_of
from blurnet.report.unfinished import NO_VERDICT

NOTE = (
    "These are means over views of one kind of sign, under one sticker for each network, and "
    "nothing is corrected for looking at many rows. That a filter takes frequencies away does not "
    "show that an attacker who knows of it needs them."
)
SCALES = (
    "Log magnitude of the two-dimensional Fourier transform, zero frequency in the middle. The "
    "spectra of one map share a scale, so that panels can be compared; zero frequency, which is "
    "brightness, may be off it. Where there are more maps, those shown lie at even distances."
)


def sections(run: SpectraRun) -> list[Section]:
    """Give the sections that a run has something for."""
    every: dict[str, Iterator[Block]] = {
        "What was asked": _asked(run),
        "What came out": _summary(run),
        "Filtering deeper": _deeper(run),
        "High frequencies": _high_frequencies(run),
        "Spectra": _switch(("Network", "Layer", "Views"), map_parts(run), SCALES),
        "What the sticker adds": _switch(("Network",), ratio_parts(run)),
        "Learned kernels": _switch(("Network",), kernel_parts(run)),
        "Answers": _answers(run),
        "What the numbers mean": iter((definitions(run.results.rows),)),
    }
    made = {title: tuple(content) for title, content in every.items()}
    return [blocks(title, *content) for title, content in made.items() if content]


def _asked(run: SpectraRun) -> Iterator[Block]:
    """Say what was asked for, and all that the numbers depend on."""
    results, settings = run.results, run.results.settings
    views = views_of(results.rows[0])
    where = "drawn signs" if settings.data is None else "held-out images"
    facts = [
        Fact(
            "Views",
            f"{views} {where} of “{results.true_class}”"
            if settings.rp2 is None
            else photographs_words(results, views),
        ),
        Fact("The sticker's aim", f"“{results.target}”"),
        Fact("High frequencies", f"from {settings.cutoff:g} cycles per pixel of the map on"),
        Fact("Filters' border", settings.padding),
    ]
    if settings.data is not None or settings.rp2 is None:
        facts.append(Fact("Data", settings.data or "synthetic (drawn signs)"))
        facts.append(Fact("Seed", str(settings.seed)))
    yield Facts((*facts, *run.facts))
    if differs_words(results):
        yield Paragraph(differs_words(results), "note")
    yield Details("All settings", settings.model_dump_json(indent=1))


def _summary(run: SpectraRun) -> Iterator[Block]:
    """Say in plain words what came out, of each of the talk's claims."""
    if not run.results.finished:
        yield Paragraph(NO_VERDICT)
        return
    for name, rows in groups(run.results).items():
        if deeper(rows):
            yield Verdict(f"{name}: Does a deeper filter cost more?", depth_verdict(rows))
        for question, answer in verdicts(rows, run.results.settings.cutoff).items():
            yield Verdict(f"{name}: {question}", answer)
        if not deeper(rows) and any(row.defense for row in rows):
            which = "Which defense leaves the fewest high frequencies?"
            yield Verdict(f"{name}: {which}", smoothest(rows))
    yield Paragraph(NOTE, "note")


def _deeper(run: SpectraRun) -> Iterator[Block]:
    """Draw accuracy and success over the layer that is filtered, beside the share there."""
    for name, rows in groups(run.results).items():
        if deeper(rows):
            yield Heading(name)
            yield depth(rows, name)
            yield depth_table(f"{name}: what a filter costs and does", rows)


def _high_frequencies(run: SpectraRun) -> Iterator[Block]:
    """Lay out each layer's share of high frequencies, clean, attacked and under the control."""
    parts = []
    for group, rows in groups(run.results).items():
        for layer, its in by_layer(rows).items():
            content = (
                shares(group, layer, its),
                share_table(f"{group}: high frequencies in {layer}, share", its),
                energy_table(f"{group}: high frequencies in {layer}, energy", its),
                raised_table(f"{group}: {layer} in the talk's terms", its),
            )
            parts.append(Part({"Networks": group, "Layer": layer}, content))
    yield Switch(("Networks", "Layer"), tuple(parts))


def _answers(run: SpectraRun) -> Iterator[Block]:
    """Lay out what the networks answer, clean and attacked."""
    for name, rows in groups(run.results).items():
        yield answers_table(name, rows)


def _switch(axes: tuple[str, ...], parts: Iterator[Part], caption: str = "") -> Iterator[Block]:
    made = tuple(parts)
    if made and caption:
        yield Paragraph(caption, "caption")
    if made:
        yield Switch(axes, made)
