"""Views clean and attacked at the worst target, with each network's answers."""

from torch import Tensor

from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import DefenseRow
from blurnet.experiments.steps.values import WhiteboxValues
from blurnet.report.defenses.words import name_of
from blurnet.report.figures.photographs import (
    Answer,
    Answers,
    Photographs,
    PhotographSet,
    View,
    answers,
    sheet,
    uris,
    views_shown,
)
from blurnet.report.run import Run

MOST_ROWS = 12
"""Networks in a figure for a paper."""


def photographs(run: Run[Defenses, DefenseRow]) -> Photographs:
    """Show every attack on every scene."""
    rows = run.results.rows
    shown = sum(len(s.networks) for row in rows for of in row.attacks.values() for s in of)
    sets = tuple(
        _photographs(run, attack, place, shown)
        for attack, scenes in rows[0].attacks.items()
        for place in range(len(scenes))
    )
    return Photographs(("Attack", "Signs", "Network", "Seed"), sets)


def _photographs(
    run: Run[Defenses, DefenseRow], attack: str, place: int, shown: int
) -> PhotographSet:
    networks: list[Answers] = []
    sheets: dict[str, tuple[Tensor, tuple[Answer, ...]]] = {}
    names: tuple[str, ...] = ()
    views: tuple[View, ...] = ()
    for row in run.results.rows:
        scene = row.attacks.get(attack, ())[place]
        for network, attacked in zip(row.networks, scene.networks, strict=True):
            found = run.read(attacked.step, WhiteboxValues)
            clean, worst = run.tensors(attacked.step, found, "clean", "worst")
            places = views_shown(len(clean), shown, clean.shape[-1])
            if not views:
                first, names = clean, found.values.views
                drawn = zip(places, uris(clean, places), strict=True)
                views = tuple(View(names[at], at, uri) for at, uri in drawn)
            told = _answers(row, network.seed, found.values, uris(worst, places))
            networks.append(told)
            if network is row.networks[0] and len(sheets) < MOST_ROWS:
                sheets[name_of(row)] = (worst, told.attacked)
    signs = run.results.rows[0].attacks.get(attack, ())[place].scene
    title = f"{attack}, {signs}"
    return PhotographSet(
        title,
        {"Attack": attack, "Signs": signs},
        tuple(networks),
        views,
        len(names),
        sheet(title, names, first, sheets),
    )


def _answers(
    row: DefenseRow, seed: int, values: WhiteboxValues, images: tuple[str, ...]
) -> Answers:
    """Name the answers on the clean views and on those attacked at the worst target."""
    classes, true, worst = values.classes, values.true, values.worst_target
    target = worst if values.goal == "targeted" else None
    attacked = values.attacked[values.targets.index(worst)]
    wrong = sum(each != true for each in attacked)
    aim = "untargeted" if target is None else f"aimed at “{classes[target]}”, its worst target"
    return Answers(
        f"{name_of(row)}, seed {seed}",
        {"Network": name_of(row), "Seed": str(seed)},
        answers(classes, values.clean.classes, true, target, values.clean.confidence),
        answers(classes, attacked, true, target, values.worst_confidence),
        f"{wrong} of {len(attacked)} wrong, {aim}.",
        images,
    )
