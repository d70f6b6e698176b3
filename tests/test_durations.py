"""Rows of several numbers of epochs: what the page says and draws about them."""

import pytest
from made_runs import SMALL, defenses_run

from blurnet import experiments, report
from blurnet.report.defenses.durations import durations_verdict, families
from blurnet.report.figures.dots import Dots, dots

ROWS = """rows=[{label: undefended, epochs: [1, 3]},
    {label: TV, epochs: [1, 3],
     defense: {penalties: [{name: total_variation, alpha: 0.1, layers: [relu1]}]}}]"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("durations")
    return defenses_run(made / "run", *[each for each in SMALL if "rows=" not in each], ROWS)


def test_the_verdict_compares_at_equal_epochs(folder):
    rows = list(experiments.load_results(folder).rows)

    def with_mean(row, mean):
        scene = row.attacks["short"][0]
        networks = tuple(each.model_copy(update={"mean": mean}) for each in scene.networks)
        changed = (scene.model_copy(update={"networks": networks}),)
        return row.model_copy(update={"attacks": row.attacks | {"short": changed}})

    means = {("undefended", 1): 0.1, ("undefended", 3): 0.5, ("TV", 1): 0.12, ("TV", 3): 0.3}
    rows = [with_mean(row, means[row.label, row.epochs]) for row in rows]
    assert [len(each) for each in families(rows).values()] == [2, 2]
    told = durations_verdict(rows, "short").replace("\u00a0", " ")
    assert "is 10.0 % after 1 epoch (test" in told
    assert "and 50.0 % after 3 epochs (" in told
    assert "“TV, α 0.1, 3 epochs”: 30.0 % beside 50.0 % undefended" in told
    assert durations_verdict([row for row in rows if row.label == "TV"], "short") == ""


def test_the_page_draws_success_over_accuracy(folder):
    report(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert "short on stop: success over test accuracy" in page
    assert "how long was trained" in page


def test_each_network_is_a_dot():
    figure = dots("x", "y", [Dots("one", (((1, 2), (3, 4)), ((5, 6), (7, 8))), ("a", "b"))])
    (axes,) = figure.axes
    assert axes.collections[0].get_offsets().tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert axes.lines[0].get_xydata().tolist() == [[2, 3], [6, 7]]
