"""The page's sections for a black-box experiment."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from blurnet.experiments.blackbox import Blackbox
from blurnet.experiments.results import BlackboxRow, Published
from blurnet.experiments.steps.network import ReadConfig
from blurnet.experiments.steps.sticker import StickerConfig
from blurnet.experiments.steps.training import TrainConfig
from blurnet.experiments.steps.values import NetworkValues, StickerValues, TransferValues
from blurnet.report.blackbox.rows import TRANSFERS, by_transfer, published
from blurnet.report.blackbox.tables import brackets, rates_table
from blurnet.report.blackbox.verdict import NOTE, verdict
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
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.images import image_uri
from blurnet.report.figures.photographs import (
    Answers,
    Photographs,
    PhotographSet,
    View,
    answers,
    sheet,
    uris,
    views_shown,
)
from blurnet.report.figures.plots import loss_curves
from blurnet.report.pairs import PAIRED, detectable_words
from blurnet.report.provenance import differs_words, is_own, photographs_words
from blurnet.report.run import Run
from blurnet.report.unfinished import NO_VERDICT
from blurnet.report.words import (
    ACCURACY,
    ALTERED,
    CEILING,
    CONTROL,
    INTERVAL,
    L2_DISSIMILARITY,
    REACHED,
    STRONGEST,
    SUCCESS,
    TEST_ACCURACY,
    Measure,
    percent,
    span,
)

NOT_PUBLISHED = Published()

BlackboxRun = Run[Blackbox, BlackboxRow]


@dataclass(frozen=True)
class Sticker:
    """One way of transfer's sticker: where it is, what it adds, how it was made."""

    title: str
    mask: str
    noise: str
    covered: float
    chart: Drawing | None
    text: str


@dataclass(frozen=True)
class Network:
    """Where a network came from, what it was for, and how its training went."""

    title: str
    roles: tuple[str, ...]
    facts: tuple[Fact, ...]
    chart: Drawing | None


def sections(run: BlackboxRun) -> list[Section]:
    """Give the sections that every such run has."""
    return [
        blocks("What was asked", *_asked(run)),
        blocks("What came out", *_summary(run)),
        blocks("Results", *_results(run)),
        blocks("What the numbers mean", _definitions(run)),
        Section("The sticker", "stickers.html.j2", tuple(_stickers(run))),
        Section("Photographs and answers", "photographs.html.j2", _photographs(run)),
        Section("Networks", "networks.html.j2", tuple(_networks(run))),
    ]


def _asked(run: BlackboxRun) -> Iterator[Block]:
    results, settings = run.results, run.results.settings
    views = len(run.read(_sticker_key(run, results.rows), StickerValues).values.views)
    kind = "drawn signs" if settings.data is None else "held-out images"
    facts = [
        Fact(
            "Scene",
            f"{views} {kind} of “{results.true_class}”"
            if settings.rp2 is None
            else photographs_words(results, views),
        ),
        Fact("The sticker's aim", f"“{results.target}”"),
    ]
    if settings.data is not None or settings.rp2 is None:
        facts += [
            Fact("Data", settings.data or "synthetic (drawn signs)"),
            Fact("Seeds", f"network {settings.seed}, surrogate {settings.surrogate_seed}"),
        ]
    yield Facts((*facts, Fact("Filters' border", settings.padding), *run.facts))
    if differs_words(results):
        yield Paragraph(differs_words(results), "note")
    yield Details("All settings", settings.model_dump_json(indent=1))


def _summary(run: BlackboxRun) -> Iterator[Block]:
    if not run.results.finished:
        yield Paragraph(NO_VERDICT)
        return
    for transfer, rows in by_transfer(run.results.rows).items():
        yield Verdict(TRANSFERS[transfer], verdict(rows))
    yield Paragraph(NOTE, "note")


def _results(run: BlackboxRun) -> Iterator[Block]:
    """Lay out the tables, published beside measured, and draw the intervals."""
    for transfer, rows in by_transfer(run.results.rows).items():
        yield rates_table(run.results, rows)
        yield from brackets(rows)
        given = [published(run.results, row) or NOT_PUBLISHED for row in rows]
        successes = tuple(
            Bar(
                row.label,
                row.rates.attack_success_rate,
                told.attack_success_rate,
                None if row.covered is None else row.covered.strongest.value,
                None if row.covered is None else 1 - row.covered.ceiling.value,
            )
            for row, told in zip(rows, given, strict=True)
        )
        accuracies = tuple(
            Bar(row.label, row.rates.accuracy, told.accuracy)
            for row, told in zip(rows, given, strict=True)
        )
        named = transfer.replace("_", " ")
        yield Charts(
            (
                Bars(f"{SUCCESS.name}, {named}", SUCCESS.name, successes),
                Bars(f"{ACCURACY.name}, {named}", ACCURACY.name, accuracies, "accuracy"),
            )
        )


def _definitions(run: BlackboxRun) -> Definitions:
    tested = any(row.rates.test_accuracy is not None for row in run.results.rows)
    measures = [ACCURACY, SUCCESS, ALTERED, REACHED, CONTROL, STRONGEST, CEILING]
    measures += [PAIRED, *[TEST_ACCURACY] * tested, L2_DISSIMILARITY, INTERVAL]
    images = run.results.rows[0].rates.accuracy.total
    return Definitions((*measures, Measure("detectable", detectable_words(images))))


def _sticker_key(run: BlackboxRun, rows: Sequence[BlackboxRow]) -> str:
    """Give the key of the sticker that rows of one way of transfer share."""
    key = run.need(rows[0].step, "sticker")
    assert key is not None
    return key


def _stickers(run: BlackboxRun) -> Iterator[Sticker]:
    for transfer, rows in by_transfer(run.results.rows).items():
        key = _sticker_key(run, rows)
        found = run.read(key, StickerValues)
        mask, noise = run.tensors(key, found, "mask", "noise")
        loss = found.values.loss
        chart = _loss(f"RP2's loss, {transfer}", loss, "step") if loss else None
        values = found.values
        yield Sticker(
            TRANSFERS[transfer],
            image_uri(mask),
            image_uri((1 + mask * noise) / 2),
            float(mask.mean()),
            chart,
            f"Put on {len(values.views)} views of “{values.true_class}” to make them "
            f"“{values.target}”; L2 dissimilarity {values.l2_dissimilarity:.3f}. "
            + _made(run, key, made=bool(loss)),
        )


def _made(run: BlackboxRun, key: str, *, made: bool) -> str:
    if not made and is_own(run.results):
        return "Taken as published, not made here."
    if not made:
        return f"Taken from {run.results.settings.rp2}, not made here."
    config = run.config(key, StickerConfig)
    asked = config.attack
    return (
        f"Made here with RP2: {asked.steps} steps, λ {asked.lam:g}, p {asked.p:g}, Adam "
        f"{asked.lr:g}, seed {config.seed}."
    )


def _photographs(run: BlackboxRun) -> Photographs:
    """Every view, clean and attacked, with every network's answers."""
    groups, sets = by_transfer(run.results.rows), []
    for transfer, rows in groups.items():
        key = _sticker_key(run, rows)
        found = run.read(key, StickerValues)
        clean, attacked = run.tensors(key, found, "clean", "adversarial")
        names = found.values.views
        places = views_shown(len(names), len(groups), clean.shape[-1])
        networks = tuple(_answers(row, run.read(row.step, TransferValues).values) for row in rows)
        told = {each.label: (attacked, each.attacked) for each in networks}
        views = zip(places, uris(clean, places), uris(attacked, places), strict=True)
        sets.append(
            PhotographSet(
                TRANSFERS[transfer],
                {"Attacker": TRANSFERS[transfer]},
                networks,
                tuple(View(names[place], place, before, after) for place, before, after in views),
                len(names),
                sheet(TRANSFERS[transfer], names, clean, told),
            )
        )
    return Photographs(("Attacker", "Network"), tuple(sets))


def _answers(row: BlackboxRow, values: TransferValues) -> Answers:
    """Name a network's answers, clean and attacked for each view, and how each stands."""
    clean, attacked = (
        answers(values.classes, told.classes, values.true, values.target, told.confidence)
        for told in (values.clean, values.attacked)
    )
    kinds = Counter(each.kind for each in attacked)
    right = sum(each.kind == "right" for each in clean)
    return Answers(
        row.label,
        {"Network": row.label},
        clean,
        attacked,
        f"right on {right} of {len(clean)} clean views and on {kinds.get('right', 0)} with the "
        f"sticker; {kinds.get('target', 0)} taken for “{values.classes[values.target]}”.",
    )


def _networks(run: BlackboxRun) -> Iterator[Network]:
    roles: dict[str, dict[str, None]] = {}
    for transfer, rows in by_transfer(run.results.rows).items():
        network = run.need(rows[0].step, "network")
        maker = run.need(_sticker_key(run, rows), "network")
        for key, role in (
            (network and _unfiltered(run, network), "the network that the filters are put on"),
            (maker, f"made the sticker: {TRANSFERS[transfer]}"),
        ):
            if key is not None:
                roles.setdefault(key, {})[role] = None
    for key, of in roles.items():
        yield _network(run, key, tuple(of))


def _unfiltered(run: BlackboxRun, key: str) -> str:
    """Give the key of the network that filters were put into."""
    recorded = run.recorded(key)
    return recorded.needs.get("network", key) if recorded.kind == "filter" else key


def _network(run: BlackboxRun, key: str, roles: tuple[str, ...]) -> Network:
    values, kind = run.read(key, NetworkValues).values, run.recorded(key).kind
    facts, title = [Fact("Classes", str(len(values.classes)))], values.model
    if kind == "network":
        facts += [
            Fact("Origin", "read from a file, not trained here"),
            Fact("Weights (SHA-256)", run.config(key, ReadConfig).weights),
        ]
        return Network(title, roles, tuple(facts), None)
    title = f"{title}, seed {run.config(key, TrainConfig).seed}"
    epochs = values.epoch_losses
    facts.append(Fact("Training", f"{values.train_images} images, {len(epochs)} epochs"))
    if values.test_accuracy is not None:
        rate = values.test_accuracy
        text = f"{percent(rate.value)} ({span(rate)}) of {rate.total} images"
        facts.append(Fact("Test accuracy, no filter", text))
    return Network(title, roles, tuple(facts), _loss(f"Training loss, {title}", epochs, "epoch"))


def _loss(name: str, losses: Sequence[float], step: str) -> Drawing:
    alt = f"{name}: from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} {step}s"
    return Drawing(name, alt, partial(loss_curves, name, {"loss": losses}, step))
