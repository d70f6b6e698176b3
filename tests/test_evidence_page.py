"""The page of an evaluation, and of several side by side: what it says, and how loudly."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
import torch
from torch import nn

import blurnet
from blurnet.evaluation.evidence import Condition, Suite, SuiteAttack
from blurnet.report.evidence import beside, measures, page_of, sections
from blurnet.report.evidence.bracket import bracket_of, complement
from blurnet.report.evidence.masking import certificates_table, masked_bracket


class Brightness(nn.Module):
    """Says whether the left or the right half is brighter; a sticker on one half fools it."""

    def forward(self, images):
        halves = images.mean(1).chunk(2, dim=2)
        return torch.stack([half.mean((1, 2)) for half in halves], 1) * 20


CLASSES = ("left", "right")


def photographs(channels=3, count=6):
    images = torch.rand(count, channels, 16, 16) * 0.2 + 0.2
    labels = torch.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        image[:, :, 8 * int(label) : 8 * int(label) + 8] += 0.3
    return images, labels


def suite(**limits):
    return Suite(
        name="tiny",
        describes="For a test.",
        attacks=(
            SuiteAttack(
                name="formula", describes="Added.", rp2=blurnet.RP2Settings(steps=3), targets="all"
            ),
            SuiteAttack(
                name="search",
                describes="Without gradients.",
                random_search=blurnet.RandomSearchSettings(queries=5),
                gradient=False,
            ),
        ),
        **limits,
    )


@pytest.fixture(params=[1, 3])
def evidence(request):
    images, labels = photographs(request.param)
    mask = torch.zeros(len(images), 16, 16)
    mask[:, 2:6, 2:6] = 1
    names = [f"{CLASSES[label]}/{place}" for place, label in enumerate(labels.tolist())]
    return blurnet.evaluate(
        Brightness(),
        images,
        labels,
        mask,
        classes=CLASSES,
        suite=suite(),
        names=names,
        network="mine <b>",
    )


def text_of(page):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.split("<main>")[1])))


def test_the_page_says_what_was_found(evidence):
    page = page_of(evidence)
    text = text_of(page)
    assert "mine &lt;b&gt;" in page
    for condition in evidence.conditions:
        word = "holds" if condition.passed else "fails"
        assert f"{condition.name}: {word}." in text
    for title in (section.title for section in sections(evidence)):
        assert title in text
    for rung in bracket_of(evidence).rungs:
        assert rung.name in text
    assert "nothing is certified of the bare network" in text
    assert "Of this bare network nothing is certified; with masking in front of it" in text
    for each in evidence.certificates:
        assert f"With masking, against {each.family}" in text
        assert each.describes in text
    assert page.count("<img") >= 2 * 2 * len(evidence.labels)
    assert "left/0" in text
    assert "formula: each target" in text
    assert "http" not in re.sub(r"http-equiv", "", page.replace("http://www.w3.org", ""))


def test_the_bracket_goes_from_clean_to_the_worst_case(evidence):
    bracket = bracket_of(evidence)
    assert [rung.name for rung in bracket.rungs[:4]] == [
        "Clean images",
        "Random colours",
        "Strongest sticker nobody searched for",
        "The sticker's place known",
    ]
    assert bracket.rungs[0].accuracy == evidence.accuracy
    assert bracket.rungs[-1].accuracy == evidence.worst.accuracy == bracket.upper
    assert all(rung.accuracy.value >= bracket.upper.value for rung in bracket.rungs[4:])
    assert bracket.words.startswith("0")
    assert bracket.lower is None  # what is certified is another network


def test_each_bracket_is_of_one_network(evidence):
    assert [each.family for each in evidence.certificates] == [
        "the mask ±0",
        "the mask ±1",
        "any 4×4",
    ]
    for each in evidence.certificates:
        bracket = masked_bracket(each)
        assert bracket.lower == each.rate
        assert bracket.upper == each.attacked
        assert bracket.lower.value <= bracket.upper.value <= each.accuracy.value
        assert not each.broken
    row = certificates_table(evidence.certificates, evidence.accuracy).rows[0]
    assert row.cells[1].page == "0\u00a0%"
    bare = evidence.model_copy(update={"certificates": ()})
    assert "The network with masking" not in text_of(page_of(bare))
    assert "No certificate was computed." in text_of(page_of(bare))
    unattacked = evidence.certificates[0].model_copy(update={"attacked": None, "tried": 0})
    assert masked_bracket(unattacked).upper == unattacked.accuracy


def test_the_complement_of_a_rate(evidence):
    rate = replace(evidence.accuracy, value=0.25, low=0.1, high=0.5, count=1, total=4)
    other = complement(rate)
    assert (other.value, other.low, other.high, other.count) == (0.75, 0.5, 0.9, 3)


def test_ill_posed_and_quick_are_said_loudly(evidence):
    failed = Condition(name="well-posed", passed=False, sentence="Colours alone do it.")
    posed = evidence.model_copy(update={"conditions": (failed,)})
    page = page_of(posed)
    assert "Ill-posed: do not quote these figures" in page
    assert page.count("Colours alone do it.") >= 2
    assert "1 of 1 conditions fails: well-posed" in text_of(page)
    held = evidence.model_copy(update={"conditions": (failed.model_copy(update={"passed": True}),)})
    assert "Ill-posed" not in page_of(held)
    assert "All conditions hold" in text_of(page_of(held))
    quick = evidence.model_copy(
        update={"suite": evidence.suite.model_copy(update={"name": "quick"})}
    )
    assert "For a test." in text_of(page_of(quick).split("<h3>Conditions")[0])


def test_a_page_without_pictures(evidence):
    titles = [section.title for section in sections(evidence.with_tensors({}))]
    assert "Photographs" not in titles
    assert "Stickers" not in titles
    assert "Attacks" in titles
    page_of(evidence.with_tensors({}))


@pytest.mark.parametrize("evidence", [3], indirect=True)
def test_large_photographs_are_shrunk(evidence):
    images, labels = photographs(3, 4)
    large = nn.functional.interpolate(images, 320)
    mask = torch.zeros(320, 320)
    mask[40:120, 40:120] = 1
    found = blurnet.evaluate(Brightness(), large, labels, mask, classes=CLASSES, suite=suite())
    assert len(page_of(found)) < 2_000_000


def test_evaluations_beside_each_other(evidence, tmp_path):
    other = evidence.model_copy(update={"network": "other", "defense": "box 5×5"})
    rates = list(measures(evidence))
    assert {each.table for each in rates} == {"The network", "Attacks"}
    titles = [section.title for section in beside({"one": evidence, "two": other})]
    assert titles == ["The brackets", "Image by image"]
    for name, each in (("one", evidence), ("two", other.with_tensors(evidence.tensors))):
        each.save(tmp_path / name)
    written = blurnet.report(tmp_path / "one", tmp_path / "two", out=tmp_path / "both")
    text = text_of(written.page.read_text())
    assert f"The same {len(evidence.labels)} images in both" in text
    assert "only in one" in text
    assert "box 5×5" in text
    assert (tmp_path / "both/figures/bracket.png").is_file()
    fewer = evidence.model_copy(update={"names": tuple("abcdef")})
    noted = beside({"one": evidence, "two": fewer})[1]
    assert "different images" in noted.content[0].text
    assert json.loads((tmp_path / "one/evidence.json").read_text())["network"] == "mine <b>"
