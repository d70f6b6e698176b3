"""Run folders made by hand, through the engine's own records."""

import json

import torch
from PIL import Image

from blurnet import experiments
from blurnet.engine import Records, run
from blurnet.engine.step import Cell, Outcome, in_order
from blurnet.evaluation import attack_rates, mean_rate

EVIL = "<script>alert('x')</script>"
CLASSES = ["yield", "stop", EVIL]
STOP, TARGET = 1, 2
LONG = "[bold]& a label that does not fit into its column"


def record(records, kind, config, values, tensors=None, needs=None):
    cell = Cell(kind, kind, config, lambda *_: Outcome({}), needs or {})
    records.write(cell, Outcome(values, tensors or {}))
    return cell


def sticker_of(records, views, network, loss):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randint(256, (views, 3, 8, 8), dtype=torch.uint8, generator=generator)
    mask = torch.zeros(8, 8)
    mask[2:4, 2:6] = 1
    noise = torch.randn(3, 8, 8, generator=generator)
    settings = {"steps": len(loss), "lam": 0.02, "p": 2.0, "lr": 0.1}
    config = {"attack": settings, "seed": network.config["seed"]} if loss else {}
    values = {
        "true_class": "stop",
        "target": EVIL,
        "views": [f"view {i}" for i in range(views)],
        "l2_dissimilarity": 0.2345,
    }
    tensors = {
        "noise": noise,
        "mask": mask,
        "clean": clean,
        "adversarial": (clean / 255 + mask * noise).clamp(0, 1),
    }
    return record(
        records,
        "sticker",
        config,
        values | ({"loss": loss} if loss else {}),
        tensors,
        {"network": network} if loss else {},
    )


def row_of(records, label, transfer, network, sticker, clean, attacked, published=None):
    filters = (
        []
        if label == "baseline"
        else [{"kernel": "box", "size": 5, "after": "relu1", "padding": "zeros"}]
    )
    control = [clean] * 10
    values = {
        "classes": CLASSES,
        "true": STOP,
        "target": TARGET,
        "clean": {"classes": clean, "confidence": [0.75] * len(clean)},
        "attacked": {"classes": attacked, "confidence": [0.515] * len(clean)},
        "control": control,
    }
    config = {"label": label, "transfer": transfer}
    needs = {"network": network, "sticker": sticker}
    cell = record(records, "transfer", config, values, needs=needs)
    rates = attack_rates(torch.tensor(clean), torch.tensor(attacked), STOP, TARGET)
    measured = vars(rates) | {"control_success_rate": mean_rate(torch.tensor(control) != STOP)}
    return {
        "label": label,
        "defense": filters,
        "transfer": transfer,
        **{name: r.value for name, r in measured.items()},
        "test_accuracy": 0.912,
        "l2_dissimilarity": 0.2345,
        "images": len(clean),
        "test_images": 1000,
        "intervals": {name: [r.low, r.high] for name, r in measured.items()}
        | {"test_accuracy": [0.893, 0.928]},
        "published": published,
        "cell": cell.key,
    }


def blackbox_run(folder, **settings):
    """A finished black-box run: 8 views, two ways of transfer, one filtered network."""
    records = Records(folder)
    trained = {
        "model": "lisa_cnn",
        "classes": CLASSES,
        "train_images": 500,
        "test_accuracy": {"value": 0.912, "low": 0.893, "high": 0.928, "total": 1000},
        "epoch_losses": [2.5, 0.75],
    }
    network, surrogate = (record(records, "train", {"seed": seed}, trained) for seed in (0, 1))
    all_right, half = [STOP] * 8, [STOP, TARGET] * 4
    same = sticker_of(records, 8, network, [])
    carried = sticker_of(records, 8, surrogate, [9.0, 4.0, 1.25])
    first = {"accuracy": 1.0, "attack_success_rate": 0.9}
    one_wrong, one_reached = [0, *all_right[1:]], [0, TARGET, *all_right[2:]]
    rows = [
        row_of(records, "baseline", "same_weights", network, same, all_right, [TARGET] * 8, first),
        row_of(records, LONG, "same_weights", network, same, one_wrong, one_reached,
               {"accuracy": 0.875, "attack_success_rate": 0.175}),
        row_of(records, "baseline", "surrogate", network, carried, all_right, half),
        row_of(records, LONG, "surrogate", network, carried, one_wrong, half),
    ]  # fmt: skip
    results = {
        "experiment": "blackbox",
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"python": "3.11.7", "blurnet": "0.1.0", "machine": "Linux, 2 threads"},
        "settings": {
            "rp2": "rp2", "data": None, "seed": 0, "surrogate_seed": 1, "padding": "zeros",
        }
        | settings,
        "rows": rows,
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results))
    return folder


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


def made_up(cell, needs):
    """What a cell of the defenses' experiments might have found, in its real shape."""
    generator = torch.Generator().manual_seed(int(cell.key[-6:], 16))

    def draw(high, *shape):
        return torch.randint(high, shape, generator=generator)

    if cell.kind == "train":
        source = cell.work.args[0]
        weights = {"weight": torch.rand(700_000, generator=generator)}
        return Outcome({"classes": list(source.names())}, weights)
    classes = needs["network"].values["classes"]
    if cell.kind == "judge":
        labels = torch.arange(len(classes)).repeat_interleave(8)
        learned = "learned" in cell.title
        maps = {"total_variation": 30.0, "relative_variation": 3.0}
        effects = {"largest": 0.1, "spread": 0.2, "low_pass_share": 0.7, "low_pass_kernels": 0.9}
        answers = torch.where(draw(10, len(labels)) > 0, labels, draw(len(classes), len(labels)))
        values = {
            "classes": classes,
            "labels": labels.tolist(),
            "answers": answers.tolist(),
            "maps": maps,
            "kernels": effects if learned else None,
        }
        kernels = {"kernels": torch.rand(64, 5, 5, generator=generator)} if learned else {}
        return Outcome(values, kernels)
    scene, settings, *_ = cell.work.args
    true, views = classes.index(scene.true_class), len(scene)
    targeted = settings.goal == "targeted"
    targets = [t for t in range(len(classes)) if t != true] if targeted else [true]
    attacked = torch.where(draw(3, len(targets), views) > 0, true, draw(len(classes), 1, views))
    worst = int((attacked != true).sum(1).argmax())
    noise = torch.rand(len(targets), *scene.images.shape[1:], generator=generator)
    shares = torch.rand(2, views, generator=generator).tolist()
    values = {
        "classes": classes,
        "true": true,
        "goal": settings.goal,
        "targets": targets,
        "views": list(scene.names),
        "clean": [true] * views,
        "attacked": attacked.tolist(),
        "control": [[true] * views] * 10,
        "l2_dissimilarity": [0.2] * len(targets),
        "loss_first": 9.0,
        "loss_last": 1.0,
        "worst_target": targets[worst],
        "confidence": {"clean": shares[0], "worst": shares[1]},
    }
    tensors = {
        "clean": scene.images,
        "mask": scene.mask,
        "worst": ((scene.floats + scene.mask * noise[worst]).clamp(0, 1) * 255).byte(),
        "loss": torch.linspace(9, 1, settings.steps).repeat(len(targets), 1),
    }
    return Outcome(values, tensors | ({"noise": noise} if settings.scope == "universal" else {}))


def defenses_run(folder, *assignments, classes=("stop", "yield", "merge"), train=4, test=8):
    """A run of defenses side by side, of made-up records in the engine's own form."""
    data = noise_folder(folder / "data", classes, train=train, test=test)
    described = experiments.load(
        "whitebox", assignments, {"data": f"folder:{data}", "classes": ",".join(classes)}
    )
    records = Records(folder)
    for cell in in_order(described.expand().cells):
        needs = {role: records[need.key] for role, need in cell.needs.items()}
        records.write(cell, made_up(cell, needs))
    run(described, folder)
    return folder


SMALL = (
    "seeds=[0, 1]", "views=6", "other_views=4", "other_classes=[yield]",
    "attacks={short: {settings: {steps: 5}}, longer: {settings: {steps: 50}, others: false},"
    "free: {settings: {steps: 5, goal: untargeted, scope: per_image}, others: false}}",
    """rows=[{label: plain}, {label: "learned <script>alert(1)</script>",
       filters: [{size: 5, after: relu1, trainable: true}],
       penalties: [{name: l_infinity, alpha: 0}], alphas: [0, 0.1]}]""",
)  # fmt: skip
"""A white-box experiment of three rows, for ``defenses_run``."""


def spectra_run(folder, name, *assignments, classes=("stop", "stopAhead", "yield")):
    """A run of spectra or deeper on coloured noise: one epoch, two steps, four views."""
    data = noise_folder(folder / "data", classes, train=4, test=8)
    short = ("training.epochs=1", "views=4", "attack.steps=2", f"target='{classes[1]}'")
    described = experiments.load(
        name, [*short, *assignments], {"data": f"folder:{data}", "classes": ",".join(classes)}
    )
    run(described, folder)
    return folder


SPECTRA_ROWS = """rows=[
  {label: undefended},
  {label: "<i>input", filters: [{size: 3, after: input}]},
  {label: learned, trained: true, filters: [{size: 3, after: relu1, trainable: true}]},
]"""
DEEPER = (
    "whitebox={targets: 1, settings: {steps: 2}}",
    "rows=[{label: no filter}, {label: 3×3, filters: [{size: 3, after: each layer}]}]",
)
"""Rows for ``spectra_run``."""
