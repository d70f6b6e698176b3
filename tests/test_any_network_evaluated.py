"""Networks that blurnet has never seen, attacked and evaluated, with page, saved and loaded."""

import pytest
import torch
from networks import NETWORKS

from blurnet.attacks import RandomSearchSettings, RP2Settings, transform
from blurnet.defenses import Blur, harden
from blurnet.evaluation import Evidence, Suite, SuiteAttack, attack, evaluate, predict

SUITE = Suite(
    name="two steps",
    attacks=(
        SuiteAttack(
            name="formula", describes="Added, for all.", rp2=RP2Settings(steps=2), targets=2
        ),
        SuiteAttack(
            name="pasted",
            describes="One for each.",
            rp2=RP2Settings(
                steps=2,
                lam=0,
                placement="paste",
                loss="margin",
                goal="untargeted",
                scope="per_image",
                restarts=2,
                precision="auto",
            ),
        ),
        SuiteAttack(
            name="search",
            describes="By asking.",
            random_search=RandomSearchSettings(queries=5),
            gradient=False,
        ),
    ),
)


def given(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build()
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(shape[1:])
    mask[shape[1] // 4 : shape[1] // 2, shape[2] // 4 : 3 * shape[2] // 4] = 1
    return model, images, mask


# The others come out the same way, and are evaluated in the slow suite.
UNLIKE = ("residual", "spatial_transformer", "grey", "dict_output", "exported", "transformers_vit")


@pytest.mark.parametrize(
    "name",
    [name if name in UNLIKE else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS],
)
def test_evaluated_with_page_saved_and_loaded(name, tmp_path):
    model, images, mask = given(name)
    before = images.clone()
    labels = predict(model, images).classes
    labels[0] = (labels[0] + 1) % 3
    masks = mask.expand(3, *mask.shape).clone()
    masks[1] = mask.flip(0)
    certify = ("mask:0", f"any:{images.shape[3] // 2}")
    evidence = evaluate(model, images, labels, masks, suite=SUITE, network=name, certify=certify)
    assert torch.equal(images, before), "the caller's images are left alone"
    assert evidence.accuracy.count == 2
    assert evidence.worst.by[0] == "clean"
    assert len(evidence.attacks) == 3
    folder = evidence.save(tmp_path / "evidence")
    assert Evidence.load(folder) == evidence
    page = (folder / "report.html").read_text()
    assert name in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize("name", NETWORKS)
def test_hardened_then_attacked_added_pasted_untargeted_and_through_transforms(name):
    plain, images, mask = given(name)
    model = harden(plain, Blur("box", 3))
    turned = [transform("rotation"), transform("brightness")]
    for settings, targets, transforms in (
        (RP2Settings(steps=2), [1], ()),
        (RP2Settings(steps=2, placement="paste"), "none", ()),
        (RP2Settings(steps=2, draws=2), [1, 2], turned),
    ):
        found = attack(
            model,
            images,
            mask,
            true=0,
            targets=targets,
            settings=settings,
            transforms=transforms,
            keep_images=False,
        )
        assert found.answers.shape == (len(found.aims), 3)
        assert torch.equal(predict(model, found.attacked()).classes, found.answers[0])
