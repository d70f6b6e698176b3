"""Defenses against the attacks of a suite: rows are read from evaluations, and shown with them."""

import pytest
import torch

from blurnet import experiments, report
from blurnet.engine import Records
from blurnet.evaluation import Evidence
from blurnet.experiments import load_results, run
from blurnet.report.matrix.verdict import verdict

SUITE = """suite={name: tiny, control_stickers: 2, attacks: [
    {name: formula, describes: a, rp2: {steps: 2, lr: 0.5}, targets: 2},
    {name: search, describes: b, random_search: {queries: 4}, gradient: false}]}"""
ROWS = """rows=[{label: undefended},
    {label: blurred, defense: {filters: [{kernel: box, size: 3, after: relu1}]}}]"""
SMALL = (
    SUITE, ROWS, "seeds=[0, 1]", "views=6", "training.epochs=1", "other_classes=[yield]",
    "other_views=3",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(drawn_folder, tmp_path_factory):
    made = tmp_path_factory.mktemp("matrix") / "run"
    given = {"data": f"folder:{drawn_folder}", "classes": "stop,stopAhead,yield"}
    run(experiments.load("adaptive", SMALL, given), made)
    return made


def test_rows_are_what_the_evaluations_found(folder):
    results = load_results(folder)
    records = Records(folder)
    assert [row.label for row in results.rows] == ["undefended", "blurred"]
    for row in results.rows:
        assert [scene.true_class for scene in row.scenes] == ["stop", "yield"]
        for scene in row.scenes:
            found = [records.read(each.step, Evidence).values for each in scene.networks]
            assert [each.seed for each in found] == [0, 1]
            for place, attack in enumerate(scene.attacks):
                each = [one.attacks[place].any_target.value for one in found]
                assert attack.success.value == pytest.approx(sum(each) / 2)
            worst = [one.worst.success.value for one in found]
            assert scene.worst.value == pytest.approx(sum(worst) / 2)
            ceilings = [one.ceiling.accuracy.value for one in found]
            assert scene.ceiling.value == pytest.approx(sum(ceilings) / 2)
            assert scene.control.value == pytest.approx(
                sum(one.control.success.value for one in found) / 2
            )
            assert scene.worst.value >= max(attack.success.value for attack in scene.attacks)


def test_an_evaluation_is_the_one_that_blurnet_evaluate_makes(folder):
    """The record's pictures belong to it, and it can be saved as any evidence."""
    scene = load_results(folder).rows[0].scenes[0]
    outcome = Records(folder).read(scene.networks[0].step, Evidence)
    evidence = outcome.values.with_tensors(outcome.tensors)
    assert evidence.network == "undefended, seed 0"
    assert torch.equal(evidence.tensors["shown"], torch.arange(6))
    saved = evidence.save(folder.parent / "evidence")
    assert Evidence.load(saved) == evidence


def test_wording_of_a_suite_changes_no_key(drawn_folder):
    given = {"data": f"folder:{drawn_folder}", "classes": "stop,stopAhead,yield"}

    def keys(*assignments):
        plan = experiments.load("adaptive", [*SMALL, *assignments], given).expand()
        return [step.key for step in plan.steps if step.kind == "evidence"]

    assert keys() == keys(SUITE.replace("describes: a", "describes: in other words"))
    assert not set(keys()) & set(keys(SUITE.replace("steps: 2", "steps: 3")))


def test_the_page_and_the_terminal_have_the_matrix(folder):
    report(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert "Defenses against attacks: 6 images of stop" in page
    assert "On yield" in page
    assert "“blurred” loses fewest images" in verdict(load_results(folder).rows, 0)


def test_as_a_table_of_pandas(folder):
    results = load_results(folder)
    table = results.frame()
    assert set(table["label"]) == {row.label for row in results.rows}
    for row in results.rows:
        for scene in row.scenes:
            here = table[(table["label"] == row.label) & (table["scene"] == scene.true_class)]
            for attack in scene.attacks:
                (line,) = here[
                    (here["attack"] == attack.name) & (here["measure"] == "success")
                ].itertuples()
                found = attack.success
                assert (line.value, line.low, line.high) == (found.value, found.low, found.high)
            worst = here[(here["measure"] == "worst") & here["seed"].notna()]
            assert list(worst["value"]) == [each.worst.value for each in scene.networks]
