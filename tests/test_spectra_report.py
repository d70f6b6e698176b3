"""How spectra are shown: words and figures by hand, and a small run's tables and page."""

import io
import shutil

import pytest
import torch
from rich.console import Console

from blurnet import experiments
from blurnet.defenses import Blur, Defense
from blurnet.evaluation import Rate
from blurnet.experiments.results import (
    Interval,
    LayerSpectra,
    Ring,
    SpectraRow,
    SpectraSteps,
    TransferRates,
)
from blurnet.report import print_table, write_page
from blurnet.report.blocks import Table
from blurnet.report.figures.drawings import drawings_in
from blurnet.report.figures.plots import svg
from blurnet.report.kinds import shown
from blurnet.report.page.reading import read_run
from blurnet.report.spectra.depth import depth_verdict
from blurnet.report.spectra.high_frequency_tables import energy_table, share_table, sides
from blurnet.report.spectra.plots import map_spectra
from blurnet.report.spectra.tables import depth_table
from blurnet.report.spectra.verdicts import UNKNOWN, added, smoothest, verdicts

EVIL = "<script>alert(1)<script>"
ROWS = """rows=[
  {label: undefended},
  {label: "<i>input", defense: {filters: [{size: 3, after: input}]}},
  {label: learned, trained: true, defense: {filters: [{size: 3, after: relu1, trainable: true}]}},
]"""
DEEPER = """rows=[
  {label: no filter},
  {label: 3×3, defense: {filters: [{size: 3, after: each layer}]}},
]"""


@pytest.fixture(scope="module")
def evil_folder(drawn_folder, tmp_path_factory):
    """The drawn signs, one of their classes called by a name that no page may run."""
    folder = tmp_path_factory.mktemp("evil") / "signs"
    shutil.copytree(drawn_folder, folder)
    for part in ("train", "test"):
        (folder / part / "stopAhead").rename(folder / part / EVIL)
    return folder


def small(folder, data, *assignments, name="spectra"):
    asked = ["training.epochs=1", "views=4", "attack.steps=2", f"target='{EVIL}'", *assignments]
    given = {"data": f"folder:{data}", "classes": "all"}
    return experiments.run(experiments.load(name, asked, given), folder)


@pytest.fixture(scope="module")
def finished(evil_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
    return small(folder, evil_folder, ROWS), folder


@pytest.fixture(scope="module")
def deeper(evil_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deeper")
    few = ("whitebox.targets=1", "whitebox.settings.steps=1")
    return small(folder, evil_folder, DEEPER, *few, name="deeper"), folder


@pytest.mark.parametrize("which", ["finished", "deeper"])
def test_table_and_page(request, which):
    results, folder = request.getfixturevalue(which)
    text = io.StringIO()
    print_table(results, Console(file=text, width=80))
    assert max(map(len, text.getvalue().splitlines())) <= 80
    assert "High frequencies in relu1, share (in %)" in text.getvalue()
    assert "does not add" not in text.getvalue()
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
        found = read_run(folder)
        sections = shown("spectra").sections(found)
        drawn.append(list(drawings_in([section.content for section in sections])))
    assert [d.name for d in drawn[0]] == [d.name for d in drawn[1]]
    assert len({d.name for d in drawn[0]}) == len(drawn[0])
    kinds = ("Share of", "Spectra of", "What the", "Learned")
    for kind in kinds:
        place = next(place for place, d in enumerate(drawn[0]) if d.name.startswith(kind))
        assert svg(drawn[0][place].draw()) == svg(drawn[1][place].draw())


def test_runs_are_compared_by_every_rate_and_share(deeper):
    results, _ = deeper
    named = {(each.row, each.measure.name): each for each in shown("spectra").measures(results)}
    row = results.rows[0]
    assert named[row.label, "attack success"].value == row.rates.attack_success_rate.value
    assert named[row.label, "white-box"].value == row.whitebox.mean.value
    share = named[row.label, "high frequencies in relu1, clean"]
    assert (share.value, share.images) == (row.layers["relu1"].clean.mean, 4)
    assert share.limits.low < share.value < share.limits.high


def interval(mean, half=0.01):
    return Interval(mean=mean, low=mean - half, high=mean + half)


def layer(clean, attacked, control, energy=1.0, ring=(0.19, 1.5)):
    frequency, over = ring
    return LayerSpectra(
        maps=3,
        clean=interval(clean),
        attacked=interval(attacked),
        control=interval(control),
        attacked_minus_clean=interval(attacked - clean),
        attacked_minus_control=interval(attacked - control),
        energy_over_clean=interval(energy),
        energy_over_control=interval(1.0),
        difference=interval(0.5),
        control_difference=interval(0.6),
        rings=(
            Ring(frequency=0.06, over_clean=interval(1), over_control=interval(1)),
            Ring(frequency=frequency, over_clean=interval(1), over_control=interval(over)),
        ),
    )


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
    unknown = Interval(mean=0.2, low=None, high=None)
    measured = layer(0.3, 0.5, 0.4).model_copy(update={"attacked_minus_clean": unknown})
    assert added(measured, "relu1", 0.25, 1) == UNKNOWN
    (row,) = share_table("t", {"x": measured}).rows
    assert (row.cells[3].page, row.cells[3].terminal, row.cells[3].interval) == (
        "+20.0",
        "+20.0",
        "–",
    )


def test_one_table_for_page_and_terminal():
    rows = {"relu1": layer(0.391, 0.352, 0.396, energy=1.2), "relu2": layer(0.4, 0.5, 0.4)}
    share, energy = share_table("s", rows, below=sides(rows)), energy_table("e", rows)
    cells = share.rows[0].cells
    assert [cell.terminal for cell in cells] == ["39.1", "35.2", "39.6", "−3.9", "−4.4"]
    assert (cells[3].page, cells[3].interval) == ("−3.9 (−4.9 to −2.9)", "−4.9…−2.9")
    cells = energy.rows[0].cells
    assert (cells[0].page, cells[0].interval) == ("1.20 (1.19 to 1.21)", "1.19…1.21")
    assert "Attacked against the clean images: higher in relu2; lower in relu1." in share.below
    both = "higher in relu1; no difference seen in relu2."
    assert f"Attacked against the clean images: {both}" in sides(rows, of="energy")


def rate(value, half=0.02, total=40):
    return Rate(value, value - half, value + half, round(value * total), total)


def row(label, layer_name=None, *, accuracy=0.9, tested=None, layers=None):
    filters = (Blur(size=3, after=layer_name),) if layer_name else ()
    return SpectraRow(
        label=label,
        trained=False,
        defense=Defense(filters=filters),
        layer=layer_name,
        attacker="undefended",
        rates=TransferRates(
            accuracy=rate(accuracy),
            attack_success_rate=rate(0.5),
            prediction_altered_rate=rate(0.5),
            target_reached_rate=rate(0.4),
            control_success_rate=rate(0.1),
            test_accuracy=None if tested is None else rate(tested, total=200),
            l2_dissimilarity=0.2,
        ),
        layers=layers or {"input": layer(0.2, 0.2, 0.2), "relu1": layer(0.5, 0.4, 0.5)},
        kernels=None,
        whitebox=None,
        steps=SpectraSteps(spectra="s", transfer="t", whitebox=None),
    )


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
    filtered = [row(str(n), f"relu{n}", accuracy=a) for n, a in enumerate(accuracies, start=1)]
    rows = [row("plain", accuracy=0.95), *filtered]
    assert said in depth_verdict(rows)
    assert "(95.0\u00a0% without) of the clean views" in depth_verdict(rows)
    table = depth_table("t", rows)
    assert [cell.terminal for cell in table.rows[1].cells[:2]] == ["50.0", "50.0"]
    assert table.rows[2].cells[0].terminal == "–", "relu2 was not measured"


def test_the_smoothest_defense_and_its_price():
    smooth = {"input": layer(0.2, 0.2, 0.2), "relu1": layer(0.1, 0.1, 0.1)}
    rows = [row("plain", tested=0.9), row("a", "relu1", tested=0.8)]
    rows.append(row("b", "relu1", tested=0.7, layers=smooth))
    said = smoothest(rows)
    assert "Of 2 defended networks, “b” has the fewest high frequencies in relu1's maps" in said
    assert "10.0\u00a0% (undefended: 50.0\u00a0%) of the energy" in said
    assert "70.0\u00a0% (undefended: 90.0\u00a0%) of the test images are right" in said


def test_the_talks_claims_are_answered_for_the_undefended_network():
    said = verdicts([row("a", "relu1"), row("plain")], 0.25)
    assert list(said)[1] == "Does the sticker add high frequencies to the first layer's maps?"
    assert said[list(said)[1]].startswith("The talk says yes. Here it does not")
    assert verdicts([row("a", "relu1")], 0.25)[list(said)[1]].startswith("On “a”: The talk")


def test_spectra_of_one_map_share_a_scale_in_a_figure():
    clean = torch.tensor([[[0.0, 1.0, 2.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]]).repeat(5, 1, 1)
    figure = map_spectra("maps", list("abcde"), {"clean": clean, "attacked": 2 * clean})
    drawn = figure.axes[0].images[0].get_array()
    assert drawn[0, 1:3].tolist() == [0.25, 0.5], "of a highest value of 4, zero frequency apart"
    assert drawn[0, 6:8].tolist() == [0.5, 1]
    assert drawn[1, 1] == 1, "zero frequency is off the scale"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list("abcde")


def test_many_maps_are_laid_out_in_a_square_and_photographs_of_any_channels_above():
    maps = torch.rand(10, 6, 6)
    photographs = [torch.rand(1, 6, 6), torch.rand(1, 6, 6)]
    figure = map_spectra("maps", list("abcdefghij"), {"clean": maps, "attacked": maps}, photographs)
    assert len(figure.axes[0].images) == 3
    assert figure.axes[0].images[-1].get_array().shape == (3 * 7 - 1, 2 * (4 * 7 - 1) + 3)
    assert not figure.axes[0].get_yticks().size


def test_rp2s_sticker_lowers_the_share_in_the_first_layer(shared_data, tmp_path):
    only = "rows=[{label: undefended}]"
    experiment = experiments.load("spectra", [only], {"rp2": str(shared_data / "rp2")})
    results = experiments.run(experiment, tmp_path)
    (found,) = results.rows
    relu1 = found.layers["relu1"]
    shares = [100 * share.mean for share in (relu1.clean, relu1.attacked, relu1.control)]
    assert shares == pytest.approx([39.1, 35.2, 39.6], abs=0.05)
    assert (found.rates.accuracy.total, found.rates.attack_success_rate.value) == (40, 0.9)
    said = verdicts([found], results.settings.cutoff)
    first = said["Does the sticker add high frequencies to the first layer's maps?"]
    assert "Here it does not: their share falls" in first
    assert "0.19 cycles per pixel of the map, among the middle frequencies" in first
    second = said["Does the sticker add high frequencies to the second layer's maps?"]
    assert "Here it does, and more than random colours" in second
    tables = [each for each in shown("spectra").tables(results) if isinstance(each, Table)]
    assert [table.title for table in tables][:2] == ["Answers", "High frequencies in relu1, share"]
