"""The experiments spectra and deeper: small runs, and figures by hand."""

import shutil

import pytest
import torch
from made_runs import DEEPER

from blurnet import BlurnetError, experiments
from blurnet.attacks import random_colors
from blurnet.defenses import Blur, harden
from blurnet.engine import Records
from blurnet.evaluation.attack import CONTROL_SEED, CONTROL_STICKERS
from blurnet.experiments import run
from blurnet.experiments.steps.network import filtered, network_of, read_from_file
from blurnet.experiments.steps.spectra import SpectraConfig, behind_input_filters
from blurnet.experiments.steps.values import NetworkValues, SpectraValues, StickerValues
from blurnet.filters import DepthwiseFilter, kernel
from blurnet.models import build
from blurnet.spectra import (
    activation_layers,
    comparison_of,
    high_frequency_measures,
    layer_share,
    log_magnitude,
)

EVIL = "<script>alert(1)<script>"
SMALL = ("training.epochs=1", "views=4", "attack.steps=2", f"target='{EVIL}'")
ROWS = """rows=[
  {label: undefended},
  {label: "<i>input", defense: {filters: [{size: 3, after: input}]}},
  {label: maps, defense: {filters: [{size: 5, after: relu1}]}},
  {label: undefended, trained: true},
  {label: learned, trained: true,
   defense: {filters: [{size: 3, after: relu1, trainable: true}]}},
]"""


@pytest.fixture(scope="module")
def evil_folder(drawn_folder, tmp_path_factory):
    """The drawn signs, one of their classes called by a name that no page may run."""
    folder = tmp_path_factory.mktemp("evil") / "signs"
    shutil.copytree(drawn_folder, folder)
    for part in ("train", "test"):
        (folder / part / "stopAhead").rename(folder / part / EVIL)
    return folder


def small(folder, *assignments, name="spectra"):
    data = {"data": f"folder:{folder}", "classes": "all"}
    return experiments.load(name, [*SMALL, *assignments], data)


@pytest.fixture(scope="module")
def finished(evil_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
    return run(small(evil_folder, ROWS), folder), folder


@pytest.fixture(scope="module")
def deeper(evil_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deeper")
    return run(small(evil_folder, *DEEPER, name="deeper"), folder), folder


def parts(finished, row):
    """Give a row's network, and its views clean, attacked and under the control."""
    records = Records(finished[1])
    needs = records.recorded(row.steps.spectra).needs
    sticker = records.read(needs["sticker"], StickerValues).tensors
    clean = sticker["clean"].float() / 255
    controls = random_colors(
        clean,
        sticker["mask"],
        stickers=CONTROL_STICKERS,
        generator=torch.Generator().manual_seed(CONTROL_SEED),
    )
    network = records.read(needs["network"], NetworkValues)
    return network, clean, sticker["adversarial"], list(controls)


def test_rows_hold_what_was_asked(finished):
    rows = finished[0].rows
    names = [(row.label, row.trained, row.attacker) for row in rows]
    assert names == [
        ("undefended", False, "itself"),
        ("<i>input", False, "undefended"),
        ("maps", False, "undefended"),
        ("learned", True, "itself"),
    ], "the undefended network that is trained is the one that filters are put into"
    for row in rows:
        assert list(row.layers) == ["input", "input R", "input G", "input B", "relu1", "relu2"]
        assert row.rates.test_accuracy.total == 18
        assert row.rates.accuracy.total == 4
    assert [row.kernels is None for row in rows] == [True, True, True, False]
    assert [blur.after for blur in rows[2].defense.filters] == ["relu1"]


@pytest.mark.parametrize("place", [0, 2, 3])
def test_shares_are_those_of_the_networks_own_maps(finished, place):
    row = finished[0].rows[place]
    network, clean, attacked, controls = parts(finished, row)
    layers = list(row.layers)
    measured = high_frequency_measures(
        network_of(network), clean, attacked, layers, controls=controls
    )
    for layer in layers:
        expected = comparison_of(measured[layer]).plain()
        for name in ("clean", "control", "attacked_minus_control", "energy_over_clean"):
            found = getattr(row.layers[layer], name).model_dump()
            assert found == pytest.approx(expected[name]), (layer, name)


def test_behind_an_input_filter_the_input_is_what_it_lets_through(finished):
    row = finished[0].rows[1]
    network, clean, _, _ = parts(finished, row)
    blurred = DepthwiseFilter(kernel("box", 3))(clean)
    share = float(layer_share(blurred).mean())
    assert row.layers["input"].clean.mean == pytest.approx(share, rel=1e-5)
    assert row.layers["input"].clean.mean < 0.9 * float(layer_share(clean).mean())
    behind, lets_through = behind_input_filters(network)
    torch.testing.assert_close(behind(lets_through(clean)), network_of(network)(clean))
    with torch.no_grad():
        share = float(layer_share(behind.relu1(behind.conv1(blurred))).mean())
    assert row.layers["relu1"].clean.mean == pytest.approx(share, rel=1e-5)


def test_records_keep_the_spectra_that_are_drawn(finished):
    row = finished[0].rows[0]
    network, clean, attacked, _ = parts(finished, row)
    model = network_of(network)
    record = Records(finished[1]).read(row.steps.spectra, SpectraValues)
    shown = list(record.values.layers["relu1"].shown)
    assert len(shown) == SpectraConfig.model_fields["maps_shown"].default
    assert (shown[0], shown[-1]) == (0, 63)
    with torch.no_grad():
        of = [model.relu1(model.conv1(x))[:, shown] for x in (clean, attacked)]
    expected = log_magnitude(of[0] - of[1], normalised=False)
    torch.testing.assert_close(record.tensors["mean/relu1/difference"], expected.mean(0).float())
    torch.testing.assert_close(record.tensors["view/relu1/difference"], expected[0].float())


def test_nothing_is_computed_twice(finished, evil_folder):
    results, folder = finished

    def on_begin(step, _place, _total):
        raise AssertionError(step.title)

    assert run(small(evil_folder, ROWS), folder, on_begin) == results


def test_deeper_asks_for_each_layer_of_the_network(deeper):
    rows = deeper[0].rows
    assert [row.label for row in rows] == [
        "no filter",
        "3×3 after relu1",
        "3×3 after relu2",
        "3×3 after relu3",
    ]
    assert [row.layer for row in rows] == [None, "relu1", "relu2", "relu3"]
    assert all("relu3" not in row.layers for row in rows), "its maps are 2 × 2"
    for row in rows:
        assert len(row.whitebox.targets) == 1
        assert row.whitebox.mean == row.whitebox.worst
        assert row.whitebox.worst_target in row.whitebox.targets
    plain, first = rows[0].layers["relu1"], rows[1].layers["relu1"]
    assert first.clean.mean < plain.clean.mean


def test_a_filter_in_a_finished_network_is_a_network(shared_data):
    base = read_from_file(shared_data / "rp2" / "lisa_cnn.safetensors", "lisa_cnn", size=32)
    plain = base.step.work({}, None, None)
    assert filtered(base, ()) is base
    filters = [Blur("box", 3, after="input"), Blur("box", 5, after="relu2")]
    network = filtered(base, filters)
    assert network.defense.filters == tuple(filters)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = harden(network_of(plain), *filters, example=images)(images)
    found = network_of(network.step.work({"network": plain}, None, None))(images)
    assert torch.equal(found, expected)


def test_rp2s_sticker_lowers_the_share_in_the_first_layer(shared_data, tmp_path):
    only = "rows=[{label: undefended}]"
    experiment = experiments.load("spectra", [only], {"rp2": str(shared_data / "rp2")})
    (row,) = run(experiment, tmp_path).rows
    shares = {
        layer: [
            round(100 * getattr(row.layers[layer], state).mean, 1)
            for state in ("clean", "attacked", "control")
        ]
        for layer in ("relu1", "relu2")
    }
    assert shares == {"relu1": [39.1, 35.2, 39.6], "relu2": [48.8, 58.3, 51.0]}
    assert row.rates.attack_success_rate.value == 0.9


def test_activations_are_the_networks_own():
    example = torch.zeros(1, 3, 32, 32)
    assert activation_layers(build("lisa_cnn", 4, seed=0), example) == ["relu1", "relu2", "relu3"]
    names = activation_layers(build("small_resnet", 4, seed=0), example)
    assert names[:3] == ["relu1", "block1.relu1", "block1.relu2"]
    assert activation_layers(torch.nn.Conv2d(3, 4, 3), example) == []


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (("rows=[{label: x, trained: true}]",), "give --data"),
        (
            ("rows=[{label: x, defense: {augmentation: {name: occlusion}}}]",),
            "write trained: true",
        ),
        (
            ("rows=[{label: x, defense: {filters: [{size: 3, trainable: true}]}}]",),
            "trained: true",
        ),
        (("cutoff=0.9",), "setting cutoff: 0.9"),
        (("target=stop",), "choose another"),
        (("target=nothing",), "'nothing' is not among"),
        (("rows=[{label: x, defense: {filters: [{size: 3, after: relu9}]}}]",), "relu9"),
        (("trained_sticker=both",), "trained_sticker"),
    ],
)
def test_mistakes_end_before_any_work(assignments, said, tmp_path):
    with pytest.raises(BlurnetError, match=said):
        run(experiments.load("spectra", ["views=2", *assignments]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
