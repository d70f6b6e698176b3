"""The page of a hardened network: what was put in, and what it cost."""

from pathlib import Path

from blurnet.evaluation.hardened import Hardened
from blurnet.files import to_json
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
from blurnet.report.figures.images import data_uri
from blurnet.report.page.page import REPORT, put_page, render
from blurnet.report.run import provenance_facts
from blurnet.report.words import ACCURACY, INTERVAL, blur_words, counted, defense_words, percent


def write_hardened_page(folder: Path, hardened: Hardened) -> Path:
    """Write a hardened network's ``report.html``.

    Raises:
        BlurnetError: if another file is in its place, or the disk does not take the page.

    """
    content = hardened.model_dump_json(indent=1).encode()
    downloads = {"hardened.json": data_uri("application/json", content)}
    heading = f"{hardened.network}, hardened"
    page = render("hardened", heading, hardened_sections(hardened, folder), downloads)
    return put_page(folder / REPORT, page)


def hardened_sections(hardened: Hardened, folder: Path) -> list[Section]:
    """Make the sections of the page."""
    defense, remembered = hardened.defense, hardened.remembered
    placed = tuple(
        Fact(f"Filter {place}", blur_words(blur))
        for place, blur in enumerate(defense.filters, start=1)
    )
    trained = (
        f"{counted(hardened.epochs, 'epoch')} on {hardened.trained_on} images"
        if hardened.epochs
        else "not trained: a fixed filter acts as it is"
    )
    asked = (
        Fact("Network", hardened.network),
        Fact("Defense", defense_words(defense)),
        *placed,
        Fact("Training", trained),
        Fact("Data", remembered.data or "none"),
        Fact("Classes", ", ".join(hardened.classes)),
        Fact("Seed", str(hardened.seed)),
    )
    computed = hardened.computed
    made = (
        Fact("Finished", computed.finished),
        Fact("Took", f"{computed.seconds:.0f} s"),
        *provenance_facts(computed.by),
    )
    settings = to_json(hardened.settings()).decode()
    return [
        blocks("What came out", *_outcome(hardened, folder)),
        blocks("What was done", Facts(asked), Details("All settings", settings)),
        blocks("Computed by", Facts(made)),
        blocks("What the numbers mean", Definitions((ACCURACY, INTERVAL))),
    ]


def _outcome(hardened: Hardened, folder: Path) -> list[Block]:
    found: list[Block] = [Verdict(defense_words(hardened.defense), cost_words(hardened))]
    rates = [("before", hardened.before), ("after", hardened.after)]
    bars = tuple(Bar(name, rate) for name, rate in rates if rate is not None)
    if bars:
        chart = Bars("Clean accuracy before and after", "accuracy", bars, "accuracy")
        found.append(Charts((chart,)))
    note = (
        "clean accuracy says nothing about stickers. What this network withstands is what blurnet "
        f"evaluate {folder} measures."
    )
    return [*found, Paragraph(note, "note")]


def cost_words(hardened: Hardened) -> str:
    """Say what it cost in clean accuracy."""
    before, after = hardened.before, hardened.after
    if after is None:
        return "Clean accuracy was not measured: no data was given."
    told = f"{percent(after.value)} of {after.total} held-out images are classified rightly"
    if before is None:
        return f"{told}."
    without = "" if hardened.weights else ", with the weights that its code gives it"
    change = 100 * (after.value - before.value)
    return (
        f"{told}; before it was {percent(before.value)}{without}: "
        f"{f'{change:+.1f}'.replace('-', '−')} points."
    )
