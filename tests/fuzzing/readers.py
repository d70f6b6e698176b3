"""Every reader, each as a function of a folder and the bytes of the file that it reads there."""

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from PIL import Image
from safetensors.torch import save
from torch import nn

from blurnet.attacks import read_colors
from blurnet.cli.named_settings import named_settings
from blurnet.cli.trained import trained_shape
from blurnet.data import check as check_data
from blurnet.data import load_images, load_noise, read_image, read_mask, read_masks
from blurnet.data.images import picture_size
from blurnet.data.tensors import read_safetensors
from blurnet.defenses import Defense, load
from blurnet.defenses import save as save_network
from blurnet.engine import Records, status_of
from blurnet.engine.failures import failure_of
from blurnet.engine.step import key_of
from blurnet.engine.working import beat_of
from blurnet.errors import BlurnetError
from blurnet.evaluation import Evidence
from blurnet.evaluation.hardened import Hardened
from blurnet.experiments import load as load_experiment
from blurnet.experiments import load_results
from blurnet.experiments.steps import values
from blurnet.files import read_json, to_json
from blurnet.models import check_network, find_input, import_model
from blurnet.models.importing import read_weights
from blurnet.models.weights import parsed, read_network
from blurnet.settings import check
from blurnet.training.checkpoint import _hash, read_checkpoint, write_checkpoint
from blurnet.training.resume import restore, state_of

from .holds import bits, same

Read = Callable[[Path, bytes], None]
LARGE = 2**20
"""A picture of more values is read, and not written again: that would only cost time."""

KEY = "train-0123456789abcdef0123"


@dataclass(frozen=True)
class Reader:
    """A reader, and the structure of what it reads; see ``mutation``."""

    read: Read
    structure: str


READERS: dict[str, Reader] = {}


def reader(structure: str) -> Callable[[Read], Read]:
    """Put a reader into ``READERS``, by its function's name."""

    def put(read: Read) -> Read:
        READERS[read.__name__] = Reader(read, structure)
        return read

    return put


def written(folder: Path, name: str, content: bytes) -> Path:
    """Write a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def json_again(kind: type[Any], content: Any) -> None:
    """Check that settings survive being written and read."""
    typed = check(kind, content)
    plain = typed.model_dump(mode="json")
    text = to_json(plain)
    again = check(kind, parsed(text.decode()))
    same(to_json(again.model_dump(mode="json")), text)


@reader("picture")
def image(folder: Path, content: bytes) -> None:
    path = written(folder, "image", content)
    picture_size(path)
    for channels in (1, 3):
        found = read_image(path, channels=channels)
        if found.numel() > LARGE:
            continue
        shown = found[0] if channels == 1 else found.permute(1, 2, 0)
        Image.fromarray(shown.numpy()).save(folder / "again.png", compress_level=1)
        same(torch.equal(read_image(folder / "again.png", channels=channels), found), True)
    try:
        read_image(path, size=8, box=(1, 1, 3, 4))
    except BlurnetError as error:
        same("not inside the picture" in str(error), True)


@reader("picture")
def mask(folder: Path, content: bytes) -> None:
    path = written(folder, "mask.png", content)
    found = read_mask(path)
    if found.numel() > LARGE:
        return
    Image.fromarray((found * 255).round().byte().numpy()).save(folder / "again.png")
    same(torch.equal(read_mask(folder / "again.png"), found), True)
    read_masks(path, ["a/b"], (8, 8))


@reader("table")
def lisa(folder: Path, content: bytes) -> None:
    written(folder, "allAnnotations.csv", content)
    _frames(folder / "video", "frame.png")
    check_data(f"lisa:{folder}", size=8)
    load_images(f"lisa:{folder}", size=8, skip_unreadable=True)
    try:
        load_images(f"lisa:{folder}")
    except BlurnetError:
        return


@reader("table")
def gtsrb(folder: Path, content: bytes) -> None:
    images, train = folder / "Final_Test/Images", folder / "Final_Training/Images/00014"
    written(images, "GT-final_test.csv", content)
    written(train, "GT-00014.csv", content)
    _frames(images, "00000.png")
    _frames(train, "00001_00000.ppm")
    check_data(f"gtsrb:{folder}", size=8)
    try:
        load_images(f"gtsrb:{folder}", classes=("stop",), skip_unreadable=True)
    except BlurnetError:
        return


@reader("text")
def layout(folder: Path, content: bytes) -> None:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for line in content.decode("utf-8", "replace").splitlines()[:20]:
        path = root / line.lstrip("/")
        if ".." in line or "\0" in line or len(line) > 100:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if line.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                Image.new("L", (1 + len(line) % 3, 4)).save(path, format="PNG")
        except OSError:
            continue
    for size in (None, 8):
        for classes in (None, ("stop",)):
            try:
                load_images(f"folder:{root}", size=size, classes=classes)
            except BlurnetError:
                continue


def _frames(folder: Path, name: str) -> None:
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((16, 12)).convert("RGB").save(folder / name)


@reader("text")
def colors(folder: Path, content: bytes) -> None:
    found = read_colors(written(folder, "colors.txt", content))
    text = "\n".join(",".join(map(repr, row)) for row in found.tolist())
    same(torch.equal(read_colors(written(folder, "again.txt", text.encode())), found), True)


@reader("safetensors")
def tensors(folder: Path, content: bytes) -> None:
    found, metadata = read_safetensors(written(folder, "a.safetensors", content))
    again = read_safetensors(written(folder, "b.safetensors", save(found, metadata)))
    same((bits(again[0]), again[1]), (bits(found), metadata))


class Small(nn.Module):
    """A network whose weights are a few bytes."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, outputs, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give logits."""
        maps: torch.Tensor = self.conv(images)
        return maps.mean((2, 3))


@reader("safetensors")
def network(folder: Path, content: bytes) -> None:
    path = written(folder, "network.safetensors", content)
    trained_shape(path)
    with contextlib.suppress(BlurnetError):
        import_model("lisa_cnn", weights=path)
    with contextlib.suppress(BlurnetError):
        read_network(path, Small)
    found = load(path, Small())
    save_network(found, folder / "again.safetensors")
    again = load(folder / "again.safetensors", Small())
    same(bits(again.state_dict()), bits(found.state_dict()))
    same((again.classes, again.size), (found.classes, found.size))


@reader("archive")
def weights(folder: Path, content: bytes) -> None:
    found, _ = read_weights(written(folder, "w.pt", content))
    plain = {name: tensor.contiguous().clone() for name, tensor in found.items()}
    again, _ = read_weights(written(folder, "w.safetensors", save(plain)))
    same(bits(again), bits(found))
    import_model("fuzzing.readers:Small", weights=folder / "w.pt", classes=("a", "b"))


@reader("archive")
def program(folder: Path, content: bytes) -> None:
    found = import_model(str(written(folder, "p.pt2", content)))
    check_network(found, find_input(found))


@reader("safetensors")
def checkpoint(folder: Path, content: bytes) -> None:
    path = written(folder, "training.safetensors", content)
    given, metadata = read_safetensors(path)
    if "blurnet" in metadata:  # its checksum made right, so that what comes after is reached
        metadata["sha256"] = _hash(metadata["blurnet"], given)
        written(folder, "training.safetensors", save(given, metadata))
    found = read_checkpoint(path)
    write_checkpoint(folder / "again.safetensors", found)
    again = read_checkpoint(folder / "again.safetensors")
    same(
        (to_json([again.description, again.progress]), bits(again.tensors)),
        (to_json([found.description, found.progress]), bits(found.tensors)),
    )
    state_of(path, found)
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    before = torch.get_rng_state()
    try:
        restore(path, found, model, optimizer, torch.Generator(), 6)
        sum(each.sum() for each in model.parameters()).backward()
        optimizer.step()
    finally:
        torch.set_rng_state(before)


@reader("safetensors")
def noise(folder: Path, content: bytes) -> None:
    written(folder, "sticker_noise.safetensors", content)
    _frames(folder / "victims", "01.png")
    found, target = load_noise(folder)
    again = save({"noise": found}, {"target": target})
    written(folder, "sticker_noise.safetensors", again)
    same(bits({"": load_noise(folder)[0]}), bits({"": found}))


@reader("yaml")
def experiment(folder: Path, content: bytes) -> None:
    found = load_experiment(str(written(folder, "mine.yaml", content))).settings
    plain = found.model_dump(mode="json", exclude_unset=True) | {"kind": found.kind}
    text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
    again = load_experiment(str(written(folder, "mine.yaml", text.encode()))).settings
    same(to_json(again.model_dump(mode="json")), to_json(found.model_dump(mode="json")))


@reader("text")
def assignments(folder: Path, content: bytes) -> None:
    lines = content.decode("utf-8", "replace").split("\n")
    load_experiment("blackbox", lines)


@reader("text")
def options(folder: Path, content: bytes) -> None:
    named_settings("--mask", content.decode("utf-8", "replace"))


@reader("json")
def defense(folder: Path, content: bytes) -> None:
    json_again(Defense, read_json(written(folder, "defense.json", content)))


@reader("json")
def hardened(folder: Path, content: bytes) -> None:
    json_again(Hardened, read_json(written(folder, "hardened.json", content)))


VALUES = (
    values.NetworkValues,
    values.StickerValues,
    values.TransferValues,
    values.EvaluateValues,
    values.WhiteboxValues,
    values.SpectraValues,
)


@reader("json")
def record(folder: Path, content: bytes) -> None:
    records = Records(folder)
    path = written(folder / "records" / KEY, "result.json", content)
    for name in ("config.json", "tensors.safetensors"):
        (path.parent / name).unlink(missing_ok=True)
    plain = read_json(path)
    for kind in VALUES:
        with contextlib.suppress(BlurnetError):
            records.read(KEY, kind)
        try:
            json_again(kind, plain)
        except BlurnetError:
            continue


@reader("json")
def description(folder: Path, content: bytes) -> None:
    records = Records(folder)
    written(folder / "records" / KEY, "config.json", content)
    written(folder / "records" / KEY, "result.json", b"{}")
    found = records.recorded(KEY)
    json_again(type(found), found.model_dump(mode="json"))
    written(folder, "plan.json", _PLAN)
    status_of(folder)
    try:
        records.checked(KEY)
    except BlurnetError as error:
        same("remove" in str(error), True)


@reader("safetensors")
def record_tensors(folder: Path, content: bytes) -> None:
    path = folder / "records" / KEY
    written(path, "result.json", b'{"model":"a","size":8,"channels":3,"classes":["a"]}')
    written(path, "tensors.safetensors", content)
    content = to_json(
        {
            "kind": "train", "version": 1, "title": "", "config": {}, "needs": {},
            "computed": {
                "by": {"versions": {}, "system": "", "machine": "", "cores": 1, "threads": 1},
                "seconds": 1, "finished": "",
            },
        }
    )  # fmt: skip
    key = key_of("train", 1, {}, {})
    written(path, "config.json", content)
    shutil.rmtree(folder / "records" / key, ignore_errors=True)
    path.rename(folder / "records" / key)
    Records(folder).read(key, values.NetworkValues)


_PLAN = to_json({"steps": [{"key": KEY, "kind": "train", "title": "t", "needs": []}], "jobs": 2})


@reader("json")
def plan(folder: Path, content: bytes) -> None:
    written(folder, "plan.json", content)
    found = status_of(folder)
    json_again(type(found), found.model_dump(mode="json"))
    str(found.left)


@reader("json")
def failure(folder: Path, content: bytes) -> None:
    written(folder, "plan.json", _PLAN)
    written(folder, f"records/.{KEY}.failed.json", content)
    found = failure_of(Records(folder), KEY)
    if found is not None:
        json_again(type(found), found.model_dump(mode="json"))
    status_of(folder)


@reader("json")
def beat(folder: Path, content: bytes) -> None:
    written(folder, "plan.json", _PLAN)
    working = folder / "records" / f".{KEY}.working"
    written(working, ".worker.json", content)
    beat_of(working)
    status_of(folder)


@reader("json")
def results(folder: Path, content: bytes) -> None:
    written(folder, "results.json", content)
    found = load_results(folder)
    text = to_json(found.model_dump(mode="json"))
    written(folder, "results.json", text)
    same(to_json(load_results(folder).model_dump(mode="json")), text)


@reader("json")
def evidence(folder: Path, content: bytes) -> None:
    written(folder, "evidence.json", content)
    found = Evidence.load(folder)
    written(folder, "evidence.json", found.to_json().encode())
    same(Evidence.load(folder).to_json(), found.to_json())


@reader("safetensors")
def pictures(folder: Path, content: bytes) -> None:
    written(folder, "evidence.json", (corpus() / "evidence" / "seed-0").read_bytes())
    written(folder, "tensors.safetensors", content)
    found = Evidence.load(folder)
    again = written(folder, "tensors.safetensors", save(found.tensors))
    same(bits(read_safetensors(again)[0]), bits(found.tensors))


def corpus() -> Path:
    """Give the folder of the inputs that are kept."""
    given = os.environ.get("BLURNET_CORPUS")
    return Path(given) if given else Path(__file__).parents[1] / "corpus"
