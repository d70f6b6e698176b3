"""Results, evidence and records as tables of pandas."""

import sys

import pandas as pd
import pytest
import torch
from made_runs import SMALL, blackbox_run, defenses_run, spectra_run
from test_engine import COMPUTED, Value, step

import blurnet
from blurnet import BlurnetError
from blurnet.attacks import RP2Settings
from blurnet.engine import Outcome, Records
from blurnet.evaluation import evaluate
from blurnet.evaluation.suite import Suite, SuiteAttack
from blurnet.models import build

LAST = ["measure", "value", "low", "high", "count", "total"]


def only(table, **asked):
    """The one line of a table with these values; a column that is None there is missing."""
    for name, value in asked.items():
        table = table[table[name].isna() if value is None else table[name] == value]
    assert len(table) == 1, table
    return table.iloc[0]


def same(line, rate):
    assert (line["value"], line["low"], line["high"]) == (rate.value, rate.low, rate.high)
    assert (line["count"], line["total"]) == (rate.count, rate.total)


def test_blackbox(tmp_path):
    results = blurnet.load_results(blackbox_run(tmp_path))
    table = results.frame()
    assert list(table.columns) == ["experiment", "label", "transfer", *LAST]
    for row in results.rows:
        asked = {"label": row.label, "transfer": row.transfer}
        same(only(table, measure="attack_success_rate", **asked), row.rates.attack_success_rate)
        far = only(table, measure="l2_dissimilarity", **asked)
        assert far["value"] == row.rates.l2_dissimilarity
        assert pd.isna(far["low"])
        assert pd.isna(far["total"])
    assert str(table["count"].dtype) == "Int64"


def test_defenses(tmp_path):
    folder = defenses_run(tmp_path, *SMALL)
    results = blurnet.load_results(folder)
    table = results.frame()
    for row in results.rows:
        own = {"label": row.label, "alpha": row.alpha}
        same(only(table, measure="test_accuracy", seed=None, **own), row.test_accuracy)
        assert only(table, measure="total_variation", **own)["seeds"] == len(row.networks)
        for attack, scenes in row.attacks.items():
            for scene in scenes:
                asked = own | {"attack": attack, "scene": scene.scene}
                same(only(table, measure="mean", seed=None, **asked), scene.mean)
                for target, rates in scene.targets.items():
                    line = only(table, measure="attack_success_rate", target=target, **asked)
                    assert line["value"] == rates.attack_success_rate
                for network, found in zip(row.networks, scene.networks, strict=True):
                    line = only(table, measure="worst", seed=network.seed, **asked)
                    assert line["value"] == found.worst


def test_spectra(tmp_path):
    results = blurnet.load_results(spectra_run(tmp_path, "spectra", "rows=[{label: plain}]"))
    table = results.frame()
    row = results.rows[0]
    for layer, found in row.layers.items():
        asked = {"label": row.label, "measured_layer": layer, "frequency": None}
        line = only(table, measure="attacked_minus_control", **asked)
        assert line["value"] == found.attacked_minus_control.mean
        assert line["high"] == found.attacked_minus_control.high
        assert pd.isna(line["count"])
        for ring in found.rings or ():
            asked["frequency"] = ring.frequency
            assert only(table, measure="over_clean", **asked)["value"] == ring.over_clean.mean
    same(only(table, label=row.label, measure="accuracy"), row.rates.accuracy)


def test_evidence():
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    attack = SuiteAttack(name="formula", describes="", rp2=RP2Settings(steps=2))
    labels = torch.zeros(4, dtype=torch.int64)
    found = evaluate(
        build("lisa_cnn", 3, seed=0), images, labels, mask, classes=("stop", "yield", "merge"),
        suite=Suite(name="tiny", attacks=(attack,)), network="mine",
    )  # fmt: skip
    table = found.frame()
    assert set(table["network"]) == {"mine"}
    same(only(table, measure="accuracy"), found.accuracy)
    same(only(table, measure="worst_accuracy"), found.worst.accuracy)
    same(only(table, measure="worst", attack="formula", target=None), found.attacks[0].worst)
    each = found.attacks[0].targets[0]
    assert each.target is not None
    same(
        only(table, measure="success", attack="formula", target=found.classes[each.target]),
        each.success,
    )
    for fill in found.ceiling.fills:
        same(only(table, measure="ceiling", fill=fill.name), fill.accuracy)


def test_records(tmp_path):
    folder = blackbox_run(tmp_path)
    records = blurnet.load_records(folder)
    table = records.frame()
    assert len(table) == len(records) == len(records.by_key)
    assert list(table.columns[:5]) == ["key", "kind", "version", "title", "seconds"]
    assert set(table["kind"]) == {"train", "sticker", "filter", "transfer"}
    train = table[table["kind"] == "train"].iloc[0]
    assert train["seconds"] == 1.5
    assert train["finished"] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert (train["threads"], train["cores"]) == (2, 4)
    assert train["versions.torch"] == "2.13.0"
    assert train["config.recipe.model"] == "lisa_cnn"
    assert train["config.data.train"] == "t"
    transfer = table[table["kind"] == "transfer"].iloc[0]
    assert transfer["needs.sticker"] in records.by_key


def test_no_records(tmp_path):
    with pytest.raises(BlurnetError, match="no records; give a folder of blurnet run"):
        blurnet.load_records(tmp_path)
    records = Records(tmp_path)
    described = step("kind")
    records.write(described, Outcome(Value()), COMPUTED)
    (records.root / described.key / "config.json").write_text("{")
    with pytest.raises(BlurnetError, match=r"remove .* and it is computed again"):
        blurnet.load_records(tmp_path)


def test_without_pandas(tmp_path, monkeypatch):
    folder = blackbox_run(tmp_path)
    monkeypatch.setitem(sys.modules, "pandas", None)
    for loaded in (blurnet.load_results(folder), blurnet.load_records(folder)):
        with pytest.raises(BlurnetError, match=r"pip install 'blurnet\[frame\]'"):
            loaded.frame()
