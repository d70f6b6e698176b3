"""The experiments spectra and deeper: small runs, figures by hand, and words that follow them."""

import io
import shutil

import pytest
import torch
from blurnet.report.figures.drawings import drawings_in
from blurnet.report.page.reading import read_run
from made_runs import DEEPER
from rich.console import Console

from blurnet import BlurnetError, experiments
from blurnet.defenses.blur import FilterDescription, defend
from blurnet.engine import Records, run
from blurnet.experiments.steps.filtered import filtered_network
from blurnet.experiments.steps.network import network_of, published_network
from blurnet.experiments.steps.spectra import MAPS_SHOWN
from blurnet.experiments.steps.whitebox import control_images
from blurnet.filters import DepthwiseFilter, kernel
from blurnet.models import build
from blurnet.report import print_table, write_page
from blurnet.report.figures.plots import svg
from blurnet.report.kinds import kind_of
from blurnet.report.spectra.depth import depth_verdict
from blurnet.report.spectra.plots import map_rows
from blurnet.report.spectra.words import UNKNOWN, added, verdicts
from blurnet.spectra import activation_layers, high_frequency_claim, layer_share, log_magnitude

EVIL = "<script>alert(1)<script>"
SMALL = ("training.epochs=1", "views=4", "attack.steps=2", f"target='{EVIL}'")
ROWS = """rows=[
  {label: undefended},
  {label: "<i>input", filters: [{size: 3, after: input}]},
  {label: maps, filters: [{size: 5, after: relu1}]},
  {label: undefended, trained: true},
  {label: learned, trained: true, filters: [{size: 3, after: relu1, trainable: true}]},
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
    cells = records.description(row["cells"]["spectra"])["needs"]
    sticker = records[cells["sticker"]].tensors
    clean = sticker["clean"].float() / 255
    controls = control_images(clean, sticker["mask"])
    return network_of(records[cells["network"]]), clean, sticker["adversarial"], controls


def test_rows_hold_what_was_asked(finished):
    results, _ = finished
    rows = results["rows"]
    names = [(row["label"], row["trained"], row["attacker"]) for row in rows]
    assert names == [
        ("undefended", False, "itself"),
        ("<i>input", False, "undefended"),
        ("maps", False, "undefended"),
        ("learned", True, "itself"),
    ], "the undefended network that is trained is the one that filters are put into"
    for row in rows:
        assert list(row["layers"]) == ["input", "input R", "input G", "input B", "relu1", "relu2"]
        assert 0 <= row["test_accuracy"] <= 1
        assert row["images"] == 4
    assert [row["kernels"] is None for row in rows] == [True, True, True, False]


@pytest.mark.parametrize("place", [0, 2, 3])
def test_shares_are_those_of_the_networks_own_maps(finished, place):
    row = finished[0]["rows"][place]
    model, clean, attacked, controls = parts(finished, row)
    layers = list(row["layers"])
    claims = high_frequency_claim(model, clean, attacked, layers, controls=controls)
    for layer, claim in claims.items():
        for name in ("clean", "control", "attacked_minus_control", "energy_over_clean"):
            expected = getattr(claim, name)
            assert row["layers"][layer][name] == pytest.approx(
                {bound: float(x) for bound, x in expected._asdict().items()}
            ), (layer, name)


def test_behind_an_input_filter_the_input_is_what_it_lets_through(finished):
    row = finished[0]["rows"][1]
    model, clean, _, _ = parts(finished, row)
    blurred = DepthwiseFilter(kernel("box", 3))(clean)
    share = float(layer_share(blurred).mean())
    assert row["layers"]["input"]["clean"]["mean"] == pytest.approx(share, rel=1e-5)
    assert row["layers"]["input"]["clean"]["mean"] < 0.9 * float(layer_share(clean).mean())
    behind = model.get_submodule("network")
    with torch.no_grad():
        share = float(layer_share(behind.relu1(behind.conv1(blurred))).mean())
    assert row["layers"]["relu1"]["clean"]["mean"] == pytest.approx(share, rel=1e-5)


def test_records_keep_the_spectra_that_are_drawn(finished):
    row = finished[0]["rows"][0]
    model, clean, attacked, _ = parts(finished, row)
    record = Records(finished[1])[row["cells"]["spectra"]]
    shown = record.values["layers"]["relu1"]["shown"]
    assert len(shown) == MAPS_SHOWN
    assert (shown[0], shown[-1]) == (0, 63)
    with torch.no_grad():
        of = [model.relu1(model.conv1(x))[:, shown] for x in (clean, attacked)]
    expected = log_magnitude(of[0] - of[1], normalised=False)
    torch.testing.assert_close(record.tensors["mean/relu1/difference"], expected.mean(0).float())
    torch.testing.assert_close(record.tensors["view/relu1/difference"], expected[0].float())


def test_nothing_is_computed_twice(finished, evil_folder):
    results, folder = finished

    def on_cell(cell, _place, _total):
        raise AssertionError(cell.title)

    assert run(small(evil_folder, ROWS), folder, on_cell) == results


@pytest.mark.parametrize("which", ["finished", "deeper"])
def test_table_and_page(request, which):
    results, folder = request.getfixturevalue(which)
    text = io.StringIO()
    print_table(results, Console(file=text, width=80))
    assert max(map(len, text.getvalue().splitlines())) <= 80
    assert "high frequencies" in text.getvalue()
    page = write_page(folder).read_text()
    assert EVIL not in page
    assert "<i>input" not in page
    assert "&lt;script&gt;alert(1)&lt;script&gt;" in page
    assert ("Filtering deeper" in page) == (which == "deeper")
    assert ("Learned kernels" in page) == (which == "finished")


def test_figures_are_the_same_every_time(finished):
    _, folder = finished
    drawn = []
    for _ in range(2):
        shown = read_run(folder)
        sections = kind_of(shown.results).sections(shown)
        values = {title: make(shown) for title, make in sections.items()}
        drawn.append(list(drawings_in(values)))
    assert [d.name for d in drawn[0]] == [d.name for d in drawn[1]]
    assert len({d.name for d in drawn[0]}) == len(drawn[0])
    chosen = [
        place for place, d in enumerate(drawn[0]) if "undefended" in d.name or "input R" in d.name
    ]
    for place in chosen[:4]:
        assert svg(drawn[0][place].draw()) == svg(drawn[1][place].draw())


def test_deeper_asks_for_each_layer_of_the_network(deeper):
    rows = deeper[0]["rows"]
    assert [row["label"] for row in rows] == [
        "no filter",
        "3×3 after relu1",
        "3×3 after relu2",
        "3×3 after relu3",
    ]
    assert [row["layer"] for row in rows] == [None, "relu1", "relu2", "relu3"]
    assert all("relu3" not in row["layers"] for row in rows), "its maps are 2 × 2"
    for row in rows:
        assert len(row["whitebox"]["targets"]) == 1
        assert row["whitebox"]["mean"] == row["whitebox"]["worst"]
    plain, first = rows[0]["layers"]["relu1"], rows[1]["layers"]["relu1"]
    assert first["clean"]["mean"] < plain["clean"]["mean"]


def test_a_filter_in_a_finished_network_is_a_network(shared_data):
    base = published_network(shared_data / "rp2" / "lisa_cnn.safetensors", "lisa_cnn")
    plain = base.work({}, None, None)
    assert filtered_network(base, ()) is base
    filters = [FilterDescription(size=3, after="input"), FilterDescription(size=5, after="relu2")]
    cell = filtered_network(base, filters)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = defend(network_of(plain), filters, example=images)(images)
    assert torch.equal(network_of(cell.work({"network": plain}, None, None))(images), expected)


def test_rp2s_sticker_lowers_the_share_in_the_first_layer(shared_data, tmp_path):
    only = "rows=[{label: undefended}]"
    experiment = experiments.load("spectra", [only], {"rp2": str(shared_data / "rp2")})
    results = run(experiment, tmp_path)
    (row,) = results["rows"]
    relu1 = row["layers"]["relu1"]
    shares = [100 * relu1[state]["mean"] for state in ("clean", "attacked", "control")]
    assert shares == pytest.approx([39.1, 35.2, 39.6], abs=0.05)
    assert row["images"] == 40
    assert row["attack_success_rate"] == 0.9
    said = verdicts([row], results["settings"])
    first = said["Does the sticker add high frequencies to the first layer's maps?"]
    assert "Here it does not: their share falls" in first
    assert "0.19 cycles per pixel of the map, among the middle frequencies" in first
    second = said["Does the sticker add high frequencies to the second layer's maps?"]
    assert "Here it does, and more than random colours" in second


def interval(mean, half=0.01):
    return {"mean": mean, "low": mean - half, "high": mean + half}


def layer(clean, attacked, control, energy=1.0, ring=(0.19, 1.5)):
    frequency, over = ring
    return {
        "clean": interval(clean),
        "attacked": interval(attacked),
        "control": interval(control),
        "attacked_minus_clean": interval(attacked - clean),
        "attacked_minus_control": interval(attacked - control),
        "energy_over_clean": interval(energy),
        "energy_over_control": interval(1.0),
        "rings": [
            {"frequency": 0.06, "over_clean": interval(1), "over_control": interval(1)},
            {"frequency": frequency, "over_clean": interval(1), "over_control": interval(over)},
        ],
    }


@pytest.mark.parametrize(
    ("measured", "said", "not_said"),
    [
        (layer(0.3, 0.5, 0.4, ring=(0.3, 2)), "it does, and more than random", "does not"),
        (layer(0.3, 0.5, 0.5), "it does, but no more than random", "does not"),
        (layer(0.3, 0.4, 0.5), "it does, but random colours in the same mask add more", "does not"),
        (layer(0.5, 0.3, 0.5), "does not: their share falls", "it does,"),
        (layer(0.5, 0.5, 0.5), "that is not seen", "it does,"),
        (layer(0.5, 0.3, 0.5, energy=1.2), "does rise, to 1.20 (1.19 to 1.21) times", "it does,"),
        (layer(0.5, 0.3, 0.5, energy=0.8), "does not", "does rise"),
        (layer(0.3, 0.5, 0.4, ring=(0.3, 2)), "among the high frequencies", "middle"),
        (layer(0.3, 0.5, 0.4, ring=(0.1, 2)), "among the low frequencies", "middle"),
        (layer(0.3, 0.5, 0.4, ring=(0.3, 0.9)), "At no frequency", "adds most"),
    ],
)
def test_words_follow_the_figures(measured, said, not_said):
    text = added(measured, "relu1", 0.25, 40)
    assert said in text
    assert not_said not in text


def test_one_view_has_no_interval_and_nothing_is_claimed():
    measured = layer(0.3, 0.5, 0.4)
    measured["attacked_minus_clean"] = {"mean": 0.2, "low": None, "high": None}
    assert added(measured, "relu1", 0.25, 1) == UNKNOWN


def filtered_row(place, accuracy, layer_name, width=0.02):
    rate = {"accuracy": accuracy, "attack_success_rate": 0.5, "control_success_rate": 0.1}
    return {
        "label": str(place),
        "layer": layer_name,
        "defense": {"filters": [{"size": 3}] if layer_name else []},
        "intervals": {name: [x - width, x + width] for name, x in rate.items()},
        **rate,
    }


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ([0.9, 0.8, 0.7], "each deeper layer costs more than the one before, as the talk says"),
        ([0.9, 0.5, 0.7], "so beside relu1 it costs more after relu2 and relu3."),
        (
            [0.9, 0.8, 0.89],
            "so beside relu1 it costs more after relu2; for the others no difference",
        ),
        ([0.8, 0.9, 0.81], "so beside relu1 it costs less after relu2; for the others no"),
        ([0.8, 0.9, 0.7], "so beside relu1 it costs more after relu3, and less after relu2."),
        ([0.8, 0.81, 0.79], "so beside relu1 no difference is seen"),
    ],
)
def test_what_a_deeper_filter_costs_is_read_from_the_rows(accuracies, said):
    rows = [filtered_row("plain", 0.95, None)]
    rows += [filtered_row(n, a, f"relu{n}") for n, a in enumerate(accuracies, start=1)]
    assert said in depth_verdict(rows)
    assert "(95.0\u00a0% without)" in depth_verdict(rows)


def test_spectra_of_one_map_share_a_scale_in_a_figure():
    clean = torch.tensor([[[0.0, 1.0, 2.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]]).repeat(5, 1, 1)
    figure = map_rows("maps", list("abcde"), {"clean": clean, "attacked": 2 * clean})
    drawn = figure.axes[0].images[0].get_array()
    assert drawn[0, 1:3].tolist() == [0.25, 0.5], "of a highest value of 4, zero frequency apart"
    assert drawn[0, 5:7].tolist() == [0.5, 1]
    assert drawn[1, 1] == 1, "zero frequency is off the scale"


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
        (("rows=[{label: x, hardening: {name: occlusion}}]",), "write trained: true"),
        (
            ("rows=[{label: x, filters: [{size: 3, after: relu1, trainable: true}]}]",),
            "trained: true",
        ),
        (("cutoff=0.9",), "setting cutoff: 0.9"),
        (("target=stop",), "choose another"),
        (("target=nothing",), "'nothing' is not among"),
        (("rows=[{label: x, filters: [{size: 3, after: relu9}]}]",), "relu9"),
        (("trained_sticker=both",), "trained_sticker"),
    ],
)
def test_mistakes_end_before_any_work(assignments, said, tmp_path):
    with pytest.raises(BlurnetError, match=said):
        run(experiments.load("spectra", ["views=2", *assignments]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
