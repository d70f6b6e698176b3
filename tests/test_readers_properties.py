"""What is written and read again is the same, for whatever hypothesis thinks of."""

import json
import math
import tempfile
from pathlib import Path

import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from blurnet.attacks import read_colors
from blurnet.data import read_image, read_safetensors
from blurnet.data.tensors import to_safetensors
from blurnet.errors import BlurnetError
from blurnet.files import parse_json, read_json, to_json
from blurnet.plain_yaml import from_yaml
from blurnet.settings import change

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = TEXT.filter(lambda name: name != "__metadata__")
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT
VALUES = st.recursive(
    PLAIN | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
TYPES += [torch.bool]


@given(VALUES)
def test_yaml(value):
    for flow in (True, False):
        assert from_yaml(yaml.safe_dump(value, default_flow_style=flow)) == value


@given(VALUES)
def test_json(value):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_bytes(to_json(value))
        assert read_json(path) == value
    assert parse_json(json.dumps(value)) == value


@given(st.text())
def test_any_text_is_yaml_or_one_line(text):
    said = ""
    try:
        from_yaml(text)
    except BlurnetError as error:
        said = str(error)
    assert "\n" not in said


@given(st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), min_size=1, max_size=4), PLAIN)
def test_an_assignment_sets_one_value(names, value):
    content = {"z": {"a": 1}}
    changed = change(content, [f"{'.'.join(['q', *names])}={yaml.safe_dump(value)}"])
    for name in ["q", *names]:
        changed = changed[name]
    assert changed == value
    assert content == {"z": {"a": 1}}


@given(st.text())
def test_messages_are_one_line_and_stay_as_they_are(text):
    said = str(BlurnetError(text))
    assert len(said.splitlines()) <= 1
    assert str(BlurnetError(said)) == said
    said.encode()


@settings(deadline=None)
@given(
    st.dictionaries(
        TEXT.filter(lambda name: name != "__metadata__"), st.sampled_from(TYPES), max_size=4
    ),
    st.lists(st.integers(0, 4), max_size=3),
    st.dictionaries(TEXT, TEXT, max_size=3),
)
def test_tensors(kinds, shape, metadata):
    tensors = {name: (torch.rand(shape) * 3).to(kind) for name, kind in kinds.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        path.write_bytes(to_safetensors(tensors, metadata))
        found, told = read_safetensors(path)
    assert told == metadata
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@settings(deadline=None)
@given(
    hnp.arrays("uint8", st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3))),
    st.sampled_from(["PNG", "BMP", "PPM"]),
)
def test_pictures(pixels, kind):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        Image.fromarray(pixels).save(path, format=kind)
        assert (read_image(path).permute(1, 2, 0).numpy() == pixels).all()


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=9)
)
def test_colors(colors):
    text = "\n".join(",".join(map(repr, color)) for color in colors)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "colors.txt"
        path.write_text(text)
        assert read_colors(path).tolist() == colors
    assert all(math.isfinite(value) for color in colors for value in color)
