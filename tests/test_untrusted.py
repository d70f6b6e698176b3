"""Files from strangers: no code is run, nothing explodes, and what is wrong is said in one line."""

import ast
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from blurnet.data import read_safetensors
from blurnet.defenses import load
from blurnet.engine import Records, status_of
from blurnet.engine.planned import PlannedStep
from blurnet.errors import BlurnetError
from blurnet.experiments import load as load_experiment
from blurnet.files import parse_json, read_bytes, read_json
from blurnet.models import import_model
from blurnet.models.archives import _is_expression
from blurnet.models.importing import read_weights
from blurnet.plain_yaml import from_yaml
from blurnet.settings import change, check

SOURCE = Path(__file__).parents[1] / "src/blurnet"
TRUSTED = {
    "engine/worker.py": "steps come through a pipe from the run that started this very process",
    "engine/ray_task.py": "steps come from the driver through Ray, which runs its code anyway",
}
"""Where a pickle is read, and why no stranger's."""

CHECKED = {
    "models/importing.py": {"torch.load", "torch.export.load"},
    "files.py": {"json.loads"},
    "data/tensors.py": {"json.loads"},
    "training/checkpoint.py": {"json.loads"},
    "training/resume.py": {"json.loads"},
}
"""Where a reader of somebody else's is called: each place was looked at."""

READERS = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.loads", "dill.loads",
    "joblib.load", "marshal.loads", "shelve.open", "torch.load", "torch.export.load",
    "torch.jit.load", "torch.hub.load", "np.load", "numpy.load", "yaml.load", "yaml.safe_load",
    "yaml.full_load", "yaml.unsafe_load", "json.load", "json.loads", "eval", "exec",
    "pd.read_pickle",
}  # fmt: skip


def calls(tree):
    """Give the dotted names that are called, and the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_pickle_is_read_but_a_runs_own():
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        tree = ast.parse(path.read_text("utf-8"))
        for called, node in calls(tree):
            if called in READERS:
                found.setdefault(name, set()).add(called)
            if called == "torch.load":
                given = {each.arg: ast.unparse(each.value) for each in node.keywords}
                assert given["weights_only"] == "True", name
        renamed = [
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in {"pickle", "marshal", "dill"}
            for alias in node.names
        ]
        assert not renamed, f"{name}: write pickle.loads, so that this test sees it"
    pickles = {name for name, each in found.items() if "pickle.loads" in each}
    assert pickles == set(TRUSTED)
    assert {name: each for name, each in found.items() if name not in TRUSTED} == CHECKED


class Runs:
    """A pickle that leaves a file where it is opened."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (Path.touch, (Path(self.place),))


@pytest.fixture
def program(tmp_path):
    exported = torch.export.export(nn.Conv2d(3, 2, 3), (torch.rand(2, 3, 8, 8),))
    path = tmp_path / "p.pt2"
    torch.export.save(exported, path)
    return path


def with_member(path, wanted, content):
    """Give a program with one member of its archive exchanged."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(each for each in members if each.endswith(wanted))
    members[name] = content(members[name]) if callable(content) else content
    made = path.with_name("changed.pt2")
    with zipfile.ZipFile(made, "w") as archive:
        for each, inside in members.items():
            archive.writestr(each, inside)
    return made


def test_a_program_runs_no_pickle(program, tmp_path):
    file = io.BytesIO()
    torch.save(((Runs(tmp_path / "owned"),), {}), file)
    changed = with_member(program, "sample_inputs/model.pt", file.getvalue())
    with suppress(Exception):  # what this guards against: PyTorch itself opens it
        torch.export.load(changed)
    assert (tmp_path / "owned").exists()
    (tmp_path / "owned").unlink()
    with pytest.raises(BlurnetError, match="not an exported program"):
        import_model(str(changed))
    assert not (tmp_path / "owned").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_pytorch_opens_what_was_looked_at(program):
    """Python takes what lies before an archive for a prefix; PyTorch follows the number in it."""
    sound = with_member(program, "models/model.json", lambda text: text).read_bytes()
    wrong = with_member(program, "models/model.json", lambda text: text.replace(b"aten", b"xten"))
    hidden = wrong.read_bytes()
    both = program.with_name("both.pt2")
    both.write_bytes(hidden[: hidden.rindex(b"PK\5\6")] + sound)
    with zipfile.ZipFile(both) as archive:
        seen = archive.read(next(each for each in archive.namelist() if "models/" in each))
    assert b"xten" not in seen
    assert b"xten" in torch._C.PyTorchFileReader(str(both)).get_record("models/model.json")
    assert import_model(str(both))(torch.rand(2, 3, 8, 8)).shape == (2, 2, 6, 6)


def test_two_members_of_one_name(program):
    twice = program.with_name("twice.pt2")
    with zipfile.ZipFile(program) as archive, zipfile.ZipFile(twice, "w") as made:
        for name in archive.namelist():
            made.writestr(name, archive.read(name))
        made.writestr("p/Models/model.json", b"{}")
    with pytest.raises(BlurnetError, match="two of its members have one name"):
        import_model(str(twice))


CODE = {
    "its graph calls 'torch.os.system'": (
        "models/model.json",
        lambda text: text.replace(b"torch.ops.aten.conv2d.default", b"torch.os.system"),
    ),
    "its graph calls 'torch.ops.aten.from_file.default'": (
        "models/model.json",
        lambda text: text.replace(b"aten.conv2d.default", b"aten.from_file.default"),
    ),
    "it holds a pickle": (
        "weights_config.json",
        lambda text: text.replace(b'"use_pickle": false', b'"use_pickle": true'),
    ),
    "it holds 'opaque_obj_0'": (
        "weights_config.json",
        lambda text: text.replace(b'"weight_0"', b'"opaque_obj_0"'),
    ),
    "is no expression of lengths": (
        "models/model.json",
        lambda text: text.replace(
            b'"as_int": 3', b'"as_expr": {"expr_str": "__import__(chr(111))", "hint": null}', 1
        ),
    ),
    "its models/model.json is not JSON": ("models/model.json", b"{" * 1000),
}


@pytest.mark.parametrize("said", CODE)
def test_a_program_holds_no_code(said, program):
    wanted, content = CODE[said]
    with pytest.raises(BlurnetError) as error:
        import_model(str(with_member(program, wanted, content)))
    assert said.replace("its models", "models") in str(error.value)


def test_a_sound_program_is_read(program):
    assert import_model(str(program))(torch.rand(2, 3, 8, 8)).shape == (2, 2, 6, 6)


def test_expressions_of_lengths():
    for sound in (
        "s77", "2*s0 + 1", "Symbol('s34', positive=True, integer=True)", "s0//2", "Max(1, s0)",
        "FloorDiv(Add(Symbol('s1', integer=True), Integer(-1)), Integer(2))",
    ):  # fmt: skip
        assert _is_expression(sound), sound
    for wrong in (
        "__import__('os').system('x')", "9**9**9", "s0.__class__", "open('x')", "", "x" * 600,
        "().__class__", "lambda: 1", "Pow(Integer(99999), Integer(99999))", "plot(s0)", 3,
    ):  # fmt: skip
        assert not _is_expression(wrong), wrong


def test_a_file_names_nothing_of_pythons_own_as_its_network(tmp_path):
    path = tmp_path / "network.safetensors"
    for spec in ("os:abort", "os.path:exists", "builtins:exit"):
        path.write_bytes(save({"a": torch.ones(1)}, {"model": json.dumps(spec)}))
        with pytest.raises(BlurnetError, match="of Python itself"):
            load(path)


def test_weights_run_no_pickle(tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(pickle.dumps(Runs(tmp_path / "owned")))
    with pytest.raises(BlurnetError):
        read_weights(path)
    torch.save({"a": Runs(tmp_path / "owned")}, path)
    with pytest.raises(BlurnetError, match="more than tensors"):
        read_weights(path)
    assert not (tmp_path / "owned").exists()


def test_weights_that_stand_for_more_than_is_stored(tmp_path):
    torch.save({"a": torch.zeros(1).expand(2**40)}, tmp_path / "w.pt")
    with pytest.raises(BlurnetError, match="stored as 4 bytes"):
        read_weights(tmp_path / "w.pt")


YAML = {
    "twice": "a: 1\na: 2",
    "more than 10000 values": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "contains itself": "a: &a [*a]",
    "nested too deeply": "[" * 5000,
    "levels": "- " * 30 + "a",
    "python/object": "!!python/object/apply:os.system [echo]",
    "is no text": "1: a",
    "a date is no setting": "a: 2020-01-01",
    "not YAML": "a: 2020-99-99",
    "a set is no setting": "a: !!set {b}",
    "64 bits": "a: 0x" + "f" * 40,
    "characters that no file can hold": 'a: "\\0"',
    "characters of YAML": "a" * 2**17,
}


@pytest.mark.parametrize("said", YAML)
def test_yaml_that_is_refused(said, tmp_path):
    with pytest.raises(BlurnetError, match=said):
        from_yaml(YAML[said])
    (tmp_path / "a.yaml").write_text(YAML[said])
    with pytest.raises(BlurnetError, match=r"a\.yaml: ") as error:
        load_experiment(str(tmp_path / "a.yaml"))
    assert "\n" not in str(error.value)


def test_yaml_that_is_read():
    text = "kind: a\nrows: [&x {b: 1.5, c: yes}, *x, {<<: *x, d: ~}]\n"
    row = {"b": 1.5, "c": True}
    assert from_yaml(text) == {"kind": "a", "rows": [row, row, {**row, "d": None}]}
    assert from_yaml("") is None
    with pytest.raises(BlurnetError, match="names deep"):
        change({}, [".".join("a" * 20) + "=1"])


def test_json_that_is_refused():
    for text in ("[" * 200 + "]" * 200, "[" * 10**5, '"\\ud800"', "{", "1" * 5000):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            parse_json(text)
    assert parse_json('["\\ud83d\\ude00", 1e999]')[0] == "😀"


def test_errors_are_one_line_whatever_they_quote():
    error = BlurnetError("a\nb\x1b[31m\u202e\ud800 é 漢 " + "x" * 10_000)
    assert "\n" not in str(error)
    assert str(error).startswith("a\\nb\\x1b[31m\\u202e\\ud800 é 漢 ")
    assert len(str(error).encode()) < 5000
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_pipes_and_folders_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (read_json, read_safetensors, read_bytes):
        with pytest.raises(BlurnetError, match="ordinary file"):
            read(tmp_path / "pipe")
        with pytest.raises(BlurnetError, match="a folder, where a file"):
            read(tmp_path)


def test_plans_and_records_name_no_other_files(tmp_path):
    for key in ("../../etc", "/etc/passwd", "a/b-" + "0" * 20, "train-0", ""):
        with pytest.raises(BlurnetError):
            check(PlannedStep, {"key": key, "kind": "a", "title": "b"})
    (tmp_path / "plan.json").write_text(json.dumps({"steps": [], "jobs": 0}))
    with pytest.raises(BlurnetError, match="jobs"):
        status_of(tmp_path)
    assert "nothing" not in Records(tmp_path)


BOMBS = """
import json, resource, sys, time
from pathlib import Path
from blurnet.data import read_image, read_mask, read_safetensors
from blurnet.errors import BlurnetError
from blurnet.experiments import load
from blurnet.files import read_json
from blurnet.models import import_model
from blurnet.models.importing import read_weights

READ = {
    "png": read_image, "gray": read_mask, "jpg": read_image, "ppm": read_image,
    "safetensors": read_safetensors, "json": read_json, "yaml": lambda path: load(str(path)),
    "pt": read_weights, "pt2": lambda path: import_model(str(path)),
}
import torch._export.serde.serialize
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = now + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        READ[path.suffix[1:]](path)
        print(json.dumps([path.name, "read", time.process_time() - start]))
    except BlurnetError as error:
        print(json.dumps([path.name, str(error), time.process_time() - start]))
"""


def png(width, height, depth, kind, rows):
    """Write a PNG by hand."""

    def chunk(name, data):
        named = name + data
        return struct.pack(">I", len(data)) + named + struct.pack(">I", zlib.crc32(named))

    head = struct.pack(">II5B", width, height, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zeros(count):
    """Compress so many zeros, without holding them."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(2**20)) for _ in range(count // 2**20)]
    return b"".join([*parts, packer.compress(bytes(count % 2**20)), packer.flush()])


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_bombs_take_at_most_a_gibibyte(tmp_path):
    largest = zeros(8000 * (8000 * 2 + 1))
    (tmp_path / "a.png").write_bytes(png(50_000, 50_000, 8, 2, largest))
    (tmp_path / "c.gray").write_bytes(png(8000, 8000, 16, 0, largest))
    (tmp_path / "d.ppm").write_bytes(b"P6\n8000 8000\n255\n123")
    lie = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    header = json.dumps(lie).encode()
    (tmp_path / "e.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (tmp_path / "f.safetensors").write_bytes(struct.pack("<Q", 2**62) + header)
    (tmp_path / "g.json").write_text("[" * 10**6)
    (tmp_path / "h.json").write_text("[" + "{}," * 10**6 + "{}]")
    (tmp_path / "i.yaml").write_text(YAML["more than 10000 values"])
    (tmp_path / "j.yaml").write_text("a: " + "{a: " * 10_000)
    for name in ("k.pt", "l.pt2"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
            with archive.open("archive/data/0", "w", force_zip64=True) as file:
                for _ in range(100):
                    file.write(bytes(2**20))
    (tmp_path / "m.safetensors").write_bytes(save({"a": torch.ones(3)}))
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BOMBS, tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lines = map(json.loads, ended.stdout.splitlines())
    found = {name: (said, seconds) for name, said, seconds in lines}
    assert len(found) == 12
    assert {name for name, (said, _) in found.items() if said == "read"} == {
        "c.gray", "h.json", "m.safetensors",
    }  # fmt: skip
    assert all(seconds < 8 for _, seconds in found.values())
    assert "megapixels" in found["a.png"][0]
    assert "unpacks to" in found["k.pt"][0]
    assert "unpacks to" in found["l.pt2"][0]
