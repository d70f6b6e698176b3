"""Keys of steps: those of the shipped experiments are held still by files under golden/.

A key that changes orphans the records of finished runs. To write the golden files anew, after
reading what the failing test says: ``python tests/test_keys.py``.
"""

import json
import os
import shutil
import tempfile
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from conftest import rp2_folder
from pydantic import BaseModel

from blurnet import experiments
from blurnet.data.scene import Scene
from blurnet.defenses.batches import ADVERSARIES, AUGMENTATIONS
from blurnet.engine import in_order
from blurnet.experiments import sources
from blurnet.experiments.steps.whitebox import WhiteboxConfig

GOLDEN = Path(__file__).parent / "golden"
FEW = {
    "adaptive": ("seeds=[0]",),
    "alphas": ("seeds=[0]",),
    "area": ("seeds=[0]", "other_classes=[]"),
    "train-defenses": ("seeds=[0]",),
    "undertraining": ("seeds=[0]",),
    "whitebox": ("seeds=[0]", "other_classes=[]"),
}
"""Changed to plan faster: signs of other classes would have to be drawn, all 11,900."""

ANEW = f"then write the golden files anew: python {Path(__file__).name}"


@pytest.fixture
def same_everywhere(monkeypatch):
    """Tell drawn signs by their names: their pixels may differ from machine to machine."""
    patch(monkeypatch.setattr)


def patch(setattr_) -> None:
    setattr_(sources, "_drawn", lambda size: {"size": size})
    setattr_(Scene, "fingerprint", lambda scene: f"{len(scene)} of {scene.true_class}")


def steps_of(name: str, *assignments: str, **changes: Any):
    plan = experiments.load(name, [*FEW.get(name, ()), *assignments], changes).expand()
    return in_order(plan.steps)


def keys_of(steps) -> list[str]:
    return [f"{step.key}  {step.title}" for step in steps]


def drawn_keys() -> dict[str, list[str]]:
    return {name: keys_of(steps_of(name)) for name in experiments.shipped()}


def rp2_keys(data: Path) -> dict[str, list[str]]:
    rp2 = str(data / "rp2")
    return {
        "blackbox --rp2": keys_of(steps_of("blackbox", rp2=rp2)),
        "spectra --rp2": keys_of(steps_of("spectra", rp2=rp2)),
        "whitebox --rp2": keys_of(steps_of("whitebox", rp2=rp2)),
        "area --data": keys_of(
            steps_of(
                "area", "other_classes=[yield]", "areas=[0.024]", data=f"folder:{data / 'lisa'}"
            )
        ),
    }


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text("utf-8"))


def check_keys(found: dict[str, list[str]], golden: dict[str, list[str]]) -> None:
    for name, keys in found.items():
        changed = [(was, now) for was, now in zip(golden[name], keys, strict=False) if was != now]
        assert keys == golden[name], (
            f"{name}: keys of steps changed, so that finished runs would be computed again; the "
            f"first: {changed[:1]}. If that is meant, {ANEW}"
        )


def test_keys_of_shipped_experiments(same_everywhere):
    check_keys(drawn_keys(), read("keys.json"))


def test_keys_on_rp2s_artifacts(shared_data, monkeypatch):
    monkeypatch.setattr(sources, "_drawn", lambda size: {"size": size})
    check_keys(rp2_keys(shared_data), read("rp2_keys.json"))


def defaults_of(kind: type[Any], found: dict[str, Any]) -> None:
    """Collect the defaults of settings and of all settings inside them, by class."""
    if kind.__name__ in found:
        return
    found[kind.__name__] = fields_ = {}
    if issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            fields_[name] = "required" if info.is_required() else plain(info.get_default())
    else:
        for each in fields(kind):
            if each.metadata.get("in_key", True):
                fields_[each.name] = "required" if each.default is MISSING else plain(each.default)
    for hint in get_type_hints(kind).values():
        for inner in inside(hint):
            defaults_of(inner, found)


def inside(hint: Any) -> list[type[Any]]:
    if isinstance(hint, type) and (issubclass(hint, BaseModel) or is_dataclass(hint)):
        return [hint]
    return [kind for argument in get_args(hint) for kind in inside(argument)]


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel) or is_dataclass(value):
        return f"{type(value).__name__}()"
    return list(value) if isinstance(value, tuple) else value


def found_defaults(rp2: Path) -> dict[str, Any]:
    """Give each kind of step's version, and the defaults of all settings in its description."""
    steps = [step for name in experiments.shipped() for step in steps_of(name)]
    steps += steps_of("blackbox", rp2=str(rp2))
    found: dict[str, Any] = {}
    for step in steps:
        kind = found.setdefault(step.kind, {"version": step.version, "defaults": {}})
        assert kind["version"] == step.version
        defaults_of(type(step.config), kind["defaults"])
        if step.kind == "train":
            for changes, _ in (*ADVERSARIES.values(), *((a, None) for a in AUGMENTATIONS.values())):
                defaults_of(changes, kind["defaults"])
    return found


def test_a_changed_default_needs_a_new_version(same_everywhere, artifacts):
    golden, found = read("defaults.json"), found_defaults(artifacts)
    assert set(found) == set(golden), f"a kind of step is new or gone; {ANEW}"
    for kind, there in golden.items():
        here = found[kind]
        if here["version"] != there["version"]:
            continue
        for name, settings in there["defaults"].items():
            for setting, default in settings.items():
                now = here["defaults"].get(name, {}).get(setting, "gone")
                assert now == default, (
                    f"{name}.{setting} was {default!r} and is {now!r}. Defaults are left out of "
                    f"keys, so records of before would be read for what was never computed: raise "
                    f"the version of steps of kind {kind!r}, {ANEW}"
                )
    assert found == golden, f"settings or versions are new; {ANEW}"


def test_every_kind_of_step_is_held(same_everywhere):
    kinds = {key.partition("-")[0] for keys in read("keys.json").values() for key in keys}
    kinds |= {key.partition("-")[0] for keys in read("rp2_keys.json").values() for key in keys}
    files = Path(experiments.__file__).parent.glob("steps/*.py")
    written = {
        line.partition('kind="')[2].partition('"')[0]
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if line.strip().startswith('kind="')
    }
    assert kinds == written


def test_a_setting_added_later_leaves_keys_alone(same_everywhere):
    step = next(step for step in steps_of("whitebox") if step.kind == "whitebox")

    class Later(WhiteboxConfig):
        added: int = 7

    later = Later(**dict(step.config))
    assert replace(step, config=later).key == step.key
    assert replace(step, config=later.model_copy(update={"added": 8})).key != step.key


def test_pieces_and_titles_make_no_difference(same_everywhere):
    row = "rows=[{{label: {}, defense: {{penalties: [{{name: l_infinity, alpha: 0}}], {}}}}}]"
    learned = "filters: [{size: 3, after: relu1, trainable: true}]"
    few = ("seeds=[0]", "other_classes=[]")
    attack = "attacks={{a: {{settings: {{steps: 5{}}}}}}}"
    one, same, other = (
        [
            step.key
            for step in steps_of(
                "whitebox", *few, row.format(label, learned), attack.format(settings)
            )
        ]
        for label, settings in (("one", ""), ("two", ", piece: 3"), ("three", ", lr: 0.2"))
    )
    assert one == same
    assert [key.partition("-")[0] for key, now in zip(one, other, strict=True) if key != now] == [
        "whitebox"
    ]


def test_where_data_lie_makes_no_difference(drawn_folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(drawn_folder, moved)
    keys = [
        [step.key for step in steps_of("blackbox", data=f"folder:{folder}", classes="all")]
        for folder in (drawn_folder, moved)
    ]
    assert keys[0] == keys[1]
    next((moved / "test" / "stop").iterdir()).unlink()
    sources._load.cache_clear()
    other = [step.key for step in steps_of("blackbox", data=f"folder:{moved}", classes="all")]
    assert not set(other) & set(keys[0])


NETWORK = """
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, classes)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))

def build(num_classes):
    return Net(num_classes)
"""


def test_a_users_network_is_told_by_its_content(drawn_folder, tmp_path):
    def key(folder: str, text: str) -> str:
        file = tmp_path / folder / "net.py"
        file.parent.mkdir()
        file.write_text(text)
        given = {"data": f"folder:{drawn_folder}", "classes": "all", "model": f"{file}:build"}
        steps = steps_of("blackbox", "transfer=[same_weights]", "rows=[{label: a}]", **given)
        return next(step.key for step in steps if step.kind == "train")

    first = key("a", NETWORK)
    assert key("b", NETWORK) == first
    assert key("c", NETWORK.replace("4", "5")) != first, "other weights"
    assert key("d", NETWORK.replace("relu", "gelu")) != first, "the same weights, other code"


def write(shared: Path) -> None:
    """Write the golden files anew; those of RP2's artifacts only where this machine has them."""
    written = {}
    if shared.is_dir():
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sources, "_drawn", lambda size: {"size": size})
            written["rp2_keys.json"] = rp2_keys(shared)
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patch(patched.setattr)
        written["keys.json"] = drawn_keys()
        written["defaults.json"] = found_defaults(rp2_folder(Path(folder) / "rp2"))
    GOLDEN.mkdir(exist_ok=True)
    for name, content in written.items():
        (GOLDEN / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write(Path(os.environ.get("BLURNET_SHARED", Path(__file__).parents[2] / "shared")) / "data")
