"""Certificates in an evaluation: what they are of, what is tried on them, and what breaks one."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

import blurnet
from blurnet import BlurnetError, evaluation
from blurnet.certificates import MaskedNetwork, Square, certify
from blurnet.certificates.attack import MaskedAttackSettings, attack_masked
from blurnet.certificates.pairs import pairs_of
from blurnet.evaluation import certificates as evaluation_certificates
from blurnet.evaluation.asked_certificates import asked_certificates, default_families
from blurnet.evaluation.certificates import stickers_of
from blurnet.evaluation.certified_network import certify_network
from blurnet.evaluation.evidence import Suite, SuiteAttack

evaluate = partial(evaluation.evaluate, audit=False)
SUITE = Suite(
    name="tiny",
    attacks=(
        SuiteAttack(
            name="pasted",
            describes="",
            rp2=blurnet.RP2Settings(
                steps=5, lam=0, placement="paste", loss="margin", goal="untargeted",
                scope="per_image",
            ),
        ),
    ),
)  # fmt: skip


class Halves(nn.Module):
    """Says which half has more dark pixels; black and white ones count twenty times."""

    def forward(self, images):
        grey = images.mean(1) - 0.5
        weight = grey * (1 + 19 * (40 * (grey.abs() - 0.45)).sigmoid())
        return torch.stack([-half.mean((1, 2)) for half in weight.chunk(2, 2)], 1) * 50


def halves(count=8):
    """Give images with a darker half: every other one all over, the rest in one spot alone."""
    labels = torch.arange(count) // 2 % 2
    images = torch.full((count, 3, 16, 16), 0.48)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        half = image[:, :, 8 * int(label) : 8 * int(label) + 8]
        half[:] = 0.3 if place % 2 else 0.5
        half[:, 3:9, 1:7] = 0.3
    return images, labels


def mask_of(left=True):
    mask = torch.zeros(16, 16)
    mask[4:8, 2:6] = 1
    return mask if left else mask.flip(1)


def condition_of(found):
    (condition,) = [each for each in found.conditions if each.name == "certificates hold"]
    return condition


@pytest.fixture(scope="module")
def evidence():
    images, labels = halves()
    return evaluate(Halves(), images, labels, mask_of(), suite=SUITE)


def test_the_usual_families(evidence):
    assert [each.family for each in evidence.certificates] == [
        "the mask ±0",
        "the mask ±1",
        "any 4×4",
    ]
    assert all(each.covers_mask for each in evidence.certificates)
    assert default_families(mask_of(), (224, 224)) == ("mask:0", "mask:14", "any:4")
    assert default_families(torch.ones(8, 5), (8, 5)) == ("mask:0", "mask:1", "any:5")
    assert evidence.masked == evidence.certificates[0]
    assert evidence.certified == evidence.certificates[0].rate


def test_certified_is_at_most_attacked(evidence):
    for each in evidence.certificates:
        assert each.rate.count == sum(each.certified)
        assert each.rate.count <= each.attacked.count <= each.accuracy.count
        assert each.tried > 0
        assert each.broken == 0
    widest = evidence.certificates[-1]
    assert 0 < widest.rate.count < 8
    condition = condition_of(evidence)
    assert condition.passed
    assert "0 certified images were turned by the" in condition.sentence


def test_a_wrong_certificate_is_broken_and_fails_the_evaluation(monkeypatch):
    def all_of_them(*given, **more):
        found = certify(*given, **more)
        return replace(found, certified=torch.ones_like(found.certified))

    monkeypatch.setattr(evaluation_certificates, "certify", all_of_them)
    images, labels = halves()
    found = evaluate(Halves(), images, labels, mask_of(), suite=SUITE, certify=("any:4",))
    assert found.certificates[0].broken > 0
    assert not found.passed
    assert not condition_of(found).passed
    assert "The certificate of any 4×4 is wrong" in condition_of(found).sentence


def test_the_attack_on_the_masked_network_finds_what_there_is():
    images, labels = halves()
    family = Square(size=4)
    found = certify(Halves(), images, labels, family)
    predictor = MaskedNetwork(Halves(), pairs_of(family, 16, 16))
    attacked = attack_masked(
        predictor,
        images,
        labels,
        family,
        wrong_under=found.wrong_under,
        settings=MaskedAttackSettings(),
        generator=torch.Generator().manual_seed(0),
    )
    assert family.has((attacked != images).any(1)).all()
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    held = predictor(attacked).argmax(1) == labels
    assert held[found.certified].all()
    assert not held[~found.certified].all()


def test_stickers_of_other_families_are_not_counted():
    """A sticker of the 4 × 4 mask is none of "any 2×2", nor of the mask on the other side."""
    images, labels = halves()
    attacked = images.clone()
    attacked[:, :, 4:8, 2:6] = 1
    shown = torch.arange(8)
    made = stickers_of(
        images, mask_of(), shown, [{"attacked/0": (attacked * 255).round().byte()}, {}]
    )
    assert len(made) == 1
    assert torch.equal(made[0].images[:, :, 4:8, 2:6], attacked[:, :, 4:8, 2:6])
    outside = ~mask_of().bool()
    assert torch.equal(made[0].images[:, :, outside], images[:, :, outside])
    tried = {}
    for text, mask in (("any:2", mask_of()), ("mask:0", mask_of(False)), ("any:4", mask_of())):
        (asked,) = asked_certificates((text,), images, mask)
        progress = evaluation_certificates.Progress(None, 0)
        (with_them,) = evaluation_certificates.certificates_of(
            blurnet.Classifier(Halves()), images, labels, (asked,), made, progress, 0
        )
        (without,) = evaluation_certificates.certificates_of(
            blurnet.Classifier(Halves()), images, labels, (asked,), (), progress, 0
        )
        tried[text, bool(mask[4, 2])] = with_them.tried > without.tried
    assert tried == {("any:2", True): False, ("mask:0", False): False, ("any:4", True): True}


def test_a_mask_for_each_image():
    images, labels = halves()
    masks = torch.stack([mask_of(place % 4 < 2) for place in range(8)])
    together = certify_network(Halves(), images, labels, ("mask:1", "any:3"), mask=masks)
    moved, anywhere = together.certificates
    assert moved.covers_mask
    assert not anywhere.covers_mask
    for place in range(8):
        alone = certify(
            Halves(), images[place : place + 1], labels[place : place + 1], "mask:1",
            mask=masks[place],
        )  # fmt: skip
        assert moved.certified[place] == bool(alone.certified[0])
        assert moved.answers[place] == int(alone.answers[0])


def test_none_and_nothing():
    images, labels = halves(4)
    found = evaluate(Halves(), images, labels, mask_of(), suite=SUITE, certify=())
    assert found.certificates == ()
    assert found.certified is None
    assert found.masked is None
    assert all(each.name != "certificates hold" for each in found.conditions)
    with pytest.raises(BlurnetError, match="no family of stickers 'some:3'"):
        evaluate(Halves(), images, labels, mask_of(), suite=SUITE, certify=("some:3",))
    with pytest.raises(BlurnetError, match="Give a family"):
        certify_network(Halves(), images, labels)
    with pytest.raises(BlurnetError, match=r"min_certified is a share .* found 2"):
        certify_network(Halves(), images, labels, ("any:2",), min_certified=2)


def test_as_much_as_is_demanded():
    images, labels = halves()
    said = []
    low = certify_network(
        Halves(), images, labels, ("any:4",), min_certified=0.1, on_step=lambda *at: said.append(at)
    )
    high = certify_network(Halves(), images, labels, ("any:4",), min_certified=1)
    assert low.passed
    assert not high.passed
    assert "double_cutout" in high.conditions[0].sentence
    assert said[-1][0] == said[-1][1]
    assert said[-1][2] == "certificate: any 4×4"
    assert low.accuracy.count == 8
    assert type(low).model_validate_json(low.to_json()) == low
