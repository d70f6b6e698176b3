"""What pages and tables say of differences: pairs, brackets, seeds, controls."""

import re

import pytest
import torch
from made_runs import SMALL, defenses_run, write_results

from blurnet.evaluation import rate
from blurnet.evaluation.statistics import paired
from blurnet.experiments import load_results
from blurnet.experiments.brackets import Bracketed, Covered, Fooled
from blurnet.report import write_page, write_report
from blurnet.report.bracket_table import bracket_table, weak_words
from blurnet.report.defenses.words import matched
from blurnet.report.pairs import (
    detectable_words,
    difference_of,
    pair_of,
    seeds_words,
    settled_words,
)


def fooled(*rows, scene="s", tried=1):
    return Fooled(scene=scene, tried=tried, counts=tuple(" ".join(map(str, row)) for row in rows))


def plain(text):
    return " ".join(re.sub("<[^>]+>", " ", text).replace("\u00a0", " ").split())


def test_ten_photographs_against_none_helped():
    ten, none = fooled([1] * 10 + [0] * 30), fooled([0] * 40)
    said = settled_words(pair_of(ten, none), "it fools one", "it fools the other")
    assert "alone on 10" in said
    assert "p = 0.002, so it helped" in said
    five = settled_words(pair_of(fooled([1] * 5 + [0] * 35), none), "it fools one", "the other")
    assert "do not settle that it helped, which takes at least 6 images" in five


def test_the_best_of_several_has_to_be_better_than_chance_makes_the_best_of_several():
    pair = paired(torch.arange(40) < 6, torch.zeros(40, dtype=torch.bool))
    assert "so it helped" in settled_words(pair, "a", "b")
    assert "do not settle" in settled_words(pair, "a", "b", compared=4)


def test_only_the_same_images_attacked_alike_are_pairs():
    one = fooled([1, 0], [1, 1])
    assert difference_of(one, one).value == 0
    for other in (
        fooled([1, 0], [1, 1], scene="t"),
        fooled([1, 0], [1, 1], tried=2),
        fooled([1, 0]),
        None,
    ):
        assert difference_of(one, other) is None
    shares = difference_of(fooled([2, 4], tried=4), fooled([0, 2], tried=4))
    assert shares.value == pytest.approx(-0.5)
    assert shares.p == (), "an image that counts by a share has no McNemar test"


def test_forty_images_and_what_they_can_show():
    said = plain(detectable_words(40))
    assert "at least 6 images, 15.0 %" in said
    assert "a true difference of 19.0 % is found in 4 of 5" in said
    assert "in 56.7 % of them at best" in said
    assert "too few" in detectable_words(4)


def test_few_seeds_are_not_compared():
    assert seeds_words(3) == "3 of 5 seeds: do not compare"
    assert seeds_words(5) == "5 seeds"


def share(value):
    return rate(torch.arange(40) < round(40 * value))


def covered(control=0.0, strongest=0.0, ceiling=1.0):
    return Covered(
        accuracy=share(1),
        control=share(control),
        strongest=share(strongest),
        strongest_by=("black",),
        any_sticker=share(strongest),
        plain={},
        ceiling=share(ceiling),
        fills=("grey",),
    )


def test_a_place_that_hides_too_much_is_ill_posed():
    assert covered().well_posed
    assert covered(control=0.05, ceiling=0.95).well_posed
    assert not covered(control=0.075).well_posed
    assert not covered(ceiling=0.925).well_posed


def test_an_attack_below_a_plain_sticker_is_said_to_be():
    assert "nobody searched for is enough for 30.0" in weak_words(share(0.175), covered(0, 0.3))
    assert weak_words(share(0.3), covered(0, 0.3)) == ""


def test_a_bracket_is_shown_between_control_and_ceiling():
    bracket = Bracketed(
        scene="stop",
        images=40,
        accuracy=share(1),
        attacked=share(0.25),
        attacks=("a", "b"),
        covered=covered(0.1, 0.3, 0.95),
    )
    (row,) = bracket_table("t", [("mine", bracket)]).rows
    assert [cell.page.replace("\u00a0", " ") for cell in row.cells] == [
        "100.0 %", "90.0 %", "70.0 %", "95.0 %", "25.0 %", "0–25.0 %", "ill-posed",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return defenses_run(tmp_path_factory.mktemp("run"), *SMALL)


def test_a_page_of_defenses_has_bracket_control_ceiling_and_pairs(run):
    page = plain(write_page(run).read_text())
    for said in (
        "The bracket on stop, 2 of 5 seeds: do not compare",
        "strongest control",
        "against undefended",
        "Line across: under the strongest sticker that nobody searched for",
        "do not compare before there are 5",
        "What 6 images can show",
    ):
        assert said in page, said


def test_a_defense_is_compared_with_what_was_trained_alike(run):
    results = load_results(run)
    bare, *defended = results.rows
    assert all(matched(results.rows, row) is bare for row in defended)
    other = bare.model_copy(update={"trained_as": "longer"})
    assert matched([other, *defended], defended[0]) is None
    seeds = tuple(n.model_copy(update={"seed": n.seed + 7}) for n in bare.networks)
    assert matched([bare.model_copy(update={"networks": seeds}), *defended], defended[0]) is None
    write_results(run, results.model_copy(update={"rows": (other, *defended)}))
    page = plain(write_page(run).read_text())
    write_results(run, results)
    assert "No undefended network of the same training and seeds stands beside it" in page
    assert "no match" in page


def test_runs_on_the_same_images_are_compared_as_pairs(tmp_path, shared_data):
    from blurnet import experiments

    folders = []
    for name, padding in (("zeros", "zeros"), ("reflect", "reflect")):
        asked = experiments.load(
            "blackbox", [f"padding={padding}"], {"rp2": str(shared_data / "rp2")}
        )
        experiments.run(asked, tmp_path / name)
        folders.append(tmp_path / name)
    report = write_report(folders, tmp_path / "out", None)
    page = plain(report.page.read_text())
    assert "compared as pairs" in page
    (row,) = [
        row
        for row in report.values["rows"]
        if row["row"] == "5×5 filter on L1 maps" and row["measure"] == "attack success"
    ]
    assert row["pair"]["value"] == pytest.approx(-0.025)
    assert row["pair"]["p"] == [1.0]
    assert "p = 1.000, not settled" in page
