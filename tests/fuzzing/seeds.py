"""Sound inputs of every reader, written by what writes them: where fuzzing starts.

``PYTHONPATH=src:tests python -m fuzzing.seeds`` writes them into ``tests/corpus`` anew.
"""

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from made_runs import SMALL, blackbox_run, defenses_run, spectra_run
from PIL import Image
from safetensors.torch import save

import blurnet
from blurnet.data import ImageSet
from blurnet.engine import Computed, provenance
from blurnet.engine.failures import Failed
from blurnet.engine.planned import PlanFile, PlannedStep
from blurnet.engine.working import Beat
from blurnet.evaluation import rate
from blurnet.evaluation.evidence import Suite, SuiteAttack
from blurnet.evaluation.hardened import Hardened, Remembered
from blurnet.files import to_json
from blurnet.training import FitSettings, fit
from blurnet.training.checkpoint import Checkpoints

from .readers import KEY, Small, corpus

LISA = """Filename;Annotation tag;Upper left corner X;Upper left corner Y;Lower right corner X;\
Lower right corner Y;Occluded,On another road;Origin file;Origin frame number;Origin track;\
Origin track frame number
video/frame.png;stop;2;3;9;10;0,0;a.avi;1;stop_1;1
video/frame.png;yield;4;1;12;11;0,0;a.avi;2;yield_1;1
"""
GTSRB = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n{};16;12;2;3;9;10;14\n"


def seeds() -> Iterator[tuple[str, bytes]]:
    """Give names of readers and what they take."""
    torch.manual_seed(0)
    for picture in pictures():
        yield "image", picture
    for shade in ("L", "1", "RGB"):
        yield "mask", saved(Image.linear_gradient("L").resize((8, 8)).convert(shade), "PNG")
    yield "lisa", (LISA + LISA.partition("\n")[2].replace("_1;", "_2;")).encode()
    for name in ("00000.ppm", "00001_00000.ppm"):
        yield "gtsrb", GTSRB.format(name).encode()
    yield "layout", b"stop/1.png\nstop/2.png\nyield/3.png\nyield/04.png\n"
    yield "layout", b"train/stop/1.png\ntrain/yield/2.png\ntest/stop/3.png\ntest/yield/5.png\n"
    yield "layout", b"1.png\n2.png\n"
    yield "colors", b"red,green,blue\n0,0.5,1\n\n0.25,0.125,1e-3\n"
    yield from networks()
    for text in ("box:size=5", "two-stage:count=2,area=0.05,outline=octagon", "pgd:steps=3"):
        yield "options", text.encode()
    for name in ("blackbox", "whitebox", "spectra"):
        text = files("blurnet.experiments").joinpath(f"{name}.yaml").read_bytes()
        yield "experiment", text
    yield "experiment", b"kind: blackbox\nrows: [&a {label: a}, *a]\nattack: {steps: 3}\n"
    yield "assignments", b"attack.steps=5\ndata=synthetic\nseed=3\ntarget='yield'\nmask_scale=1.5"
    yield "assignments", b"rows=[{label: a, defense: {filters: [{kernel: box, size: 3}]}}]"
    yield from evaluations()
    yield from runs()


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """Write a picture."""
    file = io.BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def pictures() -> Iterator[bytes]:
    """Pictures of all kinds."""
    grey = Image.linear_gradient("L").resize((7, 5))
    color = Image.merge(
        "RGB", [grey, grey.rotate(180), grey.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    )
    turned = Image.Exif()
    turned[0x0112] = 6
    yield saved(color, "PNG")
    yield saved(color.quantize(4), "PNG", transparency=0)
    yield saved(grey.convert("1"), "PNG")
    yield saved(grey.convert("LA"), "PNG")
    yield saved(color.convert("RGBA"), "PNG", exif=turned.tobytes())
    yield saved(Image.frombytes("I;16", (7, 5), bytes(range(70))), "PNG")
    yield saved(color, "PNG", save_all=True, append_images=[color.rotate(90)])
    yield saved(color, "JPEG", exif=turned.tobytes(), quality=50)
    yield saved(color, "JPEG", progressive=True, quality=50)
    yield saved(color.convert("CMYK"), "JPEG", quality=50)
    yield saved(color, "PPM")
    yield b"P2\n3 2\n65535\n0 1 2 30000 40000 65535\n"
    yield b"P1\n3 2\n0 1 1 0 0 1\n"
    yield saved(color, "BMP")
    yield saved(color, "WEBP", lossless=True)
    yield saved(color, "WEBP", save_all=True, append_images=[color.rotate(180)])


def networks() -> Iterator[tuple[str, bytes]]:
    """Networks, weights, programs, checkpoints and other tensors."""
    plain = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2]), "c": torch.empty(0, 3)}
    plain |= {"d": torch.ones(3, dtype=torch.bfloat16), "e": torch.tensor(float("nan"))}
    yield "tensors", save(plain, {"what": "any"})
    yield "tensors", save(plain)
    told = {"source_class": "stop", "target": "yield"}
    yield "noise", save({"noise": torch.rand(3, 12, 16)}, told)
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        hard = blurnet.harden(Small(), blurnet.Blur("box", 3), example=torch.rand(1, 3, 4, 4))
        settled = blurnet.Classifier(hard, mean=0.5, std=(0.25, 0.5, 0.25), size=4)
        blurnet.save(settled, folder / "a.safetensors", classes=("a", "b"), example=[3, 4, 4])
        yield "network", (folder / "a.safetensors").read_bytes()
        blurnet.save(Small(), folder / "b.safetensors", classes=("a", "b"))
        yield "network", (folder / "b.safetensors").read_bytes()
        state = Small().state_dict()
        for content in (
            state,
            {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3},
        ):
            for new in (True, False):
                file = io.BytesIO()
                torch.save(content, file, _use_new_zipfile_serialization=new)
                yield "weights", file.getvalue()
        many = torch.export.Dim("many", max=64)
        for shapes in (None, ({0: many},)):
            exported = torch.export.export(
                Small(), (torch.rand(2, 3, 4, 4),), dynamic_shapes=shapes
            )
            torch.export.save(exported, folder / "p.pt2")
            yield "program", (folder / "p.pt2").read_bytes()
        signs = ImageSet(
            torch.randint(256, (6, 3, 4, 4), dtype=torch.uint8), torch.arange(6) % 2, ("a", "b")
        )
        for every in (1, 0):
            path = folder / f"training{every}.safetensors"
            _train(signs, Checkpoints(path, every_steps=every, every_seconds=0), cut=bool(every))
            yield "checkpoint", path.read_bytes()


def _train(signs: ImageSet, checkpoints: Checkpoints, *, cut: bool) -> None:
    def stop(done: int, _total: int) -> None:
        if cut and done == 3:
            raise InterruptedError

    with contextlib.suppress(InterruptedError):
        fit(
            Small(),
            signs,
            settings=FitSettings(epochs=2, batch_size=3, optimizer="sgd"),
            generator=torch.Generator().manual_seed(0),
            validation=signs,
            checkpoints=checkpoints,
            on_step=stop,
        )


def evaluations() -> Iterator[tuple[str, bytes]]:
    """Evidence and its pictures, defenses, a hardened network's description."""
    defense = blurnet.Defense(
        filters=[blurnet.Blur("box", 3, after="conv")],
        penalties=[blurnet.Penalty("total_variation", 1e-4, ("conv",))],
        augmentation={"name": "occlusion", "share": 0.5},
        adversarial={"name": "pgd", "steps": 3},
    )
    yield "defense", defense.model_dump_json().encode()
    computed = Computed(by=provenance(), seconds=1.5, finished="2026-01-02T03:04:05+00:00")
    hardened = Hardened(
        network="n",
        defense=defense,
        classes=("a", "b"),
        remembered=Remembered(model="m.py:build", data="folder:signs", mask="bars", size=8),
        weights=True,
        epochs=1,
        trained_on=6,
        losses=(1.5,),
        before=rate(torch.tensor([True, False])),
        after=None,
        seed=0,
        computed=computed,
    )
    yield "hardened", hardened.model_dump_json().encode()
    suite = Suite(
        name="tiny",
        describes="For fuzzing.",
        attacks=(
            SuiteAttack(
                name="formula", describes="Added.", rp2=blurnet.RP2Settings(steps=2), targets="all"
            ),
            SuiteAttack(
                name="search",
                describes="Without gradients.",
                random_search=blurnet.RandomSearchSettings(queries=3),
                gradient=False,
            ),
        ),
    )
    found = blurnet.evaluate(
        Small(), torch.rand(3, 3, 6, 6), [0, 1, 0], torch.eye(6), classes=("a", "b"), suite=suite
    )
    yield "evidence", found.to_json().encode()
    yield "pictures", save({name: t.contiguous() for name, t in found.tensors.items()})


def runs() -> Iterator[tuple[str, bytes]]:
    """What runs leave."""
    step = PlannedStep(key=KEY, kind="train", title="train a", needs=())
    more = PlannedStep(
        key=KEY.replace("train", "evaluate"), kind="evaluate", title="b", needs=(KEY,)
    )
    plan = PlanFile(steps=(step, more), jobs=2, command="blurnet run a.yaml", folder="/work")
    yield "plan", to_json(plan.model_dump(mode="json"))
    failed = Failed(kind="train", title="t", error="it fell", traceback=("a", "b"), seconds=1.5)
    yield "failure", to_json(failed.model_dump(mode="json"))
    beat = Beat(pid=1, since="2026-01-02T03:04:05+00:00", done=3, total=9, note="loss 1")
    yield "beat", beat.model_dump_json().encode()
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        for name in ("a", "b", "c"):
            (folder / name).mkdir()
        blackbox_run(folder / "a")
        defenses_run(folder / "b", *SMALL)
        spectra_run(folder / "c", "spectra", "rows=[{label: undefended}]")
        seen = set()
        for run in ("a", "b", "c"):
            yield "results", (folder / run / "results.json").read_bytes()
            for path in sorted((folder / run / "records").iterdir()):
                kind = path.name.rpartition("-")[0]
                if kind in seen or path.name.startswith("."):
                    continue
                seen.add(kind)
                yield "description", (path / "config.json").read_bytes()
                yield "record", (path / "result.json").read_bytes()
    yield "record_tensors", save({"noise": torch.rand(3, 2, 2), "mask": torch.eye(2)})


def main() -> None:
    """Write all seeds anew."""
    count: dict[str, int] = {}
    for old in corpus().glob("*/seed-*"):
        old.unlink()
    for name, content in seeds():
        place = count[name] = count.get(name, -1) + 1
        path = corpus() / name / f"seed-{place}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(json.dumps(count))


if __name__ == "__main__":
    main()
