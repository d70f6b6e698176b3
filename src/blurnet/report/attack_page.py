"""The page of one attack: its figures, stickers and photographs."""

from collections.abc import Sequence
from pathlib import Path

import torch

from blurnet.engine import Computed
from blurnet.evaluation import AttackSummary, Rate, summary_of
from blurnet.report.attack_files import AttackedScene, sticker_picture, told
from blurnet.report.blocks import (
    Bar,
    Bars,
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
from blurnet.report.evidence.pictures import (
    STICKERS,
    Sticker,
    Stickers,
    StickerSet,
    small,
)
from blurnet.report.figures.images import data_uri, image_uri, png
from blurnet.report.figures.photographs import (
    Answers,
    Photographs,
    PhotographSet,
    View,
    answers,
    sheet,
    views_shown,
)
from blurnet.report.page.page import REPORT, put_page, render
from blurnet.report.run import provenance_facts
from blurnet.report.words import (
    ACCURACY,
    ALTERED,
    CONTROL,
    INTERVAL,
    L2_DISSIMILARITY,
    REACHED,
    SUCCESS,
    counted,
    percent,
)

AXIS = "Target"


def write_attack_page(folder: Path, scene: AttackedScene, computed: Computed) -> Path:
    """Write an attack's ``report.html``.

    Args:
        folder: where to.
        scene: the attack.
        computed: with what, when, and how long it took.

    Raises:
        BlurnetError: if another file is in its place, or the disk does not take the page.

    """
    content = told(scene).model_dump_json(indent=1).encode()
    downloads = {"attack.json": data_uri("application/json", content)}
    heading = f"RP2 on {scene.network}"
    page = render("attack", heading, attack_sections(scene, computed), downloads)
    return put_page(folder / REPORT, page)


def attack_sections(scene: AttackedScene, computed: Computed) -> list[Section]:
    """Make the sections of an attack's page."""
    return [
        blocks("What came out", *_outcome(scene)),
        Section("Stickers", "evidence_stickers.html.j2", _stickers(scene)),
        Section("Photographs", "photographs.html.j2", _photographs(scene)),
        blocks("What was asked", Facts(_asked(scene)), _settings(scene)),
        blocks(
            "Computed by",
            Facts(
                (
                    Fact("Finished", computed.finished),
                    Fact("Took", f"{computed.seconds:.1f} s"),
                    *provenance_facts(computed.by),
                )
            ),
        ),
        blocks(
            "What the numbers mean",
            Definitions((ACCURACY, SUCCESS, ALTERED, REACHED, CONTROL, L2_DISSIMILARITY, INTERVAL)),
        ),
    ]


def _strongest(figures: AttackSummary) -> str:
    if figures.strongest_control_rate is None:
        return ""
    return (
        f", the mean over ten, and the strongest of the control's stickers "
        f"({figures.strongest_control}) to {percent(figures.strongest_control_rate.value)}"
    )


def _outcome(scene: AttackedScene) -> Sequence[Verdict | Charts | Paragraph]:
    found, figures = scene.found, summary_of(scene.found)
    success, several = figures.attack_success_rate, len(found.aims) > 1
    aimed = "no target" if found.goal == "untargeted" else f"target {scene.target(0)}"
    over = f", the mean over {counted(len(found.aims), 'target')}" if several else f", {aimed}"
    text = (
        f"Without a sticker the network classifies {figures.accuracy.count} of {figures.images} "
        f"photographs rightly. With it {percent(success.value)} are not classified as their class"
        f"{over}"
    )
    if several:
        worst = figures.worst_success_rate
        text += f"; at the worst, {figures.worst_target}, {percent(worst.value)}"
    text += (
        f". Stickers of random colours in the same mask alone do that to "
        f"{percent(figures.control_success_rate.value)}{_strongest(figures)}."
    )
    if figures.strongest_control_rate is not None:
        best = figures.any_target_success_rate
        if best.value < figures.strongest_control_rate.value:
            text += (
                f" So this attack does less than a {figures.strongest_control} sticker of the "
                "control: it has failed, and its figure says nothing of the network."
            )
    title = f"{percent(success.value)} of the photographs are fooled"
    bars: list[tuple[str, Rate]] = [("random colours (control)", figures.control_success_rate)]
    if figures.strongest_control_rate is not None:
        name = f"{figures.strongest_control} (the control's strongest)"
        bars.append((name, figures.strongest_control_rate))
    for place, each in enumerate(figures.targets):
        bars.append((scene.target(place) if several else "the sticker", each.attack_success_rate))
    chart = Bars("Attack success", "attack success", tuple(Bar(*bar) for bar in bars))
    distance = figures.l2_dissimilarity
    further = [
        f"Prediction altered: {percent(figures.prediction_altered_rate.value)}.",
        ""
        if figures.target_reached_rate is None
        else f"Target reached: {percent(figures.target_reached_rate.value)}.",
        "" if distance is None else f"L2 dissimilarity: {distance:.4f}.",
        f"Dead gradient: {percent(figures.dead_gradient_share)} of the sticker's values.",
        "These are the settings of RP2's published run." if figures.published else "",
    ]
    return (
        Verdict(title, text),
        Charts((chart,)),
        Paragraph(" ".join(filter(None, further)), "caption"),
    )


def _stickers(scene: AttackedScene) -> Stickers:
    found = scene.found
    added = found.settings.placement != "paste"
    sets = []
    for place in range(len(found.aims)):
        noise, target = found.noise[place], scene.target(place)
        one = noise.dim() == 3 and found.mask.dim() == 2
        made = []
        for at in range(1 if one else min(len(scene.names), STICKERS)):
            its_noise = noise if noise.dim() == 3 else noise[at]
            its_mask = found.mask if found.mask.dim() == 2 else found.mask[at]
            drawn = data_uri("image/png", png(sticker_picture(its_noise, its_mask, added=added)))
            name = "all photographs" if one else scene.names[at]
            aim = "untargeted" if target == "none" else f"aimed at {target}"
            made.append(Sticker(name, aim, drawn))
        of = 1 if one else len(scene.names)
        sets.append(StickerSet(_title(target), {AXIS: target}, tuple(made), of, added))
    masks = [found.mask] if found.mask.dim() == 2 else list(found.mask[:STICKERS])
    pixels = summary_of(found).mask_pixels
    share = pixels / found.mask[..., :, :].shape[-1] / found.mask.shape[-2]
    return Stickers((AXIS,), tuple(sets), tuple(image_uri(each) for each in masks), pixels, share)


def _photographs(scene: AttackedScene) -> Photographs:
    found = scene.found
    clean = small((scene.images * 255).round().byte())
    heavy = 4 if max(clean.shape[2:]) > 64 else 1
    places = views_shown(len(scene.names), heavy * len(found.aims))
    true = found.true.tolist()
    sets = []
    for place, aim in enumerate(found.aims):
        target, attacked = scene.target(place), found.attacked(place)
        shown = small((attacked * 255).round().byte())
        rates = found.rates(place)
        sure = found.clean.confidence.tolist()
        network = Answers(
            label=scene.network,
            choice={},
            clean=answers(found.classes, found.clean.classes.tolist(), true, None, sure),
            attacked=answers(
                found.classes,
                found.answers[place].tolist(),
                true,
                aim,
                found.confidence[place].tolist(),
            ),
            sentence=f"{rates.attack_success_rate.count} of {rates.attack_success_rate.total} "
            f"attacked photographs are not classified as their class "
            f"({percent(rates.attack_success_rate.value)}).",
        )
        views = tuple(
            View(scene.names[at], at, image_uri(clean[at]), image_uri(shown[at])) for at in places
        )
        drawn = sheet(
            _title(target), scene.names, scene.images, {scene.network: (attacked, network.attacked)}
        )
        choice = {AXIS: target}
        sets.append(
            PhotographSet(_title(target), choice, (network,), views, len(scene.names), drawn)
        )
    return Photographs((AXIS,), tuple(sets))


def _title(target: str) -> str:
    return "untargeted" if target == "none" else f"target {target}"


def _asked(scene: AttackedScene) -> tuple[Fact, ...]:
    found = scene.found
    shown = [found.classes[label] for label in torch.unique(found.true).tolist()]
    _, channels, height, width = scene.images.shape
    return (
        Fact("Network", scene.network),
        Fact(
            "Photographs",
            f"{len(scene.names)} of {', '.join(shown)}, {width} × {height} pixels, "
            f"{counted(channels, 'channel')}",
        ),
        Fact("Targets", ", ".join(scene.target(place) for place in range(len(found.aims)))),
        Fact("Seed", str(found.seed)),
    )


def _settings(scene: AttackedScene) -> Details:
    return Details(
        "All settings of RP2",
        summary_of(scene.found).model_dump_json(indent=1, include={"settings"}),
    )
