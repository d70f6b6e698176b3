"""An evaluation, on networks whose answers are known, and on disk."""

import json
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from blurnet import BlurnetError, evaluation
from blurnet.attacks import APGDSettings, RandomSearchSettings, RP2Settings
from blurnet.defenses import Blur, harden
from blurnet.evaluation import SUITES, Evidence, Suite, SuiteAttack, predict
from blurnet.models import build
from blurnet.penalties import Penalty

evaluate = partial(evaluation.evaluate, certify=())  # see test_evaluate_certificates.py
CLASSES = ("left", "right", "stop")
PASTED = RP2Settings(
    steps=3, lam=0, placement="paste", loss="margin", goal="untargeted", scope="per_image"
)


def tiny(queries=20, steps=3):
    """Three attacks of two or three steps."""
    return Suite(
        name="tiny",
        attacks=(
            SuiteAttack(name="formula", describes="", rp2=RP2Settings(steps=2), targets=10),
            SuiteAttack(name="pasted", describes="", rp2=replace(PASTED, steps=steps)),
            SuiteAttack(
                name="search",
                describes="",
                random_search=RandomSearchSettings(queries=queries),
                gradient=False,
            ),
        ),
    )


@pytest.fixture(scope="module")
def images():
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def mask():
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    mask[0, 0] = 1 / 255  # as in RP2's own mask
    return mask


@pytest.fixture(scope="module")
def network():
    return build("lisa_cnn", 3, seed=0)


@pytest.fixture(scope="module")
def labels(network, images):
    """What the network answers, but for one."""
    labels = predict(network, images).classes
    labels[0] = (labels[0] + 1) % 3
    return labels


@pytest.fixture(scope="module")
def evidence(network, images, labels, mask):
    return evaluate(network, images, labels, mask, classes=CLASSES, suite=tiny(), network="mine")


def test_worst_case_over_attacks_image_by_image(evidence, labels):
    assert evidence.accuracy.count == 5
    by = [
        "clean" if answer != label else None
        for answer, label in zip(evidence.clean.classes, labels.tolist(), strict=True)
    ]
    for found in evidence.attacks:
        for target in found.targets:
            for place, (answer, label) in enumerate(
                zip(target.answers, labels.tolist(), strict=True)
            ):
                if label not in {answer, target.target} and by[place] is None:
                    by[place] = found.attack.name
    assert evidence.worst.by == tuple(by)
    assert evidence.worst.success.count == sum(each is not None for each in by)
    assert evidence.worst.accuracy.count == 6 - evidence.worst.success.count
    assert evidence.mask_pixels == 160, "a stray pixel of 1/255 is not counted"
    assert evidence.certified is None
    assert evidence.classes == CLASSES
    assert evidence.names[0] == "image 1"


def test_each_label_is_attacked_as_an_object_of_its_own(network, images, mask):
    labels = torch.tensor([2, 0, 2, 0, 2, 2])
    found = evaluate(network, images, labels, mask, suite=tiny()).attacks[0]
    assert [each.target for each in found.targets] == [0, 1, 2]
    alone = {
        label: evaluate(network, images[labels == label], label, mask, suite=tiny()).attacks[0]
        for label in (0, 2)
    }
    for target in found.targets:
        for label, its_own in alone.items():
            answers = torch.tensor(target.answers)[labels == label].tolist()
            same = [each for each in its_own.targets if each.target == target.target]
            if target.target == label:
                assert not same
                assert answers == predict(network, images).classes[labels == label].tolist()
            else:
                assert answers == list(same[0].answers)
        assert target.success.total == int((labels != target.target).sum())
    assert found.any_target.total == 6


class Brightness(nn.Module):
    """Class 1 where the sticker's place is brighter than a limit; the gradient may be hidden."""

    def __init__(self, limit=0.5, *, hidden=False):
        super().__init__()
        self.limit, self.hidden = limit, hidden

    def forward(self, images):
        place = images[:, :, 2:6, 2:6].mean((1, 2, 3))
        if self.hidden:
            place = (place * 64).round() / 64
        return torch.stack([self.limit - place, place - self.limit], 1) * 20


def bright_place(covered=True):
    mask = torch.zeros(8, 8)
    if covered:
        mask[2:6, 2:6] = 1
    else:
        mask[0, 0] = 1
    return mask


def held(evidence, name):
    (condition,) = [each for each in evidence.conditions if each.name.startswith(name)]
    return condition


def test_ill_posed_where_the_place_is_all_that_tells():
    images = torch.full((6, 3, 8, 8), 0.1)
    covered = evaluate(Brightness(), images, 0, bright_place(), suite=tiny())
    assert not held(covered, "well-posed").passed
    assert "covering rather than attacking" in held(covered, "well-posed").sentence
    assert not covered.passed
    elsewhere = evaluate(Brightness(), images, 0, bright_place(False), suite=tiny(), audit=False)
    assert held(elsewhere, "well-posed").passed
    assert elsewhere.worst.accuracy.value == 1
    assert elsewhere.passed


def test_a_hidden_gradient_is_found_by_the_search():
    images = torch.full((4, 3, 8, 8), 0.1)
    asked = {"suite": tiny(queries=300, steps=40)}
    hidden = evaluate(Brightness(0.8, hidden=True), images, 0, bright_place(), **asked)
    assert held(hidden, "well-posed").passed
    assert [found.success.value for found in hidden.attacks] == [0, 0, 1]
    assert not held(hidden, "gradient attack").passed
    assert "The gradient misleads" in held(hidden, "gradient attack").sentence
    assert hidden.worst.by == ("search",) * 4
    assert not hidden.passed
    shown = evaluate(Brightness(0.8), images, 0, bright_place(), **asked)
    assert shown.attacks[1].success.value == 1
    assert held(shown, "gradient attack").passed


def test_what_hardened_it_is_said(images, mask, network):
    penalty = Penalty("total_variation", 1e-4, ("relu1",))
    net = harden(network, Blur("box", 3, after="relu1"), penalty)
    found = evaluate(net, images, 0, mask, suite=tiny())
    assert found.defense == "box 3×3 after relu1, total variation 0.0001"


def test_what_is_asked_of_accuracy_and_robustness(network, images, labels, mask):
    given = {"suite": tiny(), "max_success": 0.0, "min_accuracy": 5 / 6}
    found = evaluate(network, images, labels, mask, **given)
    assert held(found, "accuracy").passed
    assert not held(found, "robust").passed
    assert "at most 0.0 % is asked" in held(found, "robust").sentence
    assert found.suite.max_success == 0
    wrong = evaluate(network, images, (labels + 1) % 3, mask, suite=tiny())
    assert not held(wrong, "accuracy").passed
    assert "in the order of the logits" in held(wrong, "accuracy").sentence


def test_progress_goes_to_the_end(network, images, labels, mask):
    said = []
    evaluate(network, images, labels, mask, suite=tiny(), on_step=lambda *at: said.append(at))
    done, totals, notes = zip(*said, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == totals[-1]
    assert len(set(totals)) == 1
    assert {"formula", "pasted", "search", "random colours"} <= set(notes)


def test_saved_and_loaded(evidence, tmp_path, images, monkeypatch):
    monkeypatch.setattr("blurnet.evaluation.saving.page_of", lambda _: "<html></html>")
    folder = evidence.save(tmp_path / "deep" / "evidence")
    assert sorted(each.name for each in folder.iterdir()) == [
        "evidence.json",
        "report.html",
        "tensors.safetensors",
    ]
    loaded = Evidence.load(folder)
    assert loaded == evidence
    assert loaded.to_json() == evidence.to_json()
    assert loaded.tensors.keys() == evidence.tensors.keys()
    for name, tensor in evidence.tensors.items():
        assert torch.equal(loaded.tensors[name], tensor)
    assert torch.equal(loaded.tensors["clean"], (images * 255).round().byte())
    assert evidence.save(tmp_path / "a.html").read_text() == "<html></html>"
    assert json.loads(evidence.save(tmp_path / "a.json").read_text())["network"] == "mine"
    (folder / "tensors.safetensors").unlink()
    assert Evidence.load(folder).tensors == {}
    with pytest.raises(BlurnetError, match=r"no evidence\.json there"):
        Evidence.load(tmp_path)
    (folder / "evidence.json").write_text('{"network": 3}')
    with pytest.raises(BlurnetError, match=r"evidence\.json: "):
        Evidence.load(folder)


def test_pictures_are_those_of_the_answers(network, evidence, labels, images):
    tensors = evidence.tensors
    assert tensors["shown"].tolist() == list(range(6))
    for place, found in enumerate(evidence.attacks):
        shown = tensors[f"attacked/{place}"]
        assert shown.shape == (6, 3, 32, 32)
        answers = {target.target: target.answers for target in found.targets}
        if found.attack.rp2 is None:
            assert tensors[f"answers/{place}"].tolist() == list(answers[None])
            continue
        for image, (target, answer) in enumerate(
            zip(tensors[f"target/{place}"].tolist(), tensors[f"answers/{place}"], strict=True)
        ):
            assert target != labels[image]
            assert answers[None if target < 0 else target][image] == answer
        sticker = tensors[f"sticker/{place}"][tensors[f"sticker_of/{place}"]]
        assert sticker.shape == (6, 3, 32, 32)
    covered = tensors["mask"] > 0.5
    pasted = tensors["attacked/1"].float() / 255
    chosen = tensors["sticker/1"][tensors["sticker_of/1"]]
    assert (pasted - chosen)[:, :, covered].abs().max() < 1 / 255


def test_more_than_forty_images_are_shown_in_part(images, mask):
    net = Brightness()
    many = torch.rand(90, 3, 8, 8)
    small = tiny()
    found = evaluate(net, many, 0, bright_place(), suite=small)
    assert found.tensors["clean"].shape == (40, 3, 8, 8)
    assert found.tensors["shown"][0] == 0
    assert found.tensors["shown"][-1] == 89
    assert len(found.tensors["attacked/1"]) == 40


def test_the_same_seed_gives_the_same_figures(network, images, labels, mask, evidence):
    again = evaluate(network, images, labels, mask, classes=CLASSES, suite=tiny(), network="mine")
    assert again.worst == evidence.worst
    assert [[t.answers for t in a.targets] for a in again.attacks] == [
        [t.answers for t in a.targets] for a in evidence.attacks
    ]


def test_its_table(evidence):
    text = evidence.table()
    assert "mine: 6 images, a mask of 160 pixels (15.6 %), suite tiny" in text
    assert "robust accuracy, at least" in text
    assert "nothing is certified" in text
    for found in evidence.attacks:
        assert found.attack.name in text


def test_evidence_of_before_these_attacks_is_read(evidence, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    stored = json.loads(evidence.to_json())
    for attack in [each["attack"] for each in stored["attacks"]] + stored["suite"]["attacks"]:
        for name in ("patch_rs", "apgd", "placed_apgd"):
            del attack[name]
        if attack["random_search"]:
            del attack["random_search"]["until_fooled"]
        if attack["rp2"]:
            del attack["rp2"]["penalties"], attack["rp2"]["frequencies"]
    for found in stored["attacks"]:
        del found["queries"], found["gradients"]
    (folder / "evidence.json").write_text(json.dumps(stored))
    loaded = Evidence.load(folder)
    assert loaded.worst == evidence.worst
    assert loaded.attacks[2].queries is None


def test_the_suites_there_are():
    standard = SUITES["standard"]
    formula, strongest, search = standard.attacks
    assert formula.rp2 == RP2Settings()
    assert strongest.apgd == APGDSettings(steps=100, loss="cross_entropy", restarts=5)
    assert strongest.by_gradient_alone
    assert not search.by_gradient_alone
    searched = strongest.model_copy(update={"apgd": APGDSettings(search=50)})
    assert not searched.by_gradient_alone, "what it finds may be the search's"
    assert search.random_search.queries == 2000
    assert "too few steps" in SUITES["quick"].describes
    written = standard.model_dump_json()
    assert Suite.model_validate_json(written) == standard
    endless = RP2Settings(p=math.inf)
    kept = SuiteAttack(name="a", describes="", rp2=endless).model_dump_json()
    assert SuiteAttack.model_validate_json(kept).rp2 == endless


def test_refused_in_one_line(network, images, labels, mask):
    def refused(match, *, pictures=images, its_own=labels, place=mask, **more):
        with pytest.raises(BlurnetError, match=match) as refusal:
            evaluate(network, pictures, its_own, place, **{"suite": tiny(), **more})
        assert "\n" not in str(refusal.value)

    refused("no suite 'best'; there are: standard, quick", suite="best")
    refused("labels 3: the network has 3 classes", its_own=torch.tensor([3] * 6))
    refused("labels: 2 labels for 6 images", its_own=[0, 1])
    refused("labels 'up': no such class", its_own=["up"] * 6, classes=CLASSES)
    refused("0 everywhere", place=0 * mask)
    refused("no pixel above 0.5", place=0.3 * mask)
    refused("4 × 32 × 32", place=torch.ones(4, 32, 32))
    refused("float32", pictures=(255 * images).byte())
    refused("48", pictures=torch.rand(6, 3, 48, 48), place=torch.ones(48, 48))
    refused("max_success is a share", max_success=5)
    refused("2 names for 6 images", names=["a", "b"])
    with pytest.raises(BlurnetError, match="one attack: rp2 or random_search"):
        SuiteAttack(name="a", describes="")
