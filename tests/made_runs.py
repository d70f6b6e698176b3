"""Run folders made by hand, through the engine's own records: no network is trained or asked."""

import torch
from PIL import Image

from blurnet import experiments
from blurnet.attacks import RP2Settings
from blurnet.defenses import Blur, Recipe
from blurnet.engine import Computed, Outcome, Provenance, Records, Step, in_order
from blurnet.evaluation import rate
from blurnet.evaluation.effects import KernelEffects, MapEffects
from blurnet.evaluation.evidence import Answered
from blurnet.experiments import Blackbox, Results, load_results
from blurnet.experiments.rates import transfer_rates
from blurnet.experiments.results import BlackboxRow, Published
from blurnet.experiments.sources import Identity
from blurnet.experiments.steps.network import FilterConfig
from blurnet.experiments.steps.place import placed_on
from blurnet.experiments.steps.sticker import PublishedStickerConfig, StickerConfig
from blurnet.experiments.steps.training import TrainConfig
from blurnet.experiments.steps.values import (
    ControlValues,
    Counted,
    EvaluateValues,
    NetworkValues,
    PlaceValues,
    StickerValues,
    TransferValues,
    WhiteboxValues,
)
from blurnet.files import to_json, write_whole
from blurnet.settings import Settings, check

EVIL = "<script>alert('x')</script>"
CLASSES = ("yield", "stop", EVIL)
STOP, TARGET = 1, 2
LONG = "[bold]& a label that does not fit into its column"


COMPUTED = Computed(
    by=Provenance(
        versions={"python": "3.11.7", "blurnet": "0.1.0", "torch": "2.13.0"},
        system="Linux",
        machine="A processor of its time",
        cores=4,
        threads=2,
    ),
    seconds=1.5,
    finished="2026-01-02T03:04:05+00:00",
)
"""With what all records made here were computed: no machine that a test runs on."""


def record(records, kind, config, values, tensors=None, needs=None):
    """Keep what a step found, as the engine keeps it."""
    step = Step(kind, 1, kind, config, type(values), lambda *_: None, needs or {})
    if step.key not in records:
        records.write(step, Outcome(values, tensors or {}), COMPUTED)
    return step


def network_of(records, seed):
    data = Identity(train="t", test="t")
    return record(
        records,
        "train",
        TrainConfig(recipe=Recipe(model="lisa_cnn"), classes=CLASSES, seed=seed, data=data),
        NetworkValues(
            model="lisa_cnn",
            size=8,
            channels=3,
            classes=CLASSES,
            train_images=500,
            test_accuracy=rate(torch.arange(1000) < 912),
            epoch_losses=(2.5, 0.75),
        ),
    )


def sticker_of(records, views, network, seed, loss, shape=(3, 8, 8)):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randint(256, (views, *shape), dtype=torch.uint8, generator=generator)
    mask = torch.zeros(shape[1:])
    mask[2:4, 2:6] = 1
    noise = torch.randn(shape, generator=generator)
    values = StickerValues(
        true_class="stop",
        target=EVIL,
        views=tuple(f"view {i}" for i in range(views)),
        l2_dissimilarity=0.2345,
        loss=tuple(loss),
    )
    tensors = {
        "noise": noise,
        "mask": mask,
        "clean": clean,
        "adversarial": (clean / 255 + mask * noise).clamp(0, 1),
    }
    made = StickerConfig(scene="s", target=EVIL, attack=RP2Settings(steps=3), seed=seed)
    published = PublishedStickerConfig(scene="s", target=EVIL, noise="n")
    config, needs = (made, {"network": network}) if loss else (published, {})
    return record(records, "sticker", config, values, tensors, needs)


class Called(Settings):
    """The configuration of a step made here."""

    label: str
    transfer: str


def row_of(records, label, transfer, network, sticker, clean, attacked, published=None):
    """A network's row, from a record of its answers."""
    filters = () if label == "baseline" else (Blur("box", 5, "relu1"),)
    values = TransferValues(
        classes=CLASSES,
        true=STOP,
        target=TARGET,
        clean=Answered(classes=clean, confidence=[0.75] * len(clean)),
        attacked=Answered(classes=attacked, confidence=[0.515] * len(clean)),
        control=[clean] * 10,
        l2_dissimilarity=0.2345,
        test=Counted(count=912, total=1000),
    )
    if filters:
        before = records.outcome(network).values.model_copy(update={"filters": filters})
        needs = {"network": network}
        network = record(records, "filter", FilterConfig(filters=filters), before, needs=needs)
    config = Called(label=label, transfer=transfer)
    needs = {"network": network, "sticker": sticker}
    step = record(records, "transfer", config, values, needs=needs)
    return BlackboxRow(
        label=label,
        filters=filters,
        transfer=transfer,
        rates=transfer_rates(values),
        published=published,
        step=step.key,
    )


def blackbox_run(folder, name="blackbox", shape=(3, 8, 8), **settings):
    """A finished black-box run: 8 views, two ways of transfer, one filtered network."""
    records = Records(folder)
    network, surrogate = network_of(records, 0), network_of(records, 1)
    all_right, half = (STOP,) * 8, (STOP, TARGET) * 4
    same = sticker_of(records, 8, network, 0, (), shape)
    carried = sticker_of(records, 8, surrogate, 1, (9.0, 4.0, 1.25), shape)
    first = Published(accuracy=1, attack_success_rate=0.9)
    second = Published(accuracy=0.875, attack_success_rate=0.175)
    one_wrong, one_reached = (0, *all_right[1:]), (0, TARGET, *all_right[2:])
    rows = (
        row_of(records, "baseline", "same_weights", network, same, all_right, [TARGET] * 8, first),
        row_of(records, LONG, "same_weights", network, same, one_wrong, one_reached, second),
        row_of(records, "baseline", "surrogate", network, carried, all_right, half),
        row_of(records, LONG, "surrogate", network, carried, one_wrong, half),
    )
    asked = {"kind": "blackbox", "rp2": "rp2", "rows": [{"label": row.label} for row in rows[:2]]}
    results = Results[Blackbox, BlackboxRow](
        kind="blackbox",
        experiment=name,
        created="2026-01-02T03:04:05+00:00",
        computed_by=(COMPUTED.by,),
        settings=check(Blackbox, asked | settings),
        true_class="stop",
        target=EVIL,
        rows=rows,
        steps=tuple(row.step for row in rows),
        rp2_differs=(),
    )
    return write_results(folder, results)


def write_results(folder, results):
    """Put results into a run's folder."""
    write_whole(folder / "results.json", to_json(results.model_dump(mode="json")))
    return folder


def changed_row(folder, place, label=None, **rates):
    """Change a row of a finished run: its label, and the shares of some of its rates."""
    results = load_results(folder)
    rows = list(results.rows)
    row = rows[place]
    new = {name: rate(torch.arange(8) < round(8 * share)) for name, share in rates.items()}
    update = {"rates": row.rates.model_copy(update=new), "label": label or row.label}
    rows[place] = row.model_copy(update=update)
    return write_results(folder, results.model_copy(update={"rows": tuple(rows)}))


def noise_folder(folder, classes, *, train, test):
    """A data set of coloured noise."""
    generator = torch.Generator().manual_seed(1)
    for name in classes:
        for part, count in (("train", train), ("test", test)):
            (folder / part / name).mkdir(parents=True)
            for place in range(count):
                pixels = torch.randint(256, (32, 32, 3), dtype=torch.uint8, generator=generator)
                Image.fromarray(pixels.numpy()).save(folder / part / name / f"{place}.png")
    return folder


def made_up(step, needs):
    """What a step of the defenses' experiments might have found, in its real shape."""
    generator = torch.Generator().manual_seed(int(step.key[-6:], 16))

    def draw(high, *shape):
        return torch.randint(high, shape, generator=generator)

    if step.kind == "train":
        recipe, classes = step.config.recipe, step.config.classes
        weights = {"weight": torch.rand(700_000, generator=generator)}
        values = NetworkValues(
            model=recipe.model, size=recipe.size, channels=recipe.channels, classes=classes
        )
        return Outcome(values, weights)
    if step.kind == "place":
        mask = torch.zeros(32 * 32)
        mask[: step.config.pixels] = 1
        mask = mask.view(32, 32)
        values = PlaceValues(
            kind=step.config.kind,
            pixels=step.config.pixels,
            box=(0, 0, 32, 1),
            confidence_lost=0.1,
            changed=0.0,
            legible=True,
            images=4,
        )
        return Outcome(values, {"mask": mask})
    classes = needs["network"].values.classes
    if step.kind == "evaluate":
        labels = torch.arange(len(classes)).repeat_interleave(8)
        learned = "learned" in step.title
        effects = KernelEffects(
            kernels=64, largest=0.1, spread=0.2, low_pass_share=0.7, low_pass_kernels=0.9
        )
        answers = torch.where(draw(10, len(labels)) > 0, labels, draw(len(classes), len(labels)))
        values = EvaluateValues(
            classes=classes,
            labels=labels.tolist(),
            answers=answers.tolist(),
            maps=MapEffects(total_variation=30.0, relative_variation=3.0),
            kernels=effects if learned else None,
        )
        kernels = {"kernels": torch.rand(64, 5, 5, generator=generator)} if learned else {}
        return Outcome(values, kernels)
    if step.kind == "control":
        scene = placed_on(step.work.args[0], needs)
        true, views = classes.index(scene.true_class), len(scene)
        right = (true,) * views
        other = (true, *((true + 1) % len(classes),) * (views - 1))
        values = ControlValues(
            classes=classes,
            true=true,
            clean=right,
            random=[right] * 10,
            plain={"white": other, "black": right},
            fills={"grey": right, "mean": right, "inpainted": right},
        )
        return Outcome(values, {})
    scene, settings, *_ = step.work.args
    scene = placed_on(scene, needs)
    true, views = classes.index(scene.true_class), len(scene)
    targeted = settings.goal == "targeted"
    targets = [t for t in range(len(classes)) if t != true] if targeted else [true]
    attacked = torch.where(draw(3, len(targets), views) > 0, true, draw(len(classes), 1, views))
    worst = int((attacked != true).sum(1).argmax())
    noise = torch.rand(len(targets), *scene.images.shape[1:], generator=generator)
    clean, confident = torch.rand(2, views, generator=generator).tolist()
    values = WhiteboxValues(
        classes=classes,
        true=true,
        goal=settings.goal,
        targets=targets,
        views=scene.names,
        clean=Answered(classes=[true] * views, confidence=clean),
        attacked=attacked.tolist(),
        control=[[true] * views] * 10,
        l2_dissimilarity=[0.2] * len(targets),
        loss_first=9.0,
        loss_last=1.0,
        worst_target=targets[worst],
        worst_confidence=confident,
    )
    tensors = {
        "clean": scene.images,
        "mask": scene.mask,
        "worst": ((scene.floats + scene.mask * noise[worst]).clamp(0, 1) * 255).byte(),
        "loss": torch.linspace(9, 1, settings.steps).repeat(len(targets), 1),
    }
    return Outcome(values, tensors | ({"noise": noise} if settings.scope == "universal" else {}))


def defenses_run(
    folder,
    *assignments,
    experiment="whitebox",
    classes=("stop", "yield", "merge"),
    train=4,
    test=8,
    **changes,
):
    """A run of defenses side by side, of made-up records in the engine's own form."""
    data = noise_folder(folder / "data", classes, train=train, test=test)
    given = {"data": f"folder:{data}", "classes": ",".join(classes)} | changes
    described = experiments.load(experiment, assignments, given)
    records = Records(folder)
    for step in in_order(described.expand().steps):
        needs = {role: records.outcome(need) for role, need in step.needs.items()}
        records.write(step, made_up(step, needs), COMPUTED)
    experiments.run(described, folder)
    return folder


SMALL = (
    "seeds=[0, 1]", "views=6", "other_views=4", "other_classes=[yield]",
    "attacks={short: {settings: {steps: 5}}, longer: {settings: {steps: 50}, others: false},"
    "free: {settings: {steps: 5, goal: untargeted, scope: per_image}, others: false}}",
    """rows=[{label: plain}, {label: "learned <script>alert(1)</script>",
       defense: {filters: [{size: 5, after: relu1, trainable: true}],
                 penalties: [{name: l_infinity, alpha: 0}]}, alphas: [0, 0.1]}]""",
)  # fmt: skip
"""A white-box experiment of three rows, for ``defenses_run``."""


def spectra_run(folder, name, *assignments, classes=("stop", "stopAhead", "yield")):
    """A run of spectra or deeper on coloured noise: one epoch, two steps, four views."""
    data = noise_folder(folder / "data", classes, train=4, test=8)
    short = ("training.epochs=1", "views=4", "attack.steps=2", f"target='{classes[1]}'")
    described = experiments.load(
        name, [*short, *assignments], {"data": f"folder:{data}", "classes": ",".join(classes)}
    )
    experiments.run(described, folder)
    return folder


SPECTRA_ROWS = """rows=[
  {label: undefended},
  {label: "<i>input", defense: {filters: [{size: 3, after: input}]}},
  {label: learned, trained: true,
   defense: {filters: [{size: 3, after: relu1, trainable: true}]}},
]"""
DEEPER = (
    "whitebox={targets: 1, settings: {steps: 2}}",
    "rows=[{label: no filter}, {label: 3×3, defense: {filters: [{size: 3, after: each layer}]}}]",
)
"""Rows for ``spectra_run``."""
